use http::StatusCode;
use lakedr_control::service::ServiceError;
use lakedr_control::vault::SecretError;

use crate::observe::workflow::WorkflowError;
use crate::process::ProcessFault;

/// Why a service is not known to be as it should be.
#[derive(Debug, thiserror::Error)]
pub enum ServiceFault {
    /// It does not answer, or with an error.
    #[error("{cause}{}", remedy(.cause))]
    Service {
        /// What came of it.
        #[source]
        cause: ServiceError,
    },
    /// The job or DAG cannot be found, or the login to its workspace cannot be had.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// A secret cannot be had.
    #[error("the credentials for {service}")]
    Secret {
        /// The service.
        service: String,
        /// Why.
        #[source]
        cause: SecretError,
    },
    /// The side has no workspace.
    #[error("region {region} has no workspace; set workspace on that side of the group")]
    NoWorkspace {
        /// The region.
        region: String,
    },
    /// It took too long.
    #[error("no answer within {seconds} seconds")]
    TimedOut {
        /// How long it was waited for.
        seconds: u64,
    },
    /// The object of an answer lacks what has to be sent back.
    #[error("{what} has no {field}; lakedr cannot write it back as it is")]
    Incomplete {
        /// The object.
        what: String,
        /// The field.
        field: &'static str,
    },
    /// The job is started by something that this version does not know.
    #[error(
        "job {id} has nothing but the field `triggers`, which this version of lakedr cannot pause; pause the job by hand, or          give it a schedule, a trigger or a continuous run of its own"
    )]
    UnknownTriggers {
        /// Id of the job.
        id: i64,
    },
    /// The executable of a hook did not come to its end.
    #[error(transparent)]
    Process(#[from] ProcessFault),
    /// The executable of a hook says that it failed.
    #[error("{command} ended with {status}; what it wrote to stderr is in the log of lakedr")]
    Failed {
        /// Its path.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
}

fn remedy(cause: &ServiceError) -> &'static str {
    match cause.status() {
        Some(StatusCode::UNAUTHORIZED) => "; check the credentials that the group refers to",
        Some(StatusCode::FORBIDDEN) => {
            "; whoever owns these credentials needs the permission to manage it (CAN MANAGE, CAN EDIT)"
        }
        Some(StatusCode::NOT_FOUND) => "; check the id and the url",
        _ => "",
    }
}

impl From<ServiceError> for ServiceFault {
    fn from(cause: ServiceError) -> Self {
        Self::Service { cause }
    }
}

impl ServiceFault {
    /// Whether this process has no credentials for the service: somebody else may have them.
    #[must_use]
    pub fn is_about_credentials(&self) -> bool {
        matches!(self, Self::Secret { .. } | Self::Workflow(WorkflowError::Secret { .. }))
    }

    /// What the ledger says was seen.
    #[must_use]
    pub fn word(&self) -> &'static str {
        let passes = match self {
            Self::Service { cause } | Self::Workflow(WorkflowError::Service { cause, .. }) => cause.passes(),
            Self::TimedOut { .. } | Self::Process(ProcessFault::TimedOut { .. }) => true,
            fault => fault.is_about_credentials(),
        };
        if passes { "unreachable" } else { "failed" }
    }
}
