use lakedr_control::group_log::FailureClass;
use lakedr_control::store::OpenError;
use object_store::client::HttpError;

use crate::error::{Classify, DataError};

/// Why a file cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A store cannot be set up.
    #[error("a store cannot be opened")]
    Open(#[from] OpenError),
    /// A store failed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A request that the store's client has no call for failed.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The source has no such file, although its log names it.
    #[error(
        "{url} is gone: the log of the table names it, but a VACUUM or somebody else removed it. Nothing was \
         published. Raise delta.deletedFileRetentionDuration above the time between two syncs"
    )]
    Gone {
        /// The file.
        url: String,
    },
    /// The source has another file than its log says.
    #[error(
        "{url} holds {found} bytes, but the log of the table says {expected}; the file was replaced or damaged"
    )]
    SizeMismatch {
        /// The file.
        url: String,
        /// What the log says.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// The source was replaced while it was read.
    #[error(
        "{url} was replaced while it was read; files of a Delta table do not change, so somebody damages it"
    )]
    Changed {
        /// The file.
        url: String,
    },
    /// The target has another file under the name.
    #[error(
        "{url} exists with {found} bytes where {expected} belong; names of Delta files are unique, so somebody else \
         writes there. Nothing was overwritten; move that file away"
    )]
    Occupied {
        /// The file.
        url: String,
        /// What belongs there.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// The target has a file of the right size with other bytes.
    #[error(
        "{url} exists with other bytes than the source has; names of Delta files are unique, so somebody else \
         writes there. Nothing was overwritten; move that file away"
    )]
    Different {
        /// The file.
        url: String,
    },
    /// A read or an upload ended early.
    #[error("{url} broke off after {got} of {expected} bytes")]
    Truncated {
        /// The file.
        url: String,
        /// Bytes that should have come.
        expected: u64,
        /// Bytes that came.
        got: u64,
    },
    /// The target says that the file exists, and that it does not.
    #[error("{url} is being written by somebody else; it is neither absent nor there")]
    Contended {
        /// The file.
        url: String,
    },
    /// The local disk failed.
    #[error("cannot {verb} {path}")]
    Disk {
        /// What was tried.
        verb: &'static str,
        /// Where.
        path: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
}

impl Classify for CopyError {
    fn class(&self) -> FailureClass {
        match self {
            Self::Open(cause) => cause.class(),
            Self::Data(cause) => cause.class(),
            Self::Wire(cause) => cause.class(),
            Self::Gone { .. } | Self::SizeMismatch { .. } | Self::Changed { .. } => FailureClass::Damaged,
            Self::Occupied { .. } | Self::Different { .. } => FailureClass::Diverged,
            Self::Truncated { .. } | Self::Contended { .. } | Self::Disk { .. } => FailureClass::Unreachable,
        }
    }

    fn retryable(&self) -> bool {
        match self {
            Self::Data(cause) => cause.retryable(),
            _ => self.class() == FailureClass::Unreachable,
        }
    }
}

/// A request that the store's client has no call for failed.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The store refused.
    #[error("cannot {verb} {url}: the store answered {status} {code}: {message}")]
    Status {
        /// What was tried.
        verb: &'static str,
        /// Where.
        url: String,
        /// Status of the answer.
        status: u16,
        /// The provider's word for it.
        code: String,
        /// The provider's explanation.
        message: String,
    },
    /// No answer.
    #[error("cannot {verb} {url}")]
    Connection {
        /// What was tried.
        verb: &'static str,
        /// Where.
        url: String,
        /// Why.
        #[source]
        cause: HttpError,
    },
    /// An answer that is none.
    #[error("cannot {verb} {url}: the answer cannot be understood: {problem}")]
    Answer {
        /// What was tried.
        verb: &'static str,
        /// Where.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No credentials, or a request that cannot be written down.
    #[error("cannot {verb} {url}: the request cannot be signed")]
    Sign {
        /// What was tried.
        verb: &'static str,
        /// Where.
        url: String,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl WireError {
    /// Status of the answer, if there was one.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The provider's word for what went wrong.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Status { code, .. } => code,
            _ => "",
        }
    }

    fn passes(&self) -> bool {
        match self {
            Self::Status { status, code, .. } => {
                matches!(status, 408 | 429 | 500 | 502..=599)
                    || matches!(code.as_str(), "InternalError" | "SlowDown" | "ServiceUnavailable")
            }
            Self::Connection { .. } | Self::Answer { .. } => true,
            Self::Sign { .. } => false,
        }
    }
}

impl Classify for WireError {
    fn class(&self) -> FailureClass {
        match self.status() {
            _ if self.passes() => FailureClass::Unreachable,
            Some(401 | 403) => FailureClass::Denied,
            _ => FailureClass::Configuration,
        }
    }
}
