//! `table_url`: where a table lies below a root.

use lakedr_control::id::TableName;
use lakedr_control::location::StoreUrl;

use super::call::{Function, FunctionError, Parameter, Signature};
use crate::wire::{Type, Value};

/// The function `table_url`.
#[derive(Debug)]
pub struct TableUrl {
    signature: Signature,
}

impl TableUrl {
    /// The function.
    #[must_use]
    pub fn new() -> Self {
        let parameter = |name, description| Parameter { name, ty: Type::String, description };
        Self {
            signature: Signature {
                summary: "Returns the URL of a table below a table root",
                description: "Returns `root/catalog/schema/table`, the URL at which lakedr expects a table without a URL of \
                    its own below the `table_root` of a sync group or snapshot schedule. Use it in the resources that create \
                    the table.",
                parameters: vec![
                    parameter("root", "URL of the root of the tables, for example `s3://lake`."),
                    parameter(
                        "name",
                        "Name of the table, in the form `catalog.schema.table`. A part that contains a dot must be enclosed in backquotes.",
                    ),
                ],
                result: Type::String,
            },
        }
    }
}

impl Default for TableUrl {
    fn default() -> Self {
        Self::new()
    }
}

impl Function for TableUrl {
    fn name(&self) -> &'static str {
        "table_url"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let text = |index: usize| arguments.get(index).and_then(Value::as_str).unwrap_or_default();
        let root: StoreUrl = text(0).parse().map_err(|error| FunctionError::of_argument(0, &error))?;
        let name: TableName = text(1).parse().map_err(|error| FunctionError::of_argument(1, &error))?;
        Ok(root.table(&name).as_str().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lies_below_its_root() {
        let call = |root: &str, name: &str| TableUrl::new().call(&[root.into(), name.into()]);
        assert_eq!(call("s3://lake/", "cat.raw.bronze"), Ok("s3://lake/cat/raw/bronze".into()));
        assert_eq!(call("lake", "cat.raw.bronze").unwrap_err().argument, Some(0));
        assert_eq!(call("s3://lake", "bronze").unwrap_err().argument, Some(1));
    }
}
