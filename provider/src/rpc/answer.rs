//! Answers: results, diagnostics and panics as responses.

use tfplugin::tfplugin6 as wire;
use tonic::{Response, Status};

use crate::serve::crash::guarded;
use crate::serve::request::SUBSYSTEM;
use crate::wire::{Diagnostic, Diagnostics, Type, Value, proto};

const ERROR: i32 = wire::diagnostic::Severity::Error as i32;

/// A response that can carry diagnostics.
pub(super) trait Answer: Default {
    fn diagnostics(&mut self) -> &mut Vec<wire::Diagnostic>;

    /// The same answer, saying more.
    #[must_use]
    fn with(mut self, diagnostics: &Diagnostics) -> Self {
        self.diagnostics().extend(diagnostics.iter().map(wire::Diagnostic::from));
        self
    }
}

macro_rules! answers {
    ($($module:ident),* $(,)?) => {
        $(impl Answer for wire::$module::Response {
            fn diagnostics(&mut self) -> &mut Vec<wire::Diagnostic> {
                &mut self.diagnostics
            }
        })*
    };
}

answers!(
    apply_resource_change,
    configure_provider,
    generate_resource_config,
    import_resource_state,
    move_resource_state,
    open_ephemeral_resource,
    plan_resource_change,
    read_data_source,
    read_resource,
    upgrade_resource_identity,
    upgrade_resource_state,
    validate_data_resource_config,
    validate_ephemeral_resource_config,
    validate_list_resource_config,
    validate_provider_config,
    validate_resource_config,
);

/// Does the work of a call. Diagnostics without a result, and panics, are told with `fallback`.
pub(super) async fn answered<A: Answer>(
    fallback: A,
    work: impl Future<Output = Result<A, Diagnostics>>,
) -> Result<Response<A>, Status> {
    #[cfg(debug_assertions)]
    let work = async {
        crate::serve::fault::strike::<A>();
        work.await
    };
    let answer = match guarded(work).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(diagnostics)) => fallback.with(&diagnostics),
        Err(panicked) => {
            tracing::error!(message = %panicked, backtrace = panicked.backtrace, "panic in a call");
            fallback.with(&Diagnostic::bug(panicked).into())
        }
    };
    let mut answer = answer;
    tell(answer.diagnostics());
    Ok(Response::new(answer))
}

/// Says in the log what an answer complains about: its titles, which hold nothing of a configuration.
fn tell(diagnostics: &[wire::Diagnostic]) {
    let errors = diagnostics.iter().filter(|found| found.severity == ERROR);
    for error in errors.clone() {
        tracing::error!(target: SUBSYSTEM, diagnostic_summary = error.summary, "Response contains error diagnostic");
    }
    let errors = errors.count();
    tracing::trace!(
        target: SUBSYSTEM,
        diagnostic_error_count = errors,
        diagnostic_warning_count = diagnostics.len() - errors,
        "Received downstream response"
    );
}

/// Names the type that a call is about in everything that is logged during it.
pub(super) fn about(field: &'static str, type_name: &str) {
    tracing::Span::current().record(field, type_name);
}

/// An answer to a call for something that this provider does not have.
pub(super) fn unsupported<A: Answer>(what: &str) -> Result<Response<A>, Status> {
    let error = Diagnostic::error("Not supported by the lakedr provider", what);
    Ok(Response::new(A::default().with(&error.into())))
}

/// Decodes a value that Terraform sent.
pub(super) fn decode(value: Option<&wire::DynamicValue>, ty: &Type) -> Result<Value, Diagnostics> {
    let bug = |error| Diagnostic::bug(format!("a value from Terraform cannot be decoded: {error}")).into();
    proto::decode(value, ty).map_err(bug)
}

/// Encodes a value for Terraform.
pub(super) fn encode(value: &Value, ty: &Type) -> Result<wire::DynamicValue, Diagnostics> {
    let bug = |error| Diagnostic::bug(format!("a value for Terraform cannot be encoded: {error}")).into();
    proto::encode(value, ty).map_err(bug)
}

/// What this provider can do beyond the base of the protocol.
pub(super) fn server_capabilities() -> wire::ServerCapabilities {
    wire::ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: true,
        generate_resource_config: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_diagnostic_that_says_whose_bug_it_is() {
        let fallback =
            wire::apply_resource_change::Response { private: b"kept".to_vec(), ..Default::default() };
        let nothing: [u8; 0] = [];
        let answer = answered(fallback, async {
            Err(Diagnostic::error("x", nothing[std::hint::black_box(0)].to_string()).into())
        });
        let answer = answer.await.unwrap().into_inner();
        assert_eq!(answer.private, b"kept");
        assert_eq!(answer.diagnostics.len(), 1);
        assert!(answer.diagnostics[0].detail.contains("always a bug in the provider"));
    }
}
