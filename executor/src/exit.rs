//! Exit codes, the one public table of them (DESIGN section 8).

/// How a call of `lakedr` ended, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// All fine; nothing to do included.
    Ok = 0,
    /// A bug of lakedr.
    Bug = 1,
    /// Usage or configuration.
    Usage = 2,
    /// Refused; the reason is a type.
    Refused = 3,
    /// Some groups failed.
    Failed = 4,
    /// Storage or a service is out of reach; worth retrying.
    Unreachable = 5,
    /// Interrupted.
    Interrupted = 130,
}

impl Exit {
    /// The code.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The code for several outcomes together. A failure outweighs a refusal; only when everything that failed
    /// was out of reach is trying again worth it.
    #[must_use]
    pub fn of_all(exits: impl IntoIterator<Item = Self>) -> Self {
        let exits: Vec<Self> = exits.into_iter().collect();
        let any = |wanted: Self| exits.contains(&wanted);
        [Self::Interrupted, Self::Bug, Self::Usage, Self::Failed, Self::Unreachable, Self::Refused]
            .into_iter()
            .find(|exit| any(*exit))
            .unwrap_or(Self::Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_outcome_names_the_exit() {
        assert_eq!(Exit::of_all([]), Exit::Ok);
        assert_eq!(Exit::of_all([Exit::Ok, Exit::Refused]), Exit::Refused);
        assert_eq!(Exit::of_all([Exit::Refused, Exit::Unreachable]), Exit::Unreachable);
        assert_eq!(Exit::of_all([Exit::Unreachable, Exit::Failed]), Exit::Failed);
    }
}
