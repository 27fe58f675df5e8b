//! Services that answer in JSON over HTTP: catalogs, workspaces, schedulers.
//!
//! One client for provider and executor: it says who asks, asks again when a service is busy, and turns what went wrong
//! into one kind of error. Credentials are never part of an error or a log line.

mod call;
mod client;
mod error;
mod grant;
mod login;
mod retry;

pub use call::Call;
pub use client::{Answer, Service};
pub use error::ServiceError;
pub use login::Login;

/// Where the API of Unity Catalog begins, on servers and workspaces alike.
const UNITY_CATALOG: &str = "/api/2.1/unity-catalog";

/// Base URL of the Unity Catalog API of a server or a workspace, which may be part of the given URL already.
#[must_use]
pub fn unity_catalog_api(server: &url::Url) -> String {
    let url = server.as_str().trim_end_matches('/');
    format!("{}{UNITY_CATALOG}", url.strip_suffix(UNITY_CATALOG).unwrap_or(url))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_api_begins_where_it_begins() {
        for url in ["https://uc", "https://uc/", "https://uc/api/2.1/unity-catalog/"] {
            let api = super::unity_catalog_api(&url.parse().unwrap());
            assert_eq!(api, "https://uc/api/2.1/unity-catalog", "{url}");
        }
    }
}
