//! Who asks a Databricks workspace.

use lakedr_control::secret::{Secret, SecretRef};
use lakedr_control::service::Login;
use lakedr_control::validate::{Workspace, WorkspaceLogin};
use lakedr_control::vault::{SecretError, Secrets};

/// The login that a group declares for a workspace.
///
/// # Errors
/// When a secret cannot be had.
pub async fn workspace_login(workspace: &Workspace, secrets: &Secrets) -> Result<Login, SecretError> {
    let secret =
        async |reference: &SecretRef| -> Result<Secret, SecretError> { secrets.get(reference).await };
    Ok(match &workspace.login {
        WorkspaceLogin::Token(token) => Login::Bearer(secret(token).await?),
        WorkspaceLogin::Client { id, secret: of_client } => {
            Login::databricks_client(secret(id).await?, secret(of_client).await?)
        }
    })
}
