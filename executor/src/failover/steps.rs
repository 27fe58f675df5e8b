//! What carrying out a plan does, in order: pure.

use lakedr_control::group_log::GroupState;

use super::basis::Kind;
use super::hand_over::Declared;

/// The steps for one group, in words. The last ones are those of the operator.
#[must_use]
pub(super) fn steps(kind: Kind, state: &GroupState, services: &Declared) -> Vec<String> {
    let (active, standby) = (&state.role.active, &state.role.standby);
    let mut steps = Vec::new();
    if let Some(pause) = &services.pause {
        steps.push(format!("pause what writes in {active}, and wait for its runs: {pause}"));
    }
    if kind == Kind::Failback {
        steps.push(format!("sync {active} to {standby} once more, and see that nothing is left behind"));
    }
    if let Some(landed) = state.unpublished().filter(|_| state.open_intent.is_none()) {
        steps.push(format!(
            "you, before anything else: run `lakedr receive` and plan again; {} has landed in {standby} and would be lost",
            landed.cut.describe()
        ));
    }
    steps.push(match &state.open_intent {
        Some(open) => format!("finish intent {} ({})", open.seq, open.cut.describe()),
        None => "finish whatever intent is open by then; none is".to_owned(),
    });
    steps.push(format!(
        "append `role`: {standby} becomes active, {active} standby, in epoch {}; from then on no executor can publish to \
         {standby}",
        state.epoch + 1
    ));
    if let Some(stop) = &services.stop {
        steps.push(format!(
            "stop, as far as {active} answers: {stop}. What does not answer stays in the ledger, and every sync tries again"
        ));
    }
    steps.push(format!(
        "check every table in {standby}: it opens at the version of the recovery point, every file is there with its size, \
         and some rows of a few of them can be read"
    ));
    if let Some(start) = &services.start {
        steps.push(format!("if every table is usable, start: {start}"));
    }
    let left = match (&services.stop, &services.start) {
        (None, None) => {
            Some(format!("stop the workflow in {active} if it can still run, and start it in {standby}"))
        }
        (None, Some(_)) => Some(format!("stop the workflow in {active} if it can still run")),
        (Some(_), None) => Some(format!("start the workflow in {standby}")),
        (Some(_), Some(_)) => None,
    };
    steps.extend(left.map(|left| format!("you: {left}")));
    steps.push(format!(
        "you: go on calling `lakedr sync`; as soon as {active} answers, it keeps what {active} holds beyond the recovery \
         point, and brings {active} to the state of {standby}"
    ));
    steps
}
