//! What went wrong, where, and what a caller can do about it.
//!
//! House rules: a stage returns errors and never logs them; a message is a lower-case fragment that never repeats
//! its source; whoever ends the story ([`crate::report`]) prints the whole chain once. Losing a race and refusing
//! a cut are not errors but outcomes.

use std::error::Error;
use std::fmt;

use lakedr_control::codec::DecodeError;
use lakedr_control::group_log::{FailureClass, LogError};
pub use lakedr_control::message::chain;
use lakedr_control::service::ServiceError;
use lakedr_control::store::{ControlStoreError, OpenError, StoreError, StoreErrorKind};
use lakedr_control::vault::{MissingSecrets, SecretError};

/// Stages of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading specs.
    Spec,
    /// Reading tables, workflow and log.
    Observe,
    /// Comparing both sides.
    Plan,
    /// Moving files.
    Copy,
    /// Committing.
    Publish,
    /// Proving.
    Verify,
    /// Writing down what was done.
    Record,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spec => "spec",
            Self::Observe => "observe",
            Self::Plan => "plan",
            Self::Copy => "copy",
            Self::Publish => "publish",
            Self::Verify => "verify",
            Self::Record => "record",
        })
    }
}

/// A stage could not do its work.
#[derive(Debug)]
pub struct Failure {
    /// The stage.
    pub stage: Stage,
    /// What it was about: a table, a location, a log.
    pub subject: String,
    /// Class of the failure.
    pub class: FailureClass,
    /// Whether trying again may help.
    pub retryable: bool,
    /// What happened.
    pub cause: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.stage, self.subject)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.as_ref())
    }
}

/// Says what can be done about an error.
pub trait Classify: Error + Send + Sync + Sized + 'static {
    /// Class of the failure.
    fn class(&self) -> FailureClass;

    /// Whether trying again may help.
    fn retryable(&self) -> bool {
        self.class() == FailureClass::Unreachable
    }

    /// The error as the failure of a stage.
    fn at(self, stage: Stage, subject: impl fmt::Display) -> Failure {
        Failure {
            stage,
            subject: subject.to_string(),
            class: self.class(),
            retryable: self.retryable(),
            cause: Box::new(self),
        }
    }
}

/// Turns the error of a result into the failure of a stage.
pub trait At<T> {
    /// See [`Classify::at`].
    ///
    /// # Errors
    /// The error that was there.
    fn at(self, stage: Stage, subject: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: Classify> At<T> for Result<T, E> {
    fn at(self, stage: Stage, subject: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| error.at(stage, subject))
    }
}

fn of_store(kind: StoreErrorKind) -> FailureClass {
    match kind {
        StoreErrorKind::Denied => FailureClass::Denied,
        StoreErrorKind::Unreachable => FailureClass::Unreachable,
        StoreErrorKind::NoBucket | StoreErrorKind::Unsupported => FailureClass::Configuration,
        // an answer that says neither: a full disk, an error of the server
        StoreErrorKind::Other => FailureClass::Unreachable,
    }
}

impl Classify for StoreError {
    fn class(&self) -> FailureClass {
        of_store(self.kind)
    }

    fn retryable(&self) -> bool {
        self.is_retryable()
    }
}

impl Classify for OpenError {
    fn class(&self) -> FailureClass {
        FailureClass::Configuration
    }
}

impl Classify for ServiceError {
    fn class(&self) -> FailureClass {
        if self.is_denied() {
            return FailureClass::Denied;
        }
        match self {
            error if error.passes() => FailureClass::Unreachable,
            Self::Malformed { .. } => FailureClass::Unsupported,
            _ => FailureClass::Configuration,
        }
    }

    fn retryable(&self) -> bool {
        self.passes()
    }
}

impl Classify for SecretError {
    fn class(&self) -> FailureClass {
        if self.passes() {
            FailureClass::Unreachable
        } else if self.is_denied() {
            FailureClass::Denied
        } else {
            FailureClass::Configuration
        }
    }
}

impl Classify for MissingSecrets {
    /// A secret that is denied or not there stays so: only when all of them may come is trying again worth it.
    fn class(&self) -> FailureClass {
        if self.errors.iter().all(SecretError::passes) {
            FailureClass::Unreachable
        } else if self.errors.iter().any(SecretError::is_denied) {
            FailureClass::Denied
        } else {
            FailureClass::Configuration
        }
    }
}

impl Classify for DecodeError {
    fn class(&self) -> FailureClass {
        FailureClass::Configuration
    }
}

impl Classify for ControlStoreError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Store(cause) => cause.class(),
            Self::Document { .. } => FailureClass::Configuration,
            Self::Encode(_) => FailureClass::Internal,
        }
    }
}

impl Classify for LogError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Store { cause, .. } => cause.class(),
            Self::Entry { .. } | Self::Damaged { .. } | Self::Forked { .. } => FailureClass::Damaged,
            Self::Encode { .. } => FailureClass::Internal,
        }
    }
}

/// An error of the object store while table data is read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {url}")]
pub struct DataError {
    /// What was tried.
    pub verb: &'static str,
    /// Where.
    pub url: String,
    /// What the store said.
    #[source]
    pub cause: object_store::Error,
}

impl Classify for DataError {
    fn class(&self) -> FailureClass {
        data_class(&self.cause)
    }

    fn retryable(&self) -> bool {
        // the client retries what it can tell apart; what is left may still be a broken connection
        !matches!(
            self.cause,
            object_store::Error::NotFound { .. }
                | object_store::Error::PermissionDenied { .. }
                | object_store::Error::Unauthenticated { .. }
                | object_store::Error::InvalidPath { .. }
                | object_store::Error::NotImplemented { .. }
                | object_store::Error::NotSupported { .. }
        )
    }
}

/// Class of an error of the object store while table data is read or written.
#[must_use]
pub fn data_class(cause: &object_store::Error) -> FailureClass {
    match cause {
        object_store::Error::NotFound { .. } => FailureClass::Damaged,
        cause => of_store(lakedr_control::store::classify(cause)),
    }
}
