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

/// A slot of an intent as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// What it holds.
    pub state: SlotState,
    /// No reader sees it before version 0 of its table is there.
    pub hidden: bool,
}

/// What to do with an open intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Fill these slots, which no reader can see yet.
    FillHidden(Vec<usize>),
    /// Fill these slots; the first one that is filled begins the publish window.
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
pub fn next(slots: &[Slot]) -> Next {
    for (foreign, slot) in slots.iter().enumerate() {
        if let SlotState::Foreign { author } = &slot.state {
            return Next::RollBack { foreign, author: author.clone() };
        }
    }
    let free = |hidden: bool| -> Vec<usize> {
        let wanted = |slot: &Slot| slot.state == SlotState::Free && slot.hidden == hidden;
        slots.iter().enumerate().filter(|(_, slot)| wanted(slot)).map(|(index, _)| index).collect()
    };
    let (hidden, seen) = (free(true), free(false));
    if !hidden.is_empty() {
        Next::FillHidden(hidden)
    } else if !seen.is_empty() {
        Next::Fill(seen)
    } else {
        Next::Publish
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(notation: &str) -> Vec<Slot> {
        let slot = |letter: char| Slot {
            state: match letter.to_ascii_lowercase() {
                'f' => SlotState::Free,
                'x' => SlotState::Foreign { author: "x".to_owned() },
                _ => SlotState::Filled,
            },
            hidden: letter.is_ascii_uppercase(),
        };
        notation.chars().map(slot).collect()
    }

    #[test]
    fn slots_are_filled_unless_somebody_else_was_there() {
        assert_eq!(next(&[]), Next::Publish);
        assert_eq!(next(&slots("ii")), Next::Publish);
        assert_eq!(next(&slots("if")), Next::Fill(vec![1]));
        assert_eq!(next(&slots("fx")), Next::RollBack { foreign: 1, author: "x".to_owned() });
    }

    #[test]
    fn what_no_reader_sees_is_filled_first() {
        assert_eq!(next(&slots("fFFf")), Next::FillHidden(vec![1, 2]));
        assert_eq!(next(&slots("fIFf")), Next::FillHidden(vec![2]));
        assert_eq!(next(&slots("fIIf")), Next::Fill(vec![0, 3]));
        assert_eq!(next(&slots("fXFf")), Next::RollBack { foreign: 1, author: "x".to_owned() });
        assert_eq!(next(&slots("iIIi")), Next::Publish);
    }
}
