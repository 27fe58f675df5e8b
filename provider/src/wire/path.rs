//! Places inside a value, as Terraform names them in diagnostics and in `requires_replace`.

use std::fmt;

/// One step from a value to a value inside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// An attribute of an object.
    Attribute(String),
    /// An element of a list or tuple, counted from 0.
    Index(usize),
    /// An element of a map.
    Key(String),
}

/// A sequence of steps from the root of a resource, data source or provider configuration.
///
/// Sets have no addressable elements: a path that concerns one ends at the set itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Step>);

impl Path {
    /// The root: the whole object.
    #[must_use]
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// The path of one attribute of the root object.
    #[must_use]
    pub fn attribute(name: impl Into<String>) -> Self {
        Self(vec![Step::Attribute(name.into())])
    }

    /// The steps, outermost first.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every step of this path is also the beginning of `other` (a path is a prefix of itself).
    #[must_use]
    pub fn is_prefix_of(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// Whether one of both paths contains the place that the other names.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.is_prefix_of(other) || other.is_prefix_of(self)
    }

    /// The path extended by one step.
    #[must_use]
    pub fn join(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// Appends a step in place.
    pub fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    /// Removes the last step.
    pub fn pop(&mut self) {
        self.0.pop();
    }
}

impl FromIterator<Step> for Path {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        Self(steps.into_iter().collect())
    }
}

/// Renders as in Terraform's language: `tables[0].name`, `storage_options["region"]`; the root is `(root)`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str("(root)");
        }
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => f.write_str(name)?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_like_terraform_and_orders_steps() {
        let path = Path::attribute("tables").join(Step::Index(1)).join(Step::Attribute("name".into()));
        assert_eq!(path.to_string(), "tables[1].name");
        assert_eq!(Path::attribute("o").join(Step::Key("a\"b".into())).to_string(), r#"o["a\"b"]"#);
        assert_eq!(Path::root().to_string(), "(root)");
    }

    #[test]
    fn overlap_is_containment_in_either_direction() {
        let outer = Path::attribute("primary");
        let inner = outer.join(Step::Attribute("region".into()));
        assert!(outer.overlaps(&inner) && inner.overlaps(&outer) && outer.overlaps(&outer));
        assert!(!Path::attribute("secondary").overlaps(&inner));
    }
}
