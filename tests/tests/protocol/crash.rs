//! What users see when the provider crashes. Needs a debug build, which crashes on demand.

use crate::one_location;

/// Names the method in which a debug build crashes.
const PANIC_IN: &str = "LAKEDR_TEST_PANIC_IN";

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
