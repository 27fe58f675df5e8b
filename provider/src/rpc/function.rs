//! The calls about functions.

use std::collections::BTreeMap;

use tfplugin::tfplugin6 as wire;

use super::answer::{decode, encode};
use crate::function::{FunctionError, Parameter, Signature};
use crate::lifecycle::registry::Registry;
use crate::serve::crash::guarded;
use crate::wire::Diagnostics;

/// All signatures, by name.
pub(super) fn signatures(registry: &Registry) -> BTreeMap<String, wire::Function> {
    registry.functions().map(|known| (known.name().to_owned(), signature(known.signature()))).collect()
}

fn signature(signature: &Signature) -> wire::Function {
    let markdown = wire::StringKind::Markdown.into();
    let parameter = |parameter: &Parameter| wire::function::Parameter {
        name: parameter.name.to_owned(),
        r#type: parameter.ty.to_string().into_bytes(),
        description: parameter.description.to_owned(),
        description_kind: markdown,
        ..Default::default()
    };
    wire::Function {
        parameters: signature.parameters.iter().map(parameter).collect(),
        r#return: Some(wire::function::Return { r#type: signature.result.to_string().into_bytes() }),
        summary: signature.summary.to_owned(),
        description: signature.description.to_owned(),
        description_kind: markdown,
        ..Default::default()
    }
}

/// Computes a function. A panic is told as the bug that it is.
pub(super) async fn call(
    registry: &Registry,
    request: &wire::call_function::Request,
) -> wire::call_function::Response {
    let computed = guarded(async { compute(registry, request) }).await;
    let computed = computed.unwrap_or_else(|panicked| {
        tracing::error!(message = %panicked, backtrace = panicked.backtrace, "panic in a function");
        Err(bug(&panicked))
    });
    match computed {
        Ok(result) => wire::call_function::Response { result: Some(result), error: None },
        Err(FunctionError { argument, text }) => {
            let function_argument = argument.and_then(|position| i64::try_from(position).ok());
            let error = wire::FunctionError { text, function_argument };
            wire::call_function::Response { result: None, error: Some(error) }
        }
    }
}

fn compute(
    registry: &Registry,
    request: &wire::call_function::Request,
) -> Result<wire::DynamicValue, FunctionError> {
    let function = registry.function(&request.name).ok_or_else(|| FunctionError {
        argument: None,
        text: format!("The lakedr provider has no function {:?}", request.name),
    })?;
    let Signature { parameters, result, .. } = function.signature();
    let arguments = parameters.iter().zip(&request.arguments);
    let arguments =
        arguments.map(|(parameter, given)| decode(Some(given), &parameter.ty).map_err(|found| told(&found)));
    let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
    encode(&function.call(&arguments)?, result).map_err(|found| told(&found))
}

fn bug(cause: &impl ToString) -> FunctionError {
    FunctionError {
        argument: None,
        text: format!("This is always a bug in the provider: {}", cause.to_string()),
    }
}

fn told(diagnostics: &Diagnostics) -> FunctionError {
    bug(&diagnostics.iter().map(|found| found.detail.clone()).collect::<Vec<_>>().join("; "))
}
