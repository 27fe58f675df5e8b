use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use lakedr_control::id::TableName;
use lakedr_control::validate::Catalog;
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector as _, HttpRequest, ReqwestConnector};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;

use super::answer::{CommitsPage, CommitsQuestion, Problem, TableInfo};
use super::error::CatalogError;
use crate::delta::ratified::Ratified;
use crate::delta::root::TableRoot;
use crate::spec::resolve;

/// Where the API begins, on servers and workspaces alike.
const API: &str = "/api/2.1/unity-catalog";

/// A Unity Catalog server, or the catalog of a workspace. Read only.
#[derive(Debug)]
pub struct UnityCatalog {
    http: HttpClient,
    catalog: Catalog,
    /// Where the API begins, without trailing slash.
    api: String,
}

impl UnityCatalog {
    /// The catalog. Nothing is sent; the token is resolved with each request.
    ///
    /// # Errors
    /// [`CatalogError::Request`] when there can be no connections at all.
    pub fn new(catalog: Catalog) -> Result<Self, CatalogError> {
        // the rules of a group let plain http pass for this machine only
        let options = ClientOptions::new().with_allow_http(catalog.url.scheme() == "http");
        let http = ReqwestConnector::default().connect(&options).map_err(|cause| CatalogError::Request {
            catalog: catalog.url.to_string(),
            problem: cause.to_string(),
        })?;
        let url = catalog.url.as_str().trim_end_matches('/');
        let api = format!("{}{API}", url.strip_suffix(API).unwrap_or(url));
        Ok(Self { http, catalog, api })
    }

    /// What the catalog knows of the commits of a table from a version on; none when it does not manage the table.
    ///
    /// # Errors
    /// A [`CatalogError`] when it does not say, or speaks of a table at another place than `url`.
    pub async fn ratified(
        &self,
        table: &TableName,
        url: &str,
        from: u64,
    ) -> Result<Option<Ratified>, CatalogError> {
        let Some(info) = self.table(table).await?.filter(TableInfo::is_managed) else { return Ok(None) };
        if !same_place(&info.storage_location, url) {
            return Err(CatalogError::Elsewhere {
                catalog: self.api.clone(),
                table: table.clone(),
                location: info.storage_location,
                declared: url.to_owned(),
            });
        }
        let mut ratified = Ratified::default();
        let mut next = Some(from);
        while let Some(start) = next {
            let page = self.commits(&info, start).await?;
            let following = page.add_to(&mut ratified).map_err(|found| CatalogError::NotStaged {
                catalog: self.api.clone(),
                table: table.clone(),
                version: found.version,
                file_name: found.file_name,
            })?;
            next = following.filter(|following| *following > start);
        }
        Ok(Some(ratified))
    }

    /// The table by its name; none when the catalog has none of that name.
    async fn table(&self, table: &TableName) -> Result<Option<TableInfo>, CatalogError> {
        let name =
            table.parts().map(|part: &str| utf8_percent_encode(part, NON_ALPHANUMERIC).to_string()).join(".");
        let url = format!("{}/tables/{name}", self.api);
        match self.ask(url, Bytes::new()).await {
            // a server without that path answers so too, but it does not say that it has no such table
            Err(CatalogError::Status { status: StatusCode::NOT_FOUND, message, .. })
                if message.contains("NOT_FOUND") =>
            {
                Ok(None)
            }
            answer => answer.map(Some),
        }
    }

    async fn commits(&self, table: &TableInfo, start: u64) -> Result<CommitsPage, CatalogError> {
        let url = format!("{}/delta/preview/commits", self.api);
        let question = CommitsQuestion {
            table_id: &table.table_id,
            table_uri: &table.storage_location,
            start_version: start,
        };
        let body = serde_json::to_vec(&question)
            .map_err(|cause| CatalogError::Malformed { url: url.clone(), cause })?;
        self.ask(url, Bytes::from(body)).await
    }

    async fn ask<T: DeserializeOwned>(&self, url: String, body: Bytes) -> Result<T, CatalogError> {
        let request = self.request(&url, body)?;
        let lost = |cause| CatalogError::Connection { url: url.clone(), cause };
        let (parts, body) = self.http.execute(request).await.map_err(lost)?.into_parts();
        let body = body.bytes().await.map_err(lost)?;
        if !parts.status.is_success() {
            let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
            let message = format!("{}: {}", problem.error_code, problem.message);
            return Err(CatalogError::Status { url, status: parts.status, message });
        }
        serde_json::from_slice(&body).map_err(|cause| CatalogError::Malformed { url, cause })
    }

    fn request(&self, url: &str, body: Bytes) -> Result<HttpRequest, CatalogError> {
        let catalog = || self.api.clone();
        let refuse = |problem: String| CatalogError::Request { catalog: catalog(), problem };
        let length = body.len();
        let mut request = HttpRequest::new(body.into());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = url.parse::<Uri>().map_err(|error| refuse(error.to_string()))?;
        let headers = request.headers_mut();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if length > 0 {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        if let Some(reference) = &self.catalog.token {
            let token =
                resolve(reference).map_err(|cause| CatalogError::Token { catalog: catalog(), cause })?;
            let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.reveal()))
                .map_err(|_| refuse("its token is no text that a header can hold".to_owned()))?;
            bearer.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, bearer);
        }
        Ok(request)
    }
}

/// Whether two urls name one place, however they are spelled.
fn same_place(a: &str, b: &str) -> bool {
    match (TableRoot::parse(a), TableRoot::parse(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(url: &str) -> String {
        let catalog = Catalog { url: url.parse().expect("url"), token: None };
        UnityCatalog::new(catalog).expect("catalog").api
    }

    #[test]
    fn the_api_begins_where_it_begins() {
        for url in ["https://uc", "https://uc/", "https://uc/api/2.1/unity-catalog/"] {
            assert_eq!(api(url), "https://uc/api/2.1/unity-catalog", "{url}");
        }
    }

    #[test]
    fn one_place_has_many_spellings() {
        assert!(same_place("file:/lake/t", "file:///lake/t/"));
        assert!(same_place("s3a://b/t", "s3://b/t"));
        assert!(!same_place("s3://b/t", "s3://b/t2"));
        assert!(!same_place("", "s3://b/t2"));
    }

    #[test]
    fn a_token_is_never_shown() {
        let catalog = Catalog {
            url: "https://uc".parse().expect("url"),
            token: Some("file:///dev/null".parse().expect("reference")),
        };
        let catalog = UnityCatalog::new(catalog).expect("catalog");
        let request = catalog.request("https://uc/x", Bytes::new()).expect("request");
        assert!(format!("{:?}", request.headers()).contains("Sensitive"));
    }
}
