//! Ctrl-C during a long apply, and the sudden death of Terraform.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::silent_store::SilentStore;

#[test]
fn ctrl_c_cancels_the_running_operation_and_keeps_the_state_of_what_is_done() {
    let store = SilentStore::new();
    let terraform = store.hanging();
    let mut apply = terraform.start(&["apply", "-auto-approve"]).unwrap();
    let connection = store.first_request();
    apply.signal(Signal::SIGINT).unwrap();

    let outcome = apply.wait(Duration::from_secs(20)).unwrap();
    drop(connection);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.took < Duration::from_secs(5), "the operation was not cancelled: {outcome}");
    assert!(outcome.says("Interrupt received"), "{outcome}");
    assert!(!outcome.says("plugin crashed") && !outcome.says("did not respond"), "{outcome}");

    let kept = terraform.succeed(&["state", "list"]).unwrap();
    assert_eq!(kept.stdout.trim(), "lakedr_external_location.west");
}

#[test]
fn a_provider_whose_terraform_was_killed_ends_too() {
    let store = SilentStore::new();
    let sockets = tempfile::tempdir().unwrap();
    let mut terraform = store.hanging();
    terraform.set("TMPDIR", sockets.path());
    let mut apply = terraform.start(&["apply", "-auto-approve"]).unwrap();
    let connection = store.first_request();
    let left = || fs::read_dir(sockets.path()).unwrap().count();
    assert!(left() > 0, "the provider is running");

    kill(Pid::from_raw(apply.id().try_into().unwrap()), Signal::SIGKILL).unwrap();
    let start = Instant::now();
    while left() > 0 {
        assert!(start.elapsed() < Duration::from_secs(10), "an orphan goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(connection);
}
