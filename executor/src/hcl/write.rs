//! Values as HCL, laid out as `terraform fmt` would.

use hcl_edit::expr::{Array, Expression, Object, ObjectKey, ObjectValue, ObjectValueTerminator};
use hcl_edit::structure::{Attribute, Block, Body};
use hcl_edit::{Decorate as _, Decorated, Ident};
use serde_json::Number;

/// Columns that one level goes in.
const STEP: usize = 2;

/// A value of the configuration.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    Text(String),
    Number(Number),
    Bool(bool),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
    /// Another object's attribute, `lakedr_external_location.east.name`.
    Reference(String),
}

/// A configuration with these blocks, a blank line between them.
pub(super) fn body(blocks: Vec<Block>) -> Body {
    let blocks = blocks.into_iter().enumerate().map(|(index, block)| {
        let before = if index == 0 { "" } else { "\n" };
        block.decorated((before, ""))
    });
    Body::builder().blocks(blocks).build()
}

/// A block with labels and attributes.
pub(super) fn block(kind: &str, labels: &[&str], attributes: &[(String, Term)]) -> Block {
    let widths = widths(attributes);
    let attributes = attributes.iter().zip(widths).map(|((name, term), width)| {
        let key = identifier(name).decorated((spaces(STEP), spaces(width - name.chars().count() + 1)));
        Attribute::new(key, expression(term, STEP))
    });
    Block::builder(identifier(kind)).labels(labels.iter().copied()).attributes(attributes).build()
}

fn identifier(name: &str) -> Decorated<Ident> {
    Decorated::new(Ident::new_sanitized(name))
}

fn spaces(count: usize) -> String {
    " ".repeat(count)
}

/// The width that each name is filled up to: neighbours that take one line stand in columns.
fn widths(entries: &[(String, Term)]) -> Vec<usize> {
    let lengths: Vec<usize> = entries.iter().map(|(name, _)| name.chars().count()).collect();
    let mut widths = Vec::with_capacity(entries.len());
    for run in entries.chunk_by(|(_, a), (_, b)| !a.takes_lines() && !b.takes_lines()) {
        let from = widths.len();
        let widest = lengths[from..from + run.len()].iter().copied().max().unwrap_or_default();
        widths.extend(std::iter::repeat_n(widest, run.len()));
    }
    widths
}

impl Term {
    fn is_plain(&self) -> bool {
        !matches!(self, Self::List(_) | Self::Object(_))
    }

    /// Whether it is written over several lines.
    fn takes_lines(&self) -> bool {
        match self {
            Self::List(items) => !items.iter().all(Self::is_plain),
            Self::Object(entries) => entries.len() > 1 || entries.iter().any(|(_, term)| term.takes_lines()),
            _ => false,
        }
    }
}

/// `indent` is where the line begins that the expression begins on.
fn expression(term: &Term, indent: usize) -> Expression {
    match term {
        Term::Text(text) => Expression::from(text.as_str()),
        Term::Bool(value) => Expression::from(*value),
        Term::Number(number) => number
            .as_u64()
            .map_or_else(|| Expression::from(number.as_f64().unwrap_or_default()), Expression::from),
        // what is no reference would be refused by Terraform as a text, and is not written as anything else
        Term::Reference(reference) => {
            reference.parse().unwrap_or_else(|_| Expression::from(reference.as_str()))
        }
        Term::List(items) => Expression::from(list(items, term.takes_lines(), indent)),
        Term::Object(entries) => Expression::from(object(entries, term.takes_lines(), indent)),
    }
}

fn list(items: &[Term], lines: bool, indent: usize) -> Array {
    let mut array = Array::new();
    if !lines {
        items.iter().for_each(|item| array.push(expression(item, indent)));
        return array;
    }
    let before = format!("\n{}", spaces(indent + STEP));
    for item in items {
        array.push(expression(item, indent + STEP).decorated((before.as_str(), "")));
    }
    array.set_trailing_comma(true);
    array.set_trailing(format!("\n{}", spaces(indent)));
    array
}

fn object(entries: &[(String, Term)], lines: bool, indent: usize) -> Object {
    let mut object = Object::new();
    for (index, ((name, term), width)) in entries.iter().zip(widths(entries)).enumerate() {
        let (before, terminator) = match (lines, index) {
            (false, _) => (" ".to_owned(), ObjectValueTerminator::None),
            (true, 0) => (format!("\n{}", spaces(indent + STEP)), ObjectValueTerminator::Newline),
            (true, _) => (spaces(indent + STEP), ObjectValueTerminator::Newline),
        };
        let after = if lines { spaces(width - name.chars().count() + 1) } else { " ".to_owned() };
        let key = match Ident::try_new(name.as_str()) {
            Ok(name) => ObjectKey::from(Decorated::new(name).decorated((before, after))),
            Err(_) => ObjectKey::from(Expression::from(name.as_str()).decorated((before, after))),
        };
        let mut value = ObjectValue::new(expression(term, indent + STEP));
        value.set_terminator(terminator);
        object.insert(key, value);
    }
    let end = match (entries.is_empty(), lines) {
        (true, _) => String::new(),
        (false, false) => " ".to_owned(),
        (false, true) => spaces(indent),
    };
    object.set_trailing(end);
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Term {
        Term::Text(text.to_owned())
    }

    fn object<const N: usize>(entries: [(&str, Term); N]) -> Term {
        Term::Object(entries.map(|(name, term)| (name.to_owned(), term)).to_vec())
    }

    #[test]
    fn layout() {
        let attributes = [
            ("name", text("etl")),
            ("owner_email", text("user@example.com")),
            (
                "primary",
                object([("location", Term::Reference("a.b.name".to_owned())), ("x", Term::Bool(true))]),
            ),
            (
                "tables",
                Term::List(vec![object([("name", text("a.b.c"))]), object([("name", text("a.b.d"))])]),
            ),
            ("schedule", object([("interval", text("15m"))])),
            ("list", Term::List(vec![text("a"), text("b")])),
            ("options", object([("a key", Term::Number(3.into()))])),
        ];
        let attributes = attributes.map(|(name, term)| (name.to_owned(), term));
        let blocks = vec![block("terraform", &[], &[]), block("resource", &["t", "n"], &attributes)];
        insta::assert_snapshot!(body(blocks).to_string());
    }

    #[test]
    fn what_terraform_would_evaluate_is_text() {
        let attributes = [("name".to_owned(), text("${file(\"/etc/passwd\")} %{ if true } \"q\" \\ \n"))];
        let written = body(vec![block("resource", &[], &attributes)]).to_string();
        assert!(
            written.contains(r#"name = "$${file(\"/etc/passwd\")} %%{ if true } \"q\" \\ \n""#),
            "{written}"
        );
    }
}
