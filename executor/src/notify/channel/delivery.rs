use std::ops::ControlFlow;

use super::error::ChannelError;

/// What has become of the notices for one target.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// Ids of those that were delivered.
    pub told: Vec<String>,
    /// Ids of those that the target refuses and that nobody will be told, and why.
    pub dropped: Vec<(String, ChannelError)>,
    /// Refused, while nothing behind them was delivered.
    refused: Vec<(String, ChannelError)>,
    /// What ended it.
    ended: Option<ChannelError>,
}

impl Delivery {
    /// Nothing can be delivered.
    pub(super) fn none(error: ChannelError) -> Self {
        Self { ended: Some(error), ..Self::default() }
    }

    /// Why the rest is kept for the next call, if anything is.
    #[must_use]
    pub(crate) fn kept(&self) -> Option<&ChannelError> {
        self.ended.as_ref().or(self.refused.last().map(|(_, error)| error))
    }

    /// Takes down how the next notice went, and says whether to go on.
    ///
    /// One that is refused holds back none behind it. When one of those is delivered, the target is well, and the refused one
    /// is dropped: told later it would open an incident again that is over. While none is delivered, all may be refused for
    /// the same reason, as PagerDuty does with a wrong key, and all are kept.
    pub(super) fn went(&mut self, id: &str, answer: Result<(), ChannelError>) -> ControlFlow<()> {
        match answer {
            Ok(()) => {
                self.told.push(id.to_owned());
                self.dropped.append(&mut self.refused);
            }
            Err(error) if error.is_refusal() => self.refused.push((id.to_owned(), error)),
            Err(error) => {
                self.ended = Some(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::super::error::HiddenError;
    use super::*;

    /// How notices 1, 2, … are answered: told, dropped, whether others are kept, and how many were tried.
    fn went(statuses: &[u16]) -> (Vec<String>, Vec<String>, bool, usize) {
        let mut delivery = Delivery::default();
        let mut tried = 0;
        for status in statuses {
            tried += 1;
            let status = StatusCode::from_u16(*status).unwrap();
            let refusal = || HiddenError::answered("the hook", status).into();
            let answer = if status.is_success() { Ok(()) } else { Err(refusal()) };
            if delivery.went(&tried.to_string(), answer).is_break() {
                break;
            }
        }
        let dropped = delivery.dropped.iter().map(|(id, _)| id.clone()).collect();
        (delivery.told.clone(), dropped, delivery.kept().is_some(), tried)
    }

    #[test]
    fn a_refused_notice_holds_back_none_and_is_dropped_once_another_is_told() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        for (statuses, told, dropped, kept, tried) in [
            (&[200, 200][..], &["1", "2"][..], &[][..], false, 2),
            (&[400, 200, 200], &["2", "3"], &["1"], false, 3),
            (&[413, 422, 200], &["3"], &["1", "2"], false, 3),
            (&[200, 400], &["1"], &[], true, 2),
            // a wrong key of PagerDuty
            (&[400, 400], &[], &[], true, 2),
            (&[200, 404, 200], &["1"], &[], true, 2),
            (&[503, 200], &[], &[], true, 1),
            (&[400, 503, 200], &[], &[], true, 2),
            (&[400, 200, 429, 200], &["2"], &["1"], true, 3),
        ] {
            assert_eq!(went(statuses), (ids(told), ids(dropped), kept, tried), "{statuses:?}");
        }
    }
}
