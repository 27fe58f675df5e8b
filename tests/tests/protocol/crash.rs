//! What users see when the provider crashes. Needs a debug build, which crashes on demand.

use crate::one_location;

/// Names the method in which a debug build crashes.
const PANIC_IN: &str = "LAKEDR_TEST_PANIC_IN";
/// Names the answer in whose making a debug build panics.
const PANIC_WHILE_MAKING: &str = "LAKEDR_TEST_PANIC_WHILE_MAKING";

#[test]
fn terraform_shows_that_the_plugin_crashed_and_where() {
    let mut terraform = one_location();
    terraform.set(PANIC_IN, "ApplyResourceChange");
    let outcome = terraform.fail(&["apply", "-auto-approve"]).unwrap();
    if terraform.is_opentofu() {
        // its go-plugin logs a panic as an error, where OpenTofu does not look for one
        assert!(outcome.says("Plugin did not respond"), "{outcome}");
        return;
    }
    assert!(outcome.says("The terraform-provider-lakedr plugin crashed!"), "{outcome}");
    assert!(outcome.says("panic: asked to by LAKEDR_TEST_PANIC_IN"), "{outcome}");
    assert!(outcome.says("provider/src/serve/fault.rs"), "the place of the panic is named: {outcome}");
}

/// One call goes wrong, and nothing else: the process lives, and what was done before is in the state.
#[test]
fn terraform_shows_a_panic_inside_of_a_call_as_an_error_of_that_call() {
    let mut terraform = one_location();
    terraform.apply().unwrap();
    let main = std::fs::read_to_string(terraform.folder().join("main.tf")).unwrap();
    terraform
        .write(
            "main.tf",
            &main.replace("skip_validation = true", "skip_validation = true\n  comment = \"c\""),
        )
        .unwrap();
    let state = terraform.attributes("lakedr_external_location.west").unwrap();
    for (answer, command) in [
        ("read_resource", &["plan"][..]),
        ("plan_resource_change", &["plan"]),
        ("apply_resource_change", &["apply", "-auto-approve"]),
        ("validate_resource_config", &["validate"]),
    ] {
        terraform.set(PANIC_WHILE_MAKING, answer);
        let outcome = terraform.fail(command).unwrap();
        assert!(outcome.says("Bug in the lakedr provider"), "{answer}: {outcome}");
        assert!(outcome.says("asked to by LAKEDR_TEST_PANIC_WHILE_MAKING"), "{answer}: {outcome}");
        assert!(outcome.says("lakedr_external_location.west"), "{answer}: {outcome}");
        assert!(!outcome.says("plugin crashed") && !outcome.says("did not respond"), "{answer}: {outcome}");
        terraform.unset(PANIC_WHILE_MAKING);
        assert_eq!(terraform.attributes("lakedr_external_location.west").unwrap(), state, "{answer}");
    }
    terraform.apply().unwrap();
    terraform.plan_is_empty().unwrap();
}
