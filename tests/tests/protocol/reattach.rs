//! Terraform attached to a provider that a developer started.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

use lakedr_e2e::plugin;
use lakedr_e2e::process_group::ProcessGroup;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::one_location;

const VARIABLE: &str = "TF_REATTACH_PROVIDERS";

#[test]
fn one_process_serves_command_after_command_until_ctrl_c() {
    let mut command = plugin::command().unwrap();
    command.arg("--debug").stdin(Stdio::null()).stdout(Stdio::piped());
    let mut provider = ProcessGroup::spawn(&mut command).unwrap();
    let mut stdout = BufReader::new(provider.child().stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let attach = line.trim().strip_prefix(&format!("{VARIABLE}='")).and_then(|rest| rest.strip_suffix('\''));
    let attach = attach.unwrap_or_else(|| panic!("{line:?} is no assignment"));
    let id = provider.child().id();
    let told: Value = serde_json::from_str(attach).unwrap();
    let told = &told["registry.terraform.io/lakedr/lakedr"];
    assert_eq!((told["Pid"].as_u64(), told["ProtocolVersion"].as_u64()), (Some(u64::from(id)), Some(6)));
    let socket = told["Addr"]["String"].as_str().unwrap().to_owned();

    let mut terraform = one_location();
    // the process that is attached to is the only one: there is no other provider to start
    terraform.write("cli.tfrc", "").unwrap();
    terraform.set(VARIABLE, attach);
    terraform.succeed(&["validate"]).unwrap();
    assert!(terraform.plan_has_changes().unwrap());
    terraform.apply().unwrap();
    terraform.plan_is_empty().unwrap();
    assert!(provider.child().try_wait().unwrap().is_none(), "the process outlives the commands");

    kill(Pid::from_raw(id.try_into().unwrap()), Signal::SIGINT).unwrap();
    let start = Instant::now();
    let status = loop {
        match provider.child().try_wait().unwrap() {
            Some(status) => break status,
            None => assert!(start.elapsed() < Duration::from_secs(2), "Ctrl-C ends it"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success());
    assert!(!std::fs::exists(&socket).unwrap());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}
