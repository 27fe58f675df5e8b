//! What a call has paused that is not to stay so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lakedr_control::id::Name;

/// Schedules of active regions that this call pauses for failbacks, by group, as long as it has neither changed the roles nor
/// let them go on. Cut short by then, it leaves them paused.
#[derive(Debug, Clone, Default)]
pub struct Paused(Arc<Mutex<BTreeMap<Name, Vec<String>>>>);

impl Paused {
    /// These may be paused by now.
    pub(super) fn may_be(&self, group: &Name, schedules: Vec<String>) {
        self.lock().insert(group.clone(), schedules);
    }

    /// Nothing of a group is held back any more.
    pub(crate) fn is_over(&self, group: &Name) {
        self.lock().remove(group);
    }

    /// What an end at this moment leaves behind, for people; a line for each group.
    #[must_use]
    pub fn left_behind(&self) -> Vec<String> {
        let line = |(group, schedules): (&Name, &Vec<String>)| {
            format!(
                "{group}: the failback is cut short, and may leave paused: {}; carry the failback out again, or unpause them \
                 yourself (`lakedr status` says which)",
                schedules.join(", ")
            )
        };
        self.lock().iter().filter(|(_, schedules)| !schedules.is_empty()).map(line).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Vec<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_held_back_is_left_behind() {
        let (paused, etl, ml) = (Paused::default(), "etl".parse().unwrap(), "ml".parse().unwrap());
        paused.may_be(&etl, vec!["e: job 1".to_owned(), "e: job 2".to_owned()]);
        paused.may_be(&ml, Vec::new());
        let said = paused.left_behind();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("etl: ") && said[0].contains("e: job 1, e: job 2;"), "{said:?}");
        paused.is_over(&etl);
        assert!(paused.left_behind().is_empty());
    }
}
