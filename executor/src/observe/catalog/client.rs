use http::StatusCode;
use lakedr_control::id::TableName;
use lakedr_control::location::{InvalidUrl, StoreUrl};
use lakedr_control::secret::Secret;
use lakedr_control::service::{Call, Login, Service, ServiceError, unity_catalog_api};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use url::Url;

use super::answer::{CommitsPage, CommitsQuestion, TableInfo};
use super::error::CatalogError;
use super::kind::TableKind;
use crate::delta::ratified::Ratified;
use crate::delta::root::TableRoot;

/// A table that a catalog has, and lakedr can copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogTable {
    /// Its id in the catalog.
    pub id: String,
    /// Where it lies.
    pub url: StoreUrl,
    /// Who may write to it.
    pub kind: TableKind,
}

/// A Unity Catalog server, or the catalog of a workspace. Read only.
#[derive(Debug)]
pub struct UnityCatalog {
    service: Service,
    /// The older version of the API, in which workspaces keep some of the calls.
    older: Service,
}

impl UnityCatalog {
    /// The catalog. Nothing is sent.
    ///
    /// # Errors
    /// When there can be no connections at all.
    pub fn new(server: &Url, token: Option<Secret>) -> Result<Self, CatalogError> {
        let login = token.map_or(Login::Anonymous, Login::Bearer);
        let api = unity_catalog_api(server);
        let older = Service::new(&api.replace("/api/2.1/", "/api/2.0/"), login.clone())?;
        Ok(Self { service: Service::new(&api, login)?, older })
    }

    /// Asks what servers and workspaces have under different versions of the API.
    pub(super) async fn ask_either<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ServiceError> {
        match self.service.ask(call).await {
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) && !error.is_absent() => {
                self.older.ask(call).await
            }
            answer => answer,
        }
    }

    fn name(&self) -> String {
        self.service.base().to_owned()
    }

    /// Where a table lies, by its name.
    ///
    /// # Errors
    /// A [`CatalogError`] when the catalog has no such table, or one that cannot be copied.
    pub async fn find(&self, table: &TableName) -> Result<CatalogTable, CatalogError> {
        let (catalog, name) = (|| self.name(), || table.clone());
        let info = self.table(table).await?;
        let info = info.ok_or_else(|| CatalogError::Absent { catalog: catalog(), table: name() })?;
        let kind = TableKind::of(&info.table_type, info.data_source_format.as_deref());
        let kind =
            kind.map_err(|what| CatalogError::NotCopied { catalog: catalog(), table: name(), what })?;
        let url = place(&info.storage_location).map_err(|cause| CatalogError::Place {
            catalog: catalog(),
            table: name(),
            cause,
        })?;
        Ok(CatalogTable { id: info.table_id, url, kind })
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
                catalog: self.name(),
                table: table.clone(),
                location: info.storage_location,
                declared: url.to_owned(),
            });
        }
        let mut ratified = Ratified::default();
        let mut next = Some(from);
        while let Some(start) = next {
            let page = match self.commits(&info, start).await {
                Err(CatalogError::Service { cause }) if start == from && coordinates_nothing(&cause) => {
                    return Ok(None);
                }
                page => page?,
            };
            let following = page.add_to(&mut ratified).map_err(|found| CatalogError::NotStaged {
                catalog: self.name(),
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
        match self.service.ask(&Call::get(format!("/tables/{name}"))).await {
            Err(error) if error.is_absent() => Ok(None),
            answer => Ok(Some(answer?)),
        }
    }

    async fn commits(&self, table: &TableInfo, start: u64) -> Result<CommitsPage, CatalogError> {
        let question = CommitsQuestion {
            table_id: &table.table_id,
            table_uri: &table.storage_location,
            start_version: start,
        };
        let call = Call::get("/delta/preview/commits").with_json(&question);
        Ok(self.service.ask(&call.map_err(CatalogError::Question)?).await?)
    }
}

/// Whether the service does not know the call, or not for this table: it then coordinates no commits of it, and a table that
/// says otherwise is refused.
fn coordinates_nothing(error: &ServiceError) -> bool {
    let statuses = [
        StatusCode::BAD_REQUEST,
        StatusCode::NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED,
        StatusCode::NOT_IMPLEMENTED,
    ];
    error.status().is_some_and(|status| statuses.contains(&status))
}

/// The place of a table, which some catalogs spell `file:/dir`.
fn place(location: &str) -> Result<StoreUrl, InvalidUrl> {
    match location.strip_prefix("file:/").filter(|path| !path.starts_with('/')) {
        Some(path) => format!("file:///{path}").parse(),
        None => location.parse(),
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

    #[test]
    fn places_as_catalogs_spell_them() {
        for spelled in ["file:/lake/t", "file:///lake/t", "file:///lake/t/"] {
            assert_eq!(place(spelled).expect("place").as_str(), "file:///lake/t", "{spelled}");
        }
        assert!(place("dbfs:/user/hive/warehouse/t").is_err());
        assert!(place("").is_err());
    }

    #[test]
    fn one_place_has_many_spellings() {
        assert!(same_place("file:/lake/t", "file:///lake/t/"));
        assert!(same_place("s3a://b/t", "s3://b/t"));
        assert!(!same_place("s3://b/t", "s3://b/t2"));
        assert!(!same_place("", "s3://b/t2"));
    }
}
