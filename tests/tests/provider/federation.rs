//! Credentials without keys: the token of a run, as HCP Terraform and agents hand it over, is exchanged for those of the
//! store.

use lakedr_e2e::servers::Mirror;
use lakedr_e2e::servers::identities::{AZURE, FEDERATED, GOOGLE, Identities, RUN};
use lakedr_e2e::terraform::Terraform;
use serde_json::{Value, json};

use crate::world::{assert_says, flat};

/// A root module that reads a location from an empty control store in the cloud.
fn reading(control: &str, options: &[(&str, &str)]) -> Terraform {
    let mut terraform = Terraform::with(&format!(
        "provider \"lakedr\" {{\n  region = \"eastus2\"\n  control_url = {control:?}\n  storage_options = {{ {} }}\n}}\n\
         data \"lakedr_external_location\" \"west\" {{\n  name = \"west\"\n}}\n",
        options.iter().map(|(name, value)| format!("{name} = {value:?}")).collect::<Vec<_>>().join(", ")
    ))
    .unwrap();
    // nothing that whoever runs the tests may have
    let home = terraform.folder().to_owned();
    terraform.set("HOME", home);
    terraform
}

/// Plans, and returns what Terraform said; every question to the store has to be asked with this.
#[track_caller]
fn asks_with(terraform: &Terraform, identities: &Identities, who: &str) {
    let said = flat(&terraform.fail(&["plan"]).unwrap());
    let asked = identities.asked();
    assert!(!asked.is_empty() && asked.iter().all(|known| known == who), "{asked:?}: {said}");
    assert!(!said.contains("token-of"), "{said}");
}

fn azure(identities: &Identities) -> Terraform {
    let endpoint = identities.url();
    let options = [("azure_storage_endpoint", endpoint.as_str()), ("azure_allow_http", "true")];
    let mut terraform = reading("abfss://control@account.dfs.core.windows.net/lakedr", &options);
    terraform.set("AZURE_AUTHORITY_HOST", &endpoint);
    terraform
}

/// The variables of the Azure SDKs, with the token in a file.
#[test]
fn a_token_file_is_exchanged_for_a_token_of_azure() {
    let identities = Identities::start().unwrap();
    let mut terraform = azure(&identities);
    terraform.write("token", RUN).unwrap();
    terraform.set("AZURE_CLIENT_ID", "the-client");
    terraform.set("AZURE_TENANT_ID", "the-tenant");
    let file = terraform.folder().join("token");
    terraform.set("AZURE_FEDERATED_TOKEN_FILE", file);
    asks_with(&terraform, &identities, &format!("Bearer {AZURE}"));
}

/// The variables of the azurerm provider, which HCP Terraform sets.
#[test]
fn a_token_for_azurerm_is_exchanged_for_a_token_of_azure() {
    for in_a_file in [false, true] {
        let identities = Identities::start().unwrap();
        let mut terraform = azure(&identities);
        terraform.write("token", &format!("{RUN}\n")).unwrap();
        terraform.set("ARM_USE_OIDC", "true");
        terraform.set("ARM_CLIENT_ID", "the-client");
        let said = flat(&terraform.fail(&["plan"]).unwrap());
        assert_says(&said, &["ARM_USE_OIDC is set, but ARM_OIDC_TOKEN is not"]);
        if in_a_file {
            let file = terraform.folder().join("token");
            terraform.set("ARM_OIDC_TOKEN_FILE_PATH", file);
        } else {
            terraform.set("ARM_OIDC_TOKEN", RUN);
        }
        let said = flat(&terraform.fail(&["plan"]).unwrap());
        assert_says(&said, &["ARM_TENANT_ID is not"]);
        terraform.set("ARM_TENANT_ID", "the-tenant");
        asks_with(&terraform, &identities, &format!("Bearer {AZURE}"));
    }
}

#[test]
fn a_token_that_azure_does_not_take_is_told_and_not_shown() {
    let identities = Identities::start().unwrap();
    let mut terraform = azure(&identities);
    for (name, value) in [
        ("ARM_USE_OIDC", "1"),
        ("ARM_CLIENT_ID", "the-client"),
        ("ARM_TENANT_ID", "the-tenant"),
        ("ARM_OIDC_TOKEN", "hunter2"),
    ] {
        terraform.set(name, value);
    }
    let said = flat(&terraform.fail(&["plan"]).unwrap());
    assert_says(&said, &["azure does not take the token of this run", "this token is not known"]);
    assert!(!said.contains("hunter2"), "{said}");
    assert!(identities.asked().is_empty());
}

/// The file that HCP Terraform writes, and `gcloud iam workload-identity-pools create-cred-config`.
fn external_account(identities: &Identities, source: &Value) -> Value {
    let url = identities.url();
    json!({
        "universe_domain": "googleapis.com",
        "type": "external_account",
        "audience": "//iam.googleapis.com/the-pool",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{url}/v1/token"),
        "service_account_impersonation_url": format!("{url}/v1/the-account:generateAccessToken"),
        "credential_source": source,
    })
}

fn google(identities: &Identities, account: &Value) -> Terraform {
    let endpoint = identities.url();
    let mut terraform = reading("gs://control/lakedr", &[("google_base_url", &endpoint)]);
    terraform.write("account.json", &account.to_string()).unwrap();
    let file = terraform.folder().join("account.json");
    terraform.set("GOOGLE_APPLICATION_CREDENTIALS", file);
    terraform
}

#[test]
fn a_token_file_is_exchanged_for_a_token_of_a_google_service_account() {
    let identities = Identities::start().unwrap();
    let run = tempfile::tempdir().unwrap();
    let token = run.path().join("token");
    std::fs::write(&token, RUN).unwrap();
    let account = external_account(&identities, &json!({"file": token, "format": {"type": "text"}}));
    asks_with(&google(&identities, &account), &identities, &format!("Bearer {GOOGLE}"));

    // where gcloud leaves it, and without a service account in between
    let identities = Identities::start().unwrap();
    let mut account = external_account(&identities, &json!({"file": token}));
    account.as_object_mut().unwrap().remove("service_account_impersonation_url");
    let mut terraform = google(&identities, &account);
    terraform.unset("GOOGLE_APPLICATION_CREDENTIALS");
    let usual = terraform.folder().join(".config/gcloud");
    std::fs::create_dir_all(&usual).unwrap();
    std::fs::write(usual.join("application_default_credentials.json"), account.to_string()).unwrap();
    asks_with(&terraform, &identities, &format!("Bearer {FEDERATED}"));
}

#[test]
fn a_token_from_a_url_is_exchanged_for_a_token_of_a_google_service_account() {
    let identities = Identities::start().unwrap();
    let source = json!({
        "url": format!("{}/run/token", identities.url()),
        "headers": {"Authorization": "Bearer who-asks-for-it"},
        "format": {"type": "json", "subject_token_field_name": "value"},
    });
    let account = external_account(&identities, &source);
    asks_with(&google(&identities, &account), &identities, &format!("Bearer {GOOGLE}"));
}

#[test]
fn an_external_account_of_another_kind_says_what_is_possible() {
    let identities = Identities::start().unwrap();
    let account = external_account(&identities, &json!({"environment_id": "aws1"}));
    let said = flat(&google(&identities, &account).fail(&["plan"]).unwrap());
    assert_says(&said, &["account.json is no configuration of an external account", "a file or a URL"]);
    let gone = external_account(&identities, &json!({"file": "/no/such/token"}));
    let said = flat(&google(&identities, &gone).fail(&["plan"]).unwrap());
    assert_says(&said, &["the token of this process cannot be read from /no/such/token"]);
}

/// As Amazon's token service answers.
const ROLE: &str = "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
<AssumeRoleWithWebIdentityResult><Credentials><SessionToken>the-session</SessionToken>\
<SecretAccessKey>the-secret</SecretAccessKey><Expiration>2999-01-01T00:00:00Z</Expiration>\
<AccessKeyId>THEKEY</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>\
</AssumeRoleWithWebIdentityResponse>";

#[test]
fn a_token_file_is_exchanged_for_a_role_of_amazon() {
    let stores = Identities::start().unwrap();
    let served = tempfile::tempdir().unwrap();
    std::fs::write(served.path().join("sts"), ROLE).unwrap();
    let sts = Mirror::of(served.path()).unwrap();
    let endpoint = stores.url();
    let options = [("aws_endpoint", endpoint.as_str()), ("aws_allow_http", "true")];
    let mut terraform = reading("s3://control/lakedr", &options);
    terraform.write("token", RUN).unwrap();
    terraform.write("authority.pem", sts.authority()).unwrap();
    let file = terraform.folder().join("authority.pem");
    terraform.set("SSL_CERT_FILE", file);
    terraform.set("AWS_ENDPOINT_URL_STS", format!("{}sts", sts.url()));
    terraform.set("AWS_REGION", "us-west-2");
    terraform.set("AWS_ROLE_ARN", "arn:aws:iam::1:role/dr");
    let file = terraform.folder().join("token");
    terraform.set("AWS_WEB_IDENTITY_TOKEN_FILE", file);
    let said = flat(&terraform.fail(&["plan"]).unwrap());
    let asked = stores.asked();
    let as_the_role = |who: &String| {
        who.starts_with("AWS4-HMAC-SHA256 Credential=THEKEY/") && who.contains("x-amz-security-token")
    };
    assert!(!asked.is_empty() && asked.iter().all(as_the_role), "{asked:?}: {said}");
    let exchanges = sts.asked();
    assert_eq!(exchanges.len(), 1, "{exchanges:?}");
    let parts = ["Action=AssumeRoleWithWebIdentity", "role%2Fdr", &format!("WebIdentityToken={RUN}")];
    assert_says(&exchanges[0], &parts);
}
