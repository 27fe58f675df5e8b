//! Options of a store that are stored in plain text, and may hold no secret.

/// Why an option may not be stored in plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Betrayal {
    /// What the option is called says that its value is a secret.
    Key,
    /// The value is a URL with a login in it.
    Login,
}

/// What names of secrets hold. The names of a store's options have many spellings (`azure_storage_master_key` is
/// `azure_storage_account_key`), and versions of the library come with more: whatever is called a key is taken for one.
const SECRET: [&str; 8] = ["secret", "password", "passwd", "passphrase", "sas", "signature", "token", "key"];

/// What names hold, or end with, that hold such a word and are no secrets.
const HARMLESS: [&str; 4] = ["skip_signature", "file", "endpoint", "path"];
const HARMLESS_ENDS: [&str; 3] = ["_id", "_enabled", "_url"];

/// Why the option may not be stored in plain text; none if it may be.
pub(super) fn betrayal(key: &str, value: &str) -> Option<Betrayal> {
    let key = key.to_ascii_lowercase();
    let harmless =
        HARMLESS.iter().any(|part| key.contains(part)) || HARMLESS_ENDS.iter().any(|end| key.ends_with(end));
    if SECRET.iter().any(|part| key.contains(part)) && !harmless {
        return Some(Betrayal::Key);
    }
    // a proxy is found without a scheme, too
    (holds_login(value) || key.contains("proxy_url") && value.contains('@')).then_some(Betrayal::Login)
}

/// Whether a value is a URL with a user, or a password, before its host.
fn holds_login(value: &str) -> bool {
    let authority = value.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    authority.is_some_and(|authority| authority.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_in_a_url_is_a_secret() {
        for (key, value, found) in [
            ("proxy_url", "http://proxy:3128", None),
            ("proxy_url", "http://user:word@proxy:3128", Some(Betrayal::Login)),
            ("aws_proxy_url", "http://token@proxy", Some(Betrayal::Login)),
            ("proxy_url", "user:word@proxy:3128", Some(Betrayal::Login)),
            ("aws_endpoint", "https://user:word@minio:9000/x", Some(Betrayal::Login)),
            ("aws_endpoint", "https://minio:9000/a@b?c=d@e", None),
            ("user_agent", "me@example.com", None),
        ] {
            assert_eq!(betrayal(key, value), found, "{key} = {value}");
        }
    }

    #[cfg(feature = "object-store")]
    mod by_the_library {
        use object_store::aws::AmazonS3ConfigKey as S3;
        use object_store::azure::AzureConfigKey as Azure;
        use object_store::gcp::GoogleConfigKey as Google;

        use super::super::*;

        /// Every spelling of every option that the library takes. It has no list of them: these are read off its source.
        const SPELLINGS: &str = "\
            access_key access_key_id account_key account_name allow_http allow_invalid_certificates \
            application_credentials authority_host authority_id aws_access_key_id aws_allow_http aws_bucket \
            aws_bucket_name aws_checksum_algorithm aws_conditional_put aws_container_authorization_token_file \
            aws_container_credentials_full_uri aws_container_credentials_relative_uri aws_copy_if_not_exists \
            aws_default_region aws_disable_tagging aws_endpoint aws_endpoint_url aws_endpoint_url_s3 \
            aws_endpoint_url_sts aws_imdsv1_fallback aws_metadata_endpoint aws_region aws_request_payer \
            aws_role_arn aws_role_session_name aws_s3_express aws_secret_access_key aws_server_side_encryption \
            aws_session_token aws_skip_signature aws_sse_bucket_key_enabled aws_sse_customer_key_base64 \
            aws_sse_kms_key_id aws_token aws_unsigned_payload aws_virtual_hosted_style_request \
            aws_web_identity_token_file azure_allow_http azure_authority_host azure_authority_id azure_client_id \
            azure_client_secret azure_container_name azure_disable_tagging azure_endpoint \
            azure_fabric_cluster_identifier azure_fabric_session_token azure_fabric_token_service_url \
            azure_fabric_workload_host azure_federated_token_file azure_identity_endpoint azure_msi_endpoint \
            azure_msi_resource_id azure_object_id azure_skip_signature azure_storage_access_key \
            azure_storage_account_key azure_storage_account_name azure_storage_authority_host \
            azure_storage_authority_id azure_storage_client_id azure_storage_client_secret \
            azure_storage_endpoint azure_storage_master_key azure_storage_sas_key azure_storage_sas_token \
            azure_storage_tenant_id azure_storage_token azure_storage_use_emulator azure_tenant_id \
            azure_use_azure_cli azure_use_fabric_endpoint base_url bearer_token bucket bucket_name \
            checksum_algorithm client_id client_secret conditional_put connect_timeout \
            container_authorization_token_file container_credentials_full_uri container_credentials_relative_uri \
            container_name copy_if_not_exists default_content_type default_region disable_tagging endpoint \
            endpoint_url endpoint_url_sts fabric_cluster_identifier fabric_session_token \
            fabric_token_service_url fabric_workload_host federated_token_file google_application_credentials \
            google_base_url google_bucket google_bucket_name google_service_account google_service_account_key \
            google_service_account_path google_skip_signature http1_only http2_keep_alive_interval \
            http2_keep_alive_timeout http2_keep_alive_while_idle http2_max_frame_size http2_only \
            identity_endpoint imdsv1_fallback master_key metadata_endpoint msi_endpoint msi_resource_id \
            object_id pool_idle_timeout pool_max_idle_per_host proxy_ca_certificate proxy_excludes proxy_url \
            randomize_addresses region request_payer role_arn role_session_name s3_express sas_key sas_token \
            secret_access_key server_side_encryption service_account service_account_key service_account_path \
            session_token skip_signature sse_bucket_key_enabled sse_customer_key_base64 sse_kms_key_id tenant_id \
            timeout token unsigned_payload use_azure_cli use_emulator use_fabric_endpoint user_agent \
            virtual_hosted_style_request web_identity_token_file";

        fn is_secret(key: &str) -> bool {
            let of_customer = "aws_sse_customer_key_base64".parse::<S3>().ok();
            let s3 = key
                .parse::<S3>()
                .is_ok_and(|key| [S3::SecretAccessKey, S3::Token].contains(&key) || Some(key) == of_customer);
            let azure = key.parse::<Azure>().is_ok_and(|key| {
                let secrets = [Azure::AccessKey, Azure::ClientSecret, Azure::SasKey, Azure::Token];
                secrets.contains(&key) || key == Azure::FabricSessionToken
            });
            s3 || azure || key.parse::<Google>().is_ok_and(|key| key == Google::ServiceAccountKey)
        }

        #[test]
        fn no_spelling_of_a_secret_slips_by_and_nothing_else_is_one() {
            let mut secrets = 0;
            for key in SPELLINGS.split(' ') {
                let known = key.parse::<S3>().is_ok() || key.parse::<Azure>().is_ok();
                assert!(known || key.parse::<Google>().is_ok(), "{key} is no option");
                let found = betrayal(key, "v");
                assert_eq!(found, is_secret(key).then_some(Betrayal::Key), "{key}");
                assert_eq!(betrayal(&key.to_ascii_uppercase(), "v"), found, "{key} in capitals");
                secrets += usize::from(found.is_some());
            }
            assert!(secrets > 20, "{secrets} secrets only");
        }
    }
}
