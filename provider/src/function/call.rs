//! What every function has to say about itself.

use crate::wire::{Type, Value};

/// What a function takes and gives.
#[derive(Debug, Clone)]
pub struct Signature {
    /// What it does, in one line.
    pub summary: &'static str,
    /// What it does, at length; Markdown.
    pub description: &'static str,
    /// What it takes, by position.
    pub parameters: Vec<Parameter>,
    /// What it gives.
    pub result: Type,
}

/// What a function takes.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name, for messages and documentation.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
    /// What it means; Markdown.
    pub description: &'static str,
}

/// Why a function gives nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// The argument that is to blame, by position.
    pub argument: Option<usize>,
    /// What is wrong, without a period at its end: hosts put one behind it.
    pub text: String,
}

impl FunctionError {
    /// An argument is wrong.
    #[must_use]
    pub fn of_argument(argument: usize, text: &impl ToString) -> Self {
        Self { argument: Some(argument), text: text.to_string() }
    }
}

/// A function, whatever it computes.
pub trait Function: Send + Sync {
    /// Its name in Terraform, behind `provider::lakedr::`.
    fn name(&self) -> &'static str;

    /// What it takes and gives.
    fn signature(&self) -> &Signature;

    /// Computes it. There are as many arguments as parameters, of their types, known and not null.
    ///
    /// # Errors
    ///
    /// [`FunctionError`] when the arguments make no sense.
    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError>;
}
