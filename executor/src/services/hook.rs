//! Hooks: whatever an operator has, told to stop or to start by a JSON request.

use async_trait::async_trait;
use lakedr_control::group_log::Power;
use lakedr_control::service::{Call, Service, ServiceError};
use lakedr_control::validate::Hook as Declared;
use serde::Serialize;

use super::fault::ServiceFault;
use super::switch::{Seen, Switch};
use crate::process::{ProcessFault, Program};

/// Format of requests.
///
/// | format | since | changes |
/// |---|---|---|
/// | 1 | 0.1.0 | the first |
const FORMAT: u32 = 1;

/// What a hook is told. It holds no secret.
#[derive(Debug, Clone, Serialize)]
pub struct HookRequest<'a> {
    /// Version of the format.
    pub format: u32,
    /// The group.
    pub group: &'a str,
    /// The hook.
    pub hook: &'a str,
    /// The region that it is declared for.
    pub region: &'a str,
    /// `stop` or `start`.
    pub event: &'static str,
    /// The epoch in force.
    pub epoch: u64,
    /// The region that is active.
    pub active_region: &'a str,
    /// The region that is standby.
    pub standby_region: &'a str,
}

/// The group at the moment of a call.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    pub(super) group: String,
    pub(super) region: String,
    pub(super) epoch: u64,
    pub(super) active_region: String,
    pub(super) standby_region: String,
}

/// How a hook is told.
#[derive(Debug)]
pub(super) enum Means {
    /// The request is posted to the base URL of this service.
    Post(Service),
    /// An executable is run.
    Run(String),
}

/// A hook of a side.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) declared: Declared,
    pub(super) means: Means,
    pub(super) moment: Moment,
}

impl Hook {
    fn request(&self, wanted: Power) -> HookRequest<'_> {
        HookRequest {
            format: FORMAT,
            group: &self.moment.group,
            hook: self.declared.name.as_str(),
            region: &self.moment.region,
            event: match wanted {
                Power::On => "start",
                Power::Off => "stop",
            },
            epoch: self.moment.epoch,
            active_region: &self.moment.active_region,
            standby_region: &self.moment.standby_region,
        }
    }
}

#[async_trait]
impl Switch for Hook {
    /// What a hook sees to is its own affair; that there is one can be seen.
    async fn look(&self) -> Result<Option<Seen>, ServiceFault> {
        if let Means::Run(command) = &self.means {
            let not_run = |cause| ProcessFault::NotRun { command: command.clone(), cause };
            tokio::fs::metadata(command).await.map_err(not_run)?;
        }
        Ok(None)
    }

    async fn ask(&self, wanted: Power) -> Result<(), ServiceFault> {
        let request = self.request(wanted);
        match &self.means {
            Means::Post(service) => {
                let url = || service.base().to_owned();
                let call = Call::post("").with_json(&request);
                let call = call.map_err(|cause| ServiceError::Malformed { url: url(), cause })?;
                Ok(service.tell(&call).await?)
            }
            Means::Run(command) => {
                let request = serde_json::to_vec(&request);
                let malformed = |cause| ServiceError::Malformed { url: command.clone(), cause };
                let program = Program { command, passes: &[], patience: self.declared.timeout };
                let status = program.run(&request.map_err(malformed)?).await?.status;
                if status.success() {
                    return Ok(());
                }
                Err(ServiceFault::Failed { command: command.clone(), status })
            }
        }
    }
}
