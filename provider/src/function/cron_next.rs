//! `cron_next`: when a schedule comes next.

use chrono::{DateTime, SecondsFormat, Utc};
use lakedr_control::cron::{CronSchedule, FIELDS, ZONE, timezone};

use super::call::{Function, FunctionError, Parameter, Signature};
use crate::wire::{Type, Value};

/// The function `cron_next`.
#[derive(Debug)]
pub struct CronNext {
    signature: Signature,
}

impl CronNext {
    /// The function.
    #[must_use]
    pub fn new() -> Self {
        let parameter = |name, description| Parameter { name, ty: Type::String, description };
        Self {
            signature: Signature {
                summary: "Returns the next time of a cron schedule",
                description: "Returns the first time of a cron schedule after a given time, in UTC and RFC 3339 format. The \
                    expression is interpreted as in `schedule` of a sync group or snapshot schedule, so the function shows \
                    when they are due, for example in outputs and `check` blocks.",
                parameters: vec![
                    parameter(
                        "expression",
                        "Cron expression with five fields (minute, hour, day of month, month, and day of week), for example `0 3 * * 0`.",
                    ),
                    parameter(
                        "timezone",
                        "IANA name of the time zone in which the expression is evaluated, for example `UTC`.",
                    ),
                    parameter(
                        "after",
                        "Time in RFC 3339 format, for example `plantimestamp()`. The result is later than this.",
                    ),
                ],
                result: Type::String,
            },
        }
    }
}

impl Default for CronNext {
    fn default() -> Self {
        Self::new()
    }
}

impl Function for CronNext {
    fn name(&self) -> &'static str {
        "cron_next"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn call(&self, arguments: &[Value]) -> Result<Value, FunctionError> {
        let text = |index: usize| arguments.get(index).and_then(Value::as_str).unwrap_or_default();
        let blame = |argument: usize, problem: String, remedy: &str| {
            FunctionError::of_argument(argument, &format!("{problem}; {remedy}"))
        };
        let timezone = timezone(text(1)).map_err(|error| blame(1, error.to_string(), ZONE))?;
        let schedule =
            CronSchedule::parse(text(0), timezone).map_err(|error| blame(0, error.to_string(), FIELDS))?;
        let after = DateTime::parse_from_rfc3339(text(2)).map_err(|error| {
            blame(2, format!("{:?} is not an instant ({error})", text(2)), "write it as 2026-11-20T08:00:00Z")
        })?;
        let next = schedule.next(after.with_timezone(&Utc)).ok_or_else(|| {
            blame(0, format!("{:?} never comes", text(0)), "write a schedule that has a next moment")
        })?;
        Ok(next.to_rfc3339_opts(SecondsFormat::Secs, true).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_has_a_next_moment() {
        let call = |expression: &str, timezone: &str, after: &str| {
            CronNext::new().call(&[expression.into(), timezone.into(), after.into()])
        };
        assert_eq!(
            call("0 3 * * *", "Europe/Berlin", "2026-11-20T08:00:00+01:00"),
            Ok("2026-11-21T02:00:00Z".into())
        );
        let blamed = |result: Result<Value, FunctionError>| result.unwrap_err().argument;
        assert_eq!(blamed(call("0 3 * *", "UTC", "2026-11-20T08:00:00Z")), Some(0));
        assert_eq!(blamed(call("0 3 30 2 *", "UTC", "2026-11-20T08:00:00Z")), Some(0));
        assert_eq!(blamed(call("0 3 * * *", "Mars", "2026-11-20T08:00:00Z")), Some(1));
        assert_eq!(blamed(call("0 3 * * *", "UTC", "tomorrow")), Some(2));
    }
}
