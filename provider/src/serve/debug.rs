//! Serving for a debugger: the developer starts the process, and Terraform attaches to it.

use serde_json::json;

use super::listener::Address;

/// Address of the provider in Terraform's registry.
const PROVIDER: &str = "registry.terraform.io/lakedr/lakedr";
const PROTOCOL: u32 = 6;

/// What a developer is told: the assignment to run Terraform with.
pub(crate) fn instructions(address: &Address, pid: u32) -> String {
    // Test keeps Terraform from killing the process after each command
    let attach = json!({ PROVIDER: {
        "Protocol": "grpc",
        "ProtocolVersion": PROTOCOL,
        "Pid": pid,
        "Test": true,
        "Addr": { "Network": address.network, "String": address.text },
    }});
    format!("TF_REATTACH_PROVIDERS='{attach}'\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_assignment_names_process_and_socket() {
        assert_eq!(
            instructions(&Address { network: "unix", text: "/tmp/s".to_owned() }, 7),
            "TF_REATTACH_PROVIDERS='{\"registry.terraform.io/lakedr/lakedr\":{\"Addr\":{\"Network\":\"unix\",\
             \"String\":\"/tmp/s\"},\"Pid\":7,\"Protocol\":\"grpc\",\"ProtocolVersion\":6,\"Test\":true}}'\n"
        );
    }
}
