//! The provider block: which region this is, and where its control store lies.

use std::collections::BTreeMap;

use lakedr_control::location::StoreUrl;

use crate::wire::{Attribute, Diagnostic, Diagnostics, Path, Schema, Step, Type, Value};

/// Environment variable that stands in for `region`.
pub const REGION_VARIABLE: &str = "LAKEDR_REGION";

/// Environment variable that stands in for `control_url`.
pub const CONTROL_URL_VARIABLE: &str = "LAKEDR_CONTROL_URL";

/// The schema of the provider block.
#[must_use]
pub fn schema() -> Schema {
    Schema {
        version: 0,
        description: "The lakedr provider declares the disaster recovery of a Delta lakehouse: which tables form a unit, in \
            which region their copies are kept, and how stale the copies may become.\n\nThe provider writes what is declared \
            as documents to a *control store*, a folder of an object store in each region. The \
            [`lakedr` executor](https://github.com/lakedr/lakedr), which runs in each region on a schedule of your own, reads \
            them and does the work. Apply the same configuration once per region, each time with the control store of that \
            region, so that either region can carry on without the other.",
        attributes: vec![
            Attribute::string("region").describe(
                "Region for which the configuration is applied, for example `eastus2`. Can also be set with the \
                 `LAKEDR_REGION` environment variable. One of the two is required.",
            ),
            Attribute::string("control_url").describe(
                "URL of the control store of that region: `abfss://container@account.dfs.core.windows.net/prefix`, \
                 `az://container/prefix`, `s3://bucket/prefix`, `gs://bucket/prefix`, or `file:///dir`. Can also be set \
                 with the `LAKEDR_CONTROL_URL` environment variable. One of the two is required.",
            ),
            Attribute::plain("storage_options", Type::map(Type::String)).sensitive().describe(
                "Options for accessing the control store, for example `aws_endpoint`. The keys are those of the \
                 [`object_store`](https://docs.rs/object_store) library. They take precedence over the credentials of \
                 the environment. The provider does not store them.",
            ),
        ],
    }
}

/// The provider block, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The region of this provider.
    pub region: String,
    /// Its control store.
    pub control_url: StoreUrl,
    /// Options of the store. They may hold credentials.
    pub storage_options: BTreeMap<String, String>,
}

/// What a provider block amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Configuration {
    /// Everything is known.
    Ready(Settings),
    /// These attributes depend on values that only apply can tell. Legal while planning, as long as no resource needs
    /// the control store.
    Unknown(Vec<&'static str>),
}

/// Checks what is known of a provider block, without the environment.
#[must_use]
pub fn validate(config: &Value) -> Diagnostics {
    let mut found = Diagnostics::new();
    if let Some(url) = config.attribute("control_url").as_str() {
        found.extend(parse_url(url).err().map(|problem| problem.at(Path::attribute("control_url"))));
    }
    if let Some(region) = config.attribute("region").as_str() {
        found.extend(check_region(region).map(|problem| problem.at(Path::attribute("region"))));
    }
    if let Value::Map(options) = config.attribute("storage_options") {
        let nulls = options.iter().filter(|(_, value)| value.is_null());
        found.extend(nulls.map(|(key, _)| {
            let path = Path::attribute("storage_options").join(Step::Key(key.clone()));
            Diagnostic::error("Missing value", "An option is null; remove it or give it a value.").at(path)
        }));
    }
    found
}

/// Resolves a provider block. `environment` gives the variables that stand in for attributes.
///
/// # Errors
///
/// Everything that is missing or wrong, at once.
pub fn resolve(
    config: &Value,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Configuration, Diagnostics> {
    let unknown: Vec<&'static str> = ["region", "control_url", "storage_options"]
        .into_iter()
        .filter(|name| !config.attribute(name).is_wholly_known())
        .collect();
    let mut problems = validate(config);
    let mut given = |name: &'static str, variable: &'static str| {
        let configured = config.attribute(name);
        let text = configured.as_str().map(str::to_owned);
        let text = text.or_else(|| environment(variable).filter(|text| !text.is_empty()));
        if text.is_none() && !configured.is_unknown() {
            problems.push(missing(name, variable));
        }
        text
    };
    let region = given("region", REGION_VARIABLE);
    let url = given("control_url", CONTROL_URL_VARIABLE);
    // what came from the environment has not been looked at yet
    problems.extend(
        region.as_deref().and_then(check_region).map(|problem| problem.at(Path::attribute("region"))),
    );
    let url = url.and_then(|url| match parse_url(&url) {
        Ok(url) => Some(url),
        Err(problem) => {
            problems.push(problem.at(Path::attribute("control_url")));
            None
        }
    });
    if problems.has_errors() {
        return Err(problems);
    }
    match (region, url) {
        (Some(region), Some(control_url)) if unknown.is_empty() => {
            Ok(Configuration::Ready(Settings { region, control_url, storage_options: options(config) }))
        }
        _ => Ok(Configuration::Unknown(unknown)),
    }
}

fn options(config: &Value) -> BTreeMap<String, String> {
    let Value::Map(options) = config.attribute("storage_options") else { return BTreeMap::new() };
    let known = options.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    known.collect()
}

fn missing(name: &str, variable: &str) -> Diagnostic {
    Diagnostic::error(
        format!("Missing {name}"),
        format!("Set `{name}` in the provider block, or the environment variable {variable}."),
    )
    .at(Path::attribute(name))
}

fn parse_url(text: &str) -> Result<StoreUrl, Diagnostic> {
    text.parse().map_err(|cause: lakedr_control::location::InvalidUrl| {
        Diagnostic::error("Malformed control store URL", format!("{cause}."))
    })
}

fn check_region(region: &str) -> Option<Diagnostic> {
    let wrong = region.is_empty() || region.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/');
    wrong.then(|| {
        let detail = format!("{region:?} is not the name of a region: write one word, for example eastus2.");
        Diagnostic::error("Malformed region", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(attributes: &[(&str, Value)]) -> Value {
        let mut config = crate::lifecycle::plan::blank(&schema());
        attributes.iter().for_each(|(name, value)| config.set_attribute(name, value.clone()));
        config
    }

    fn nothing(_: &str) -> Option<String> {
        None
    }

    fn summaries(problems: &Diagnostics) -> Vec<&str> {
        problems.iter().map(|problem| problem.summary.as_str()).collect()
    }

    #[test]
    fn everything_that_is_missing_is_said_at_once() {
        let problems = resolve(&config(&[]), nothing).unwrap_err();
        assert_eq!(summaries(&problems), ["Missing region", "Missing control_url"]);
        assert!(problems.iter().any(|problem| problem.detail.contains(CONTROL_URL_VARIABLE)));
    }

    #[test]
    fn the_environment_stands_in_and_the_block_wins() {
        let environment = |name: &str| match name {
            REGION_VARIABLE => Some("west".to_owned()),
            CONTROL_URL_VARIABLE => Some("file:///from/environment".to_owned()),
            _ => None,
        };
        let block = config(&[("control_url", "file:///from/block".into())]);
        let Ok(Configuration::Ready(settings)) = resolve(&block, environment) else { panic!("not ready") };
        assert_eq!((settings.region.as_str(), settings.control_url.as_str()), ("west", "file:///from/block"));
    }

    #[test]
    fn unknown_values_are_no_mistake_but_not_a_configuration_either() {
        let block = config(&[("control_url", Value::unknown()), ("region", "east".into())]);
        assert_eq!(resolve(&block, nothing), Ok(Configuration::Unknown(vec!["control_url"])));
        let none = config(&[("control_url", Value::unknown())]);
        assert_eq!(summaries(&resolve(&none, nothing).unwrap_err()), ["Missing region"]);
    }

    #[test]
    fn malformed_values_are_reported_from_wherever_they_come() {
        let block = config(&[("control_url", "lake".into()), ("region", "east us".into())]);
        assert_eq!(summaries(&validate(&block)), ["Malformed control store URL", "Malformed region"]);
        let environment = |_: &str| Some("no url".to_owned());
        assert_eq!(
            summaries(&resolve(&config(&[("region", "east".into())]), environment).unwrap_err()),
            ["Malformed control store URL"]
        );
    }
}
