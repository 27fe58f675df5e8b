use http::StatusCode;
use lakedr_control::secret::Secret;
use lakedr_control::service::{Call, Login, Service, ServiceError};
use serde::de::IgnoredAny;
use tokio::sync::OnceCell;
use url::Url;

use crate::observe::workflow::WorkflowError;

/// One of the two APIs.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) service: Service,
    /// `v1` of Airflow 2, `v2` of Airflow 3.
    pub(crate) version: &'static str,
}

/// A web server of which nobody knows the version yet.
#[derive(Debug)]
pub(crate) struct WebServer {
    nobody: Service,
    login: Option<(Secret, Secret)>,
    api: OnceCell<Api>,
}

impl WebServer {
    /// `login` is user and password, if there are any. Nothing is sent.
    pub(crate) fn new(url: &Url, login: Option<(Secret, Secret)>) -> Result<Self, WorkflowError> {
        let nobody = Service::new(url.as_str(), Login::Anonymous).map_err(failed)?;
        Ok(Self { nobody, login, api: OnceCell::new() })
    }

    /// Airflow 3 tells its version at a place that Airflow 2 does not have, and to everybody.
    pub(crate) async fn api(&self) -> Result<&Api, WorkflowError> {
        let found = self.api.get_or_try_init(|| async {
            let version = self.nobody.ask::<IgnoredAny>(&Call::get("/api/v2/version")).await;
            let (version, login) = match (version, self.login.clone()) {
                (Ok(_), Some((user, password))) => {
                    ("v2", Login::Session { path: "/auth/token", user, password })
                }
                (Ok(_), None) => ("v2", Login::Anonymous),
                (Err(error), Some((user, password))) if error.status() == Some(StatusCode::NOT_FOUND) => {
                    ("v1", Login::Basic { user, password })
                }
                (Err(error), None) if error.status() == Some(StatusCode::NOT_FOUND) => {
                    ("v1", Login::Anonymous)
                }
                (Err(error), _) => return Err(failed(error)),
            };
            Ok(Api { service: self.nobody.asked_by(login), version })
        });
        found.await
    }
}

pub(super) fn failed(cause: ServiceError) -> WorkflowError {
    WorkflowError::Service { expected: "an Airflow web server", cause }
}
