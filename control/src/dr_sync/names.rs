//! Names that are free in our configuration, close to those in the file.

use std::collections::BTreeSet;

use crate::id::MAX_NAME_LENGTH;

/// The names that are given away.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
}

impl Names {
    /// A free name made from the first of these texts whose name is free, else from the last of them and a number.
    pub(super) fn free(&mut self, wanted: &[&str]) -> String {
        let names: Vec<String> = wanted.iter().map(|text| name(text)).collect();
        let last = names.last().cloned().unwrap_or_default();
        let numbered = (2u32..).map(|number| {
            let number = format!("_{number}");
            let kept = last.len().min(MAX_NAME_LENGTH - number.len());
            format!("{}{number}", &last[..kept])
        });
        let mut names = names.into_iter().chain(numbered);
        let free = names.find(|name| !self.taken.contains(name)).unwrap_or(last);
        self.taken.insert(free.clone());
        free
    }
}

/// A text as a name: lower-case, with `_` for what no name can hold.
fn name(text: &str) -> String {
    let lower = text.to_lowercase();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let name: String = lower.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    let name = name.trim_start_matches(['_', '-']);
    let name = &name[..name.len().min(MAX_NAME_LENGTH)];
    if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Name;

    #[test]
    fn names_are_valid_free_and_close() {
        let mut names = Names::default();
        assert_eq!(names.free(&["Sample Workflow.1"]), "sample_workflow_1");
        assert_eq!(names.free(&["sample_workflow_1", "west_sample_workflow_1"]), "west_sample_workflow_1");
        assert_eq!(names.free(&["sample_workflow_1"]), "sample_workflow_1_2");
        assert_eq!(names.free(&["___"]), "unnamed");
        for text in ["x".repeat(80), "Ünïcode täbles".repeat(9), "-".to_owned(), "x".repeat(80)] {
            assert!(names.free(&[&text]).parse::<Name>().is_ok(), "{text}");
        }
    }
}
