//! The wire of Terraform plugins: protocol tfplugin 6.11 and the services of go-plugin.
//!
//! The messages are generated from the `.proto` files beside this crate, which say what each field
//! means. Nothing here interprets them: values, schemas and diagnostics get their meaning in the
//! provider. Maps are sorted, so that equal messages have equal bytes.
//!
//! Features: `server` (default) generates the service traits, `client` the clients. A method that an
//! implementation of a service trait leaves out answers `UNIMPLEMENTED`.

/// Protocol `tfplugin6`: what Terraform calls on a provider.
#[cfg_attr(
    any(feature = "server", feature = "client"),
    expect(
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        unused_qualifications,
        reason = "generated code"
    )
)]
#[cfg_attr(feature = "server", expect(clippy::too_many_lines, reason = "generated code"))]
pub mod tfplugin6 {
    tonic::include_proto!("tfplugin6");
}

/// Package `plugin`: what a go-plugin host calls on any plugin.
#[cfg_attr(
    any(feature = "server", feature = "client"),
    expect(
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        unused_qualifications,
        reason = "generated code"
    )
)]
pub mod goplugin {
    tonic::include_proto!("plugin");
}
