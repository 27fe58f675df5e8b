use buoyant_kernel::Error as KernelError;
use lakedr_control::group_log::FailureClass;

use crate::error::Classify;

/// Why there is no second opinion.
#[derive(Debug, thiserror::Error)]
pub enum SecondError {
    /// The kernel does not know a feature of the table. Nothing is wrong with the table.
    #[error("the second implementation cannot read table {url}: {feature}")]
    CannotRead {
        /// Url of the table.
        url: String,
        /// What it does not know, in its own words.
        feature: String,
    },
    /// The kernel could not read what it should be able to read.
    #[error("the second implementation failed on table {url}")]
    Failed {
        /// Url of the table.
        url: String,
        /// What it said.
        #[source]
        cause: Box<KernelError>,
    },
    /// The kernel ended without an answer.
    #[error("the second implementation broke off on table {url}")]
    BrokeOff {
        /// Url of the table.
        url: String,
    },
    /// A file of the kernel's is not one that a log could hold.
    #[error("the second implementation sees a malformed file in table {url}: {problem}")]
    Malformed {
        /// Url of the table.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl SecondError {
    /// What an error of the kernel means for a table.
    pub(super) fn of(url: &str, error: KernelError) -> Self {
        let url = url.to_owned();
        match refusal(&error) {
            Some(feature) => Self::CannotRead { url, feature },
            None => Self::Failed { url, cause: Box::new(error) },
        }
    }
}

/// What the kernel does not know, when that is why it failed.
fn refusal(error: &KernelError) -> Option<String> {
    match error {
        KernelError::Backtraced { source, .. } => refusal(source),
        // a type that it does not know makes the whole schema unreadable to it
        KernelError::Unsupported(what) | KernelError::MaxCatalogVersion(what) | KernelError::Schema(what) => {
            Some(what.clone())
        }
        _ => None,
    }
}

impl Classify for SecondError {
    fn class(&self) -> FailureClass {
        match self {
            Self::CannotRead { .. } => FailureClass::Configuration,
            Self::Failed { cause, .. } => of_kernel(cause),
            Self::BrokeOff { .. } | Self::Malformed { .. } => FailureClass::Internal,
        }
    }
}

fn of_kernel(error: &KernelError) -> FailureClass {
    match error {
        KernelError::Backtraced { source, .. } => of_kernel(source),
        KernelError::ObjectStore(cause) => crate::error::data_class(cause),
        KernelError::IOError(_) => FailureClass::Unreachable,
        _ => FailureClass::Damaged,
    }
}
