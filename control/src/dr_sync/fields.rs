//! An object of the file, whose fields are taken one by one: what is left at the end is known to nobody.

use serde_json::{Map, Value};

use super::config::Problem;

/// The fields of an object that have not been taken, and where the object is.
#[derive(Debug)]
pub(super) struct Fields {
    path: String,
    left: Map<String, Value>,
}

impl Fields {
    /// The fields of a value that has to be an object.
    pub(super) fn of(path: &str, value: Value, found: &mut Vec<Problem>) -> Option<Self> {
        match value {
            Value::Object(left) => Some(Self { path: path.to_owned(), left }),
            _ => {
                found.push(Problem::new(path, "is not an object"));
                None
            }
        }
    }

    /// Where a field is.
    pub(super) fn place(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    /// A text; none when it is absent or empty.
    pub(super) fn text(&mut self, name: &str, found: &mut Vec<Problem>) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            _ => {
                found.push(Problem::new(self.place(name), "is not a text"));
                None
            }
        }
    }

    /// A text that must be there.
    pub(super) fn needed(&mut self, name: &str, found: &mut Vec<Problem>) -> Option<String> {
        let before = found.len();
        let text = self.text(name, found);
        if text.is_none() && found.len() == before {
            found.push(Problem::new(self.place(name), "is missing"));
        }
        text
    }

    /// A whole number, or a text that holds one.
    pub(super) fn whole(&mut self, name: &str, found: &mut Vec<Problem>) -> Option<u32> {
        let value = self.take(name)?;
        let number = match &value {
            Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            found.push(Problem::new(self.place(name), format!("{value} is not a whole number")));
        }
        number
    }

    /// The elements of a list, each with its place; none when it is absent.
    pub(super) fn list(&mut self, name: &str, found: &mut Vec<Problem>) -> Option<Vec<(String, Value)>> {
        let place = self.place(name);
        match self.take(name)? {
            Value::Array(items) => {
                let items = items.into_iter().enumerate();
                Some(items.map(|(index, item)| (format!("{place}[{index}]"), item)).collect())
            }
            _ => {
                found.push(Problem::new(place, "is not a list"));
                None
            }
        }
    }

    /// Texts in a list, or in one text with commas or semicolons between them.
    pub(super) fn texts(&mut self, name: &str, found: &mut Vec<Problem>) -> Vec<String> {
        let given = match self.left.get(name) {
            Some(Value::Array(_)) => {
                let items = self.list(name, found).unwrap_or_default().into_iter();
                items.filter_map(|(place, item)| text_of(&place, &item, found)).collect()
            }
            _ => self.text(name, found).unwrap_or_default(),
        };
        let parts = given.split([',', ';', '\n']).map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    }

    /// The places of the fields that nobody took.
    pub(super) fn unknown(&self) -> impl Iterator<Item = String> + '_ {
        self.left.keys().map(|name| self.place(name))
    }
}

/// The text of an element, ended so that it can be one of many.
fn text_of(place: &str, item: &Value, found: &mut Vec<Problem>) -> Option<String> {
    match item {
        Value::String(text) => Some(format!("{text}\n")),
        _ => {
            found.push(Problem::new(place, "is not a text"));
            None
        }
    }
}
