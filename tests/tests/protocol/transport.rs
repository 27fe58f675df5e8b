//! The connection: mutual TLS, plain text, HTTP/2.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use lakedr_e2e::plugin::{self, COOKIE, Host, Plugin};
use lakedr_e2e::terraform::Terraform;
use tfplugin::goplugin::Empty;
use tfplugin::goplugin::grpc_controller_client::GrpcControllerClient;
use tfplugin::tfplugin6::get_provider_schema;
use tfplugin::tfplugin6::provider_client::ProviderClient;
use tonic::transport::Channel;

use crate::{one_location, validate};

/// Asks for the schema, which a provider gives to everyone it talks to at all.
async fn asks_for_schema(channel: Channel) -> Result<usize, tonic::Status> {
    let mut client = ProviderClient::new(channel).max_decoding_message_size(usize::MAX);
    let response = client.get_provider_schema(get_provider_schema::Request {}).await?;
    Ok(response.into_inner().resource_schemas.len())
}

fn with_debug_log(terraform: &mut Terraform) {
    terraform.set("TF_LOG", "debug");
}

#[test]
fn terraform_shakes_hands_over_mutual_tls() {
    let mut terraform = one_location();
    with_debug_log(&mut terraform);
    let outcome = validate(&terraform);
    assert!(outcome.says("using plugin: version=6"), "{outcome}");
    assert!(outcome.says("configuring client automatic mTLS"), "{outcome}");
    assert!(outcome.says("tls=true"), "{outcome}");
}

#[test]
fn terraform_talks_plain_text_where_tls_is_switched_off() {
    let mut terraform = one_location();
    with_debug_log(&mut terraform);
    terraform.set("TF_DISABLE_PLUGIN_TLS", "1");
    let outcome = validate(&terraform);
    assert!(outcome.says("tls=false") && !outcome.says("tls=true"), "{outcome}");
}

/// What happens on Windows always, and elsewhere when the folder for temporary files lies too deep for a socket.
#[test]
fn terraform_applies_over_mutual_tls_on_a_port() {
    let mut terraform = one_location();
    let deep = terraform.folder().join("d".repeat(100));
    fs::create_dir(&deep).unwrap();
    terraform.set("TMPDIR", &deep);
    with_debug_log(&mut terraform);
    let outcome = terraform.succeed(&["apply", "-auto-approve"]).unwrap();
    assert!(outcome.says("address=127.0.0.1:") && !outcome.says("plugin.sock"), "{outcome}");
    assert!(outcome.says("tls=true") && !outcome.says("tls=false"), "{outcome}");
    assert!(outcome.says("1 added") && !outcome.says("failed to exit gracefully"), "{outcome}");
    assert_eq!(fs::read_dir(&deep).unwrap().count(), 0, "nothing stays behind");
    terraform.plan_is_empty().unwrap();
}

#[test]
fn fifty_runs_by_terraform_never_fail() {
    let terraform = one_location();
    for _ in 0..50 {
        validate(&terraform);
    }
}

#[tokio::test]
async fn only_the_host_that_started_it_is_served() {
    let host = Host::new().unwrap();
    let plugin = Plugin::start(Some(&host), "5,6").unwrap();

    let stranger = Host::new().unwrap();
    for who in [Some(&stranger), None] {
        let shut = match plugin.connect(who).await {
            Err(_) => true,
            Ok(channel) => {
                let ended = GrpcControllerClient::new(channel.clone()).shutdown(Empty {}).await;
                ended.is_err() && asks_for_schema(channel).await.is_err()
            }
        };
        assert!(shut, "a stranger was served");
    }

    let channel = plugin.connect(Some(&host)).await.unwrap();
    assert_eq!(
        asks_for_schema(channel).await.unwrap(),
        3,
        "the host is served after strangers were turned away"
    );
}

#[tokio::test]
async fn a_client_that_stalls_holds_up_no_other() {
    let host = Host::new().unwrap();
    let plugin = Plugin::start(Some(&host), "5,6").unwrap();
    let silent = tokio::net::UnixStream::connect(&plugin.handshake.address).await.unwrap();
    let served = async { asks_for_schema(plugin.connect(Some(&host)).await.unwrap()).await };
    tokio::time::timeout(Duration::from_secs(5), served).await.unwrap().unwrap();
    drop(silent);
}

#[tokio::test]
async fn http2_is_agreed_on_and_nothing_else() {
    let host = Host::new().unwrap();
    let plugin = Plugin::start(Some(&host), "5,6").unwrap();
    let certificate = plugin.handshake.certificate.clone().unwrap();

    let config = Host::client_config(&certificate, Some(&host)).unwrap();
    let connection = plugin.connect_tls(config).await.unwrap();
    assert_eq!(connection.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));

    let mut older = Host::client_config(&certificate, Some(&host)).unwrap();
    older.alpn_protocols = vec![b"http/1.1".to_vec()];
    let refused = plugin.connect_tls(older).await.unwrap_err();
    assert!(format!("{refused:#}").contains("NoApplicationProtocol"), "{refused:#}");
}

#[tokio::test]
async fn the_socket_is_in_a_folder_that_only_its_user_can_open() {
    let plugin = Plugin::start(None, "6").unwrap();
    assert_eq!(plugin.handshake.network, "unix");
    let folder = Path::new(&plugin.handshake.address).parent().unwrap();
    assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_folder_too_deep_for_a_socket_gives_a_port_in_the_hosts_range() {
    let deep = tempfile::tempdir().unwrap();
    let deep = deep.path().join("d".repeat(100));
    fs::create_dir(&deep).unwrap();
    let mut command = plugin::command().unwrap();
    command
        .env("TF_PLUGIN_MAGIC_COOKIE", COOKIE)
        .env("PLUGIN_UNIX_SOCKET_DIR", &deep)
        .env("PLUGIN_MIN_PORT", "10000")
        .env("PLUGIN_MAX_PORT", "25000");
    let plugin = Plugin::start_command(command).unwrap();
    assert_eq!(plugin.handshake.network, "tcp");
    let address: std::net::SocketAddr = plugin.handshake.address.parse().unwrap();
    assert!(address.ip().is_loopback() && (10000..=25000).contains(&address.port()), "{address}");
    let channel = plugin.connect(None).await.unwrap();
    assert_eq!(asks_for_schema(channel).await.unwrap(), 3);
}

#[tokio::test]
async fn the_health_service_knows_the_plugin() {
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let plugin = Plugin::start(None, "6").unwrap();
    let mut health = HealthClient::new(plugin.connect(None).await.unwrap());
    let request = HealthCheckRequest { service: "plugin".to_owned() };
    let status = health.check(request).await.unwrap().into_inner().status;
    assert_eq!(status, i32::from(ServingStatus::Serving));
}
