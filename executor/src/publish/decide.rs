//! What an open intent needs next: pure.

/// What a slot of an intent holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotState {
    /// Nothing.
    Free,
    /// The commit of the intent.
    Filled,
    /// Somebody else's commit.
    Foreign {
        /// Who wrote it, as far as the commit says.
        author: String,
    },
}

/// What to do with an open intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Fill these slots.
    Fill(Vec<usize>),
    /// Every slot is filled: say so.
    Publish,
    /// This slot is taken by somebody else: bring the tables back to the newest recovery point.
    RollBack {
        /// The slot.
        foreign: usize,
        /// Who took it.
        author: String,
    },
}

/// The next action for an intent whose slots are in these states.
#[must_use]
pub fn next(slots: &[SlotState]) -> Next {
    for (foreign, slot) in slots.iter().enumerate() {
        if let SlotState::Foreign { author } = slot {
            return Next::RollBack { foreign, author: author.clone() };
        }
    }
    let free: Vec<usize> = slots
        .iter()
        .enumerate()
        .filter(|(_, slot)| **slot == SlotState::Free)
        .map(|(index, _)| index)
        .collect();
    if free.is_empty() { Next::Publish } else { Next::Fill(free) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_filled_unless_somebody_else_was_there() {
        let foreign = || SlotState::Foreign { author: "x".to_owned() };
        assert_eq!(next(&[]), Next::Publish);
        assert_eq!(next(&[SlotState::Filled, SlotState::Filled]), Next::Publish);
        assert_eq!(next(&[SlotState::Filled, SlotState::Free]), Next::Fill(vec![1]));
        assert_eq!(
            next(&[SlotState::Free, foreign()]),
            Next::RollBack { foreign: 1, author: "x".to_owned() }
        );
    }
}
