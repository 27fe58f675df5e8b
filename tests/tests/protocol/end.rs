//! The end of the process: on request, soon, and without leaving anything behind.

use std::fs;
use std::time::Duration;

use futures::stream;
use lakedr_e2e::plugin::{Host, Plugin};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tfplugin::goplugin::Empty;
use tfplugin::goplugin::grpc_broker_client::GrpcBrokerClient;
use tfplugin::goplugin::grpc_controller_client::GrpcControllerClient;
use tfplugin::goplugin::grpc_stdio_client::GrpcStdioClient;

use crate::{one_location, validate};

/// Terraform kills a provider that takes 2 s.
const IN_TIME: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn it_ends_in_time_though_the_hosts_streams_are_open() {
    let host = Host::new().unwrap();
    let plugin = Plugin::start(Some(&host), "5,6").unwrap();
    let channel = plugin.connect(Some(&host)).await.unwrap();
    // as Terraform does: both streams stay open until the process is gone
    let broker = GrpcBrokerClient::new(channel.clone()).start_stream(stream::pending()).await.unwrap();
    let output = GrpcStdioClient::new(channel.clone()).stream_stdio(()).await.unwrap();
    GrpcControllerClient::new(channel).shutdown(Empty {}).await.unwrap();
    let (code, said_on_stdout) = plugin.wait(IN_TIME).unwrap();
    assert_eq!((code, said_on_stdout.as_str()), (Some(0), ""));
    drop((broker, output));
}

#[test]
fn terraform_never_has_to_kill_it() {
    let mut terraform = one_location();
    terraform.set("TF_LOG", "debug");
    let outcome = validate(&terraform);
    assert!(outcome.says("plugin process exited"), "{outcome}");
    assert!(!outcome.says("failed to exit gracefully"), "{outcome}");
    assert!(outcome.took < Duration::from_secs(10), "a kill costs 2 s each: {outcome}");
}

#[test]
fn no_socket_stays_behind() {
    let sockets = tempfile::tempdir().unwrap();
    let mut terraform = one_location();
    terraform.set("TMPDIR", sockets.path());
    terraform.set("TF_LOG", "debug");
    let outcome = validate(&terraform);
    assert!(outcome.says(&format!("address={}/lakedr-", sockets.path().display())), "{outcome}");
    let left: Vec<_> = fs::read_dir(sockets.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_termination_signal_ends_it_cleanly() {
    let mut plugin = Plugin::start(None, "6").unwrap();
    let socket = plugin.handshake.address.clone();
    assert!(fs::exists(&socket).unwrap());
    kill(Pid::from_raw(plugin.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    let (code, _) = plugin.wait(IN_TIME).unwrap();
    assert_eq!(code, Some(0));
    assert!(!fs::exists(&socket).unwrap());
}

#[test]
fn an_interrupt_is_left_to_the_host() {
    let mut plugin = Plugin::start(None, "6").unwrap();
    kill(Pid::from_raw(plugin.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert!(plugin.wait(Duration::from_millis(500)).is_err(), "the provider ended by itself");
}
