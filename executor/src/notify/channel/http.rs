use lakedr_control::notification::{HiddenUrl, Notice};
use lakedr_control::secret::Secret;
use lakedr_control::service::{Call, Login, Service, ServiceError};
use serde_json::json;

use super::super::news;
use super::error::{ChannelError, HiddenError};

/// Where PagerDuty takes events, unless `LAKEDR_PAGERDUTY_URL` says otherwise (accounts in the EU have another address).
const PAGERDUTY: &str = "https://events.pagerduty.com";

/// Names the address of PagerDuty.
const PAGERDUTY_URL: &str = "LAKEDR_PAGERDUTY_URL";

/// A URL that is posted to.
#[derive(Debug)]
pub(super) struct Hook {
    url: HiddenUrl,
    service: Service,
    slack: bool,
}

impl Hook {
    pub(super) fn new(url: HiddenUrl, slack: bool) -> Result<Self, ChannelError> {
        let service = Service::new(&url.origin(), Login::Anonymous);
        let service = service.map_err(|error| HiddenError::new(url.to_string(), &error))?;
        Ok(Self { url, service, slack })
    }

    pub(super) async fn tell(&self, notice: &Notice) -> Result<(), ChannelError> {
        let body = if self.slack { news::slack(notice) } else { json!(notice) };
        let call = Call::post("").at_hidden(Secret::new(self.url.path_and_query())).with_json(&body);
        post(&self.service, call, &self.url.to_string()).await
    }
}

/// An integration of PagerDuty.
#[derive(Debug)]
pub(super) struct Pager {
    key: Secret,
    service: Service,
}

impl Pager {
    pub(super) fn new(key: Secret) -> Result<Self, ChannelError> {
        let base = std::env::var(PAGERDUTY_URL).unwrap_or_else(|_| PAGERDUTY.to_owned());
        let service = Service::new(&base, Login::Anonymous);
        let service = service.map_err(|error| HiddenError::new("PagerDuty".to_owned(), &error))?;
        Ok(Self { key, service })
    }

    pub(super) async fn tell(&self, notice: &Notice) -> Result<(), ChannelError> {
        let news::Call { path, body } = news::page(notice, &self.key);
        // the answer to a wrong key may repeat it
        let call = Call::post("").at_hidden(Secret::new(path.to_owned())).with_json(&body);
        post(&self.service, call, "PagerDuty").await
    }
}

async fn post(
    service: &Service,
    call: Result<Call, serde_json::Error>,
    place: &str,
) -> Result<(), ChannelError> {
    let hidden = |error: &ServiceError| HiddenError::new(place.to_owned(), error);
    let unfit = |cause| ServiceError::Malformed { url: place.to_owned(), cause };
    let call = call.map_err(|cause| hidden(&unfit(cause)))?;
    service.tell(&call).await.map_err(|error| ChannelError::Service(hidden(&error)))
}
