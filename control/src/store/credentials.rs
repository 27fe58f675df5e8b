//! Whether a store has been given credentials, and which external account it is to be. What a builder finds by asking
//! the machine does not count.

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};

use super::FederationError;
use super::federated::google::GoogleFederation;

/// The variable that names a folder of the user, and where in it `gcloud` leaves credentials.
const APPLICATION_DEFAULT_CREDENTIALS: (&str, &str) = if cfg!(windows) {
    ("APPDATA", "gcloud/application_default_credentials.json")
} else {
    ("HOME", ".config/gcloud/application_default_credentials.json")
};

fn is_set(value: Option<String>) -> bool {
    value.is_some_and(|value| !value.is_empty() && value != "false")
}

pub(super) fn aws(builder: &AmazonS3Builder) -> bool {
    [
        AmazonS3ConfigKey::AccessKeyId,
        AmazonS3ConfigKey::SecretAccessKey,
        AmazonS3ConfigKey::WebIdentityTokenFile,
        AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
        AmazonS3ConfigKey::ContainerCredentialsFullUri,
        AmazonS3ConfigKey::SkipSignature,
    ]
    .into_iter()
    .any(|key| is_set(builder.get_config_value(&key)))
}

pub(super) fn azure(builder: &MicrosoftAzureBuilder) -> bool {
    [
        AzureConfigKey::AccessKey,
        AzureConfigKey::SasKey,
        AzureConfigKey::Token,
        AzureConfigKey::ClientSecret,
        AzureConfigKey::FederatedTokenFile,
        AzureConfigKey::MsiEndpoint,
        AzureConfigKey::UseAzureCli,
        AzureConfigKey::UseEmulator,
        AzureConfigKey::SkipSignature,
    ]
    .into_iter()
    .any(|key| is_set(builder.get_config_value(&key)))
}

pub(super) fn gcs(builder: &GoogleCloudStorageBuilder) -> bool {
    [
        GoogleConfigKey::ServiceAccount,
        GoogleConfigKey::ServiceAccountKey,
        GoogleConfigKey::ApplicationCredentials,
        GoogleConfigKey::SkipSignature,
    ]
    .into_iter()
    .any(|key| is_set(builder.get_config_value(&key)))
}

/// The external account that the application default credentials are, where no key comes before them.
pub(super) fn external_account(
    builder: &GoogleCloudStorageBuilder,
) -> Result<Option<GoogleFederation>, FederationError> {
    let value = |key| builder.get_config_value(&key);
    let key = value(GoogleConfigKey::ServiceAccount).or_else(|| value(GoogleConfigKey::ServiceAccountKey));
    if key.is_some() || is_set(value(GoogleConfigKey::SkipSignature)) {
        return Ok(None);
    }
    let (home, below) = APPLICATION_DEFAULT_CREDENTIALS;
    let usual = || variable(home).map(|home| format!("{home}/{below}"));
    let file = value(GoogleConfigKey::ApplicationCredentials).or_else(usual);
    file.map_or(Ok(None), |file| GoogleFederation::of(file.as_ref()))
}

/// A variable of the environment that holds something.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
