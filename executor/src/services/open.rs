use lakedr_control::secret::{Secret, SecretRef};
use lakedr_control::service::{Login, Service};
use lakedr_control::validate::{HookCall, ServiceKind, Side, SideService};
use lakedr_control::vault::Secrets;

use super::airflow_dag::AirflowDag;
use super::cluster::Cluster;
use super::databricks_job::Job;
use super::fault::ServiceFault;
use super::hook::{Hook, Means, Moment};
use super::instance_pool::InstancePool;
use super::switch::Switch;
use super::warehouse::Warehouse;
use crate::observe::workflow::{WebServer, workspace_login};

/// The client of a service. Fetches the secrets that it needs, and sends nothing else.
///
/// # Errors
/// When a secret cannot be had, or the side lacks what the service is part of.
pub(super) async fn open(
    service: &SideService,
    side: &Side,
    secrets: &Secrets,
    moment: Moment,
) -> Result<Box<dyn Switch>, ServiceFault> {
    Ok(match &service.kind {
        ServiceKind::InstancePool { id, min_idle } => {
            let (service, id) = (workspace(side, secrets).await?, id.clone());
            Box::new(InstancePool { service, id, min_idle: *min_idle })
        }
        ServiceKind::SqlWarehouse(id) => {
            Box::new(Warehouse { service: workspace(side, secrets).await?, id: id.clone() })
        }
        ServiceKind::Cluster(id) => {
            Box::new(Cluster { service: workspace(side, secrets).await?, id: id.clone() })
        }
        ServiceKind::DatabricksJob(job) => {
            let service = workspace(side, secrets).await?;
            Box::new(Job { workspace: declared(side)?.url.clone(), service, job: job.clone() })
        }
        ServiceKind::AirflowDag(dag) => {
            let asked = async |reference| secret(secrets, dag.url.as_str(), reference).await;
            let login = match &dag.login {
                Some((user, password)) => Some((asked(user).await?, asked(password).await?)),
                None => None,
            };
            Box::new(AirflowDag { server: WebServer::new(&dag.url, login)?, dag_id: dag.dag_id.clone() })
        }
        ServiceKind::Hook(hook) => {
            let means = match &hook.call {
                HookCall::Run { command } => Means::Run(command.clone()),
                HookCall::Post { url, token } => {
                    let login = match token {
                        Some(token) => Login::Bearer(secret(secrets, url.as_str(), token).await?),
                        None => Login::Anonymous,
                    };
                    Means::Post(Service::new(url.as_str(), login)?)
                }
            };
            Box::new(Hook { declared: hook.clone(), means, moment })
        }
    })
}

fn declared(side: &Side) -> Result<&lakedr_control::validate::Workspace, ServiceFault> {
    let missing = || ServiceFault::NoWorkspace { region: side.region.clone() };
    side.workspace.as_ref().ok_or_else(missing)
}

async fn workspace(side: &Side, secrets: &Secrets) -> Result<Service, ServiceFault> {
    let workspace = declared(side)?;
    let login = workspace_login(workspace, secrets).await?;
    Ok(Service::new(workspace.url.as_str(), login)?)
}

async fn secret(secrets: &Secrets, service: &str, reference: &SecretRef) -> Result<Secret, ServiceFault> {
    let failed = |cause| ServiceFault::Secret { service: service.to_owned(), cause };
    secrets.get(reference).await.map_err(failed)
}
