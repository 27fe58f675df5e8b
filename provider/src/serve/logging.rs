//! What the provider says: tracing events as the JSON lines of hclog, on stderr.
//!
//! Terraform reads each line. `@level`, `@message` and `@timestamp` must be strings (others crash it),
//! the time must have six fractional digits, and a line longer than 64 KiB is no longer JSON to it.

use std::io::Write as _;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Scope};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, registry};

use super::environment::variable;
use super::request::SUBSYSTEM;

/// Variables that set the level, the most specific first.
const LEVEL_VARIABLES: [&str; 3] = ["TF_LOG_PROVIDER_LAKEDR", "TF_LOG_PROVIDER", "TF_LOG"];
/// Those of the subsystem that tells calls.
const CALL_VARIABLES: [&str; 5] =
    ["TF_LOG_SDK_PROTO", "TF_LOG_SDK", "TF_LOG_PROVIDER_LAKEDR", "TF_LOG_PROVIDER", "TF_LOG"];
/// Our crates; others may log what they are handed, secrets included, so they get no further than `INFO`.
const OWN_TARGETS: [&str; 2] = ["terraform_provider_lakedr", "lakedr_control"];
/// Longest text in an entry, in characters.
const LONGEST_TEXT: usize = 4096;

/// Logs from here on, at the level that the environment asks for.
pub(crate) fn install() {
    let (calls, level) = (level(&CALL_VARIABLES, variable), level(&LEVEL_VARIABLES, variable));
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::INFO))
        .with_targets(OWN_TARGETS.map(|target| (target, level)))
        .with_target(SUBSYSTEM, calls);
    // fails only if a subscriber is there already, which then logs in its own way
    let _ = registry().with(Hclog { write: to_stderr }.with_filter(targets)).try_init();
}

/// The level that Terraform's variables ask for. As in Terraform, a word it does not know means all.
fn level(variables: &[&str], variable: impl Fn(&str) -> Option<String>) -> LevelFilter {
    let Some(word) = variables.iter().find_map(|name| variable(name)) else {
        return LevelFilter::OFF;
    };
    match word.to_ascii_uppercase().as_str() {
        "OFF" => LevelFilter::OFF,
        "ERROR" => LevelFilter::ERROR,
        "WARN" => LevelFilter::WARN,
        "INFO" => LevelFilter::INFO,
        "DEBUG" => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

/// Name and value pairs of an event or a span.
#[derive(Clone, Default)]
struct Fields(Map<String, Value>);

impl Fields {
    /// Names with an `@` are hclog's.
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().trim_start_matches('@').to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.put(field, shorten(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, shorten(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}

fn shorten(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_TEXT) {
        text.truncate(end);
        text.push('…');
    }
    text
}

fn to_stderr(line: &str) {
    // nobody is left to tell if this fails
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Turns events into lines of hclog; those inside a span carry its fields too.
struct Hclog<W> {
    write: W,
}

impl<W, S> Layer<S> for Hclog<W>
where
    W: Fn(&str) + 'static,
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.0.extend(of_span.0.clone());
            }
        }
        event.record(&mut fields);
        (self.write)(&line(event.metadata(), fields.0, Utc::now()));
    }
}

/// One line of hclog, with its newline.
fn line(metadata: &tracing::Metadata<'_>, mut fields: Map<String, Value>, at: DateTime<Utc>) -> String {
    let message = match fields.remove("message") {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => metadata.name().to_owned(),
    };
    for (key, text) in [
        ("@level", metadata.level().as_str().to_ascii_lowercase()),
        ("@message", message),
        ("@module", metadata.target().replace("::", ".")),
        ("@timestamp", at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()),
    ] {
        fields.insert(key.to_owned(), text.into());
    }
    format!("{}\n", Value::Object(fields))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::json;
    use tracing::subscriber::with_default;
    use tracing::{info, info_span, warn};

    use super::*;

    #[test]
    fn the_most_specific_variable_sets_the_level() {
        for (set, expected) in [
            (&[][..], LevelFilter::OFF),
            (&[("TF_LOG", "debug")], LevelFilter::DEBUG),
            (&[("TF_LOG", "JSON")], LevelFilter::TRACE),
            (&[("TF_LOG", "TRACE"), ("TF_LOG_PROVIDER", "Info")], LevelFilter::INFO),
            (&[("TF_LOG_PROVIDER", "INFO"), ("TF_LOG_PROVIDER_LAKEDR", "off")], LevelFilter::OFF),
            (&[("TF_LOG", "warn")], LevelFilter::WARN),
            (&[("TF_LOG", "error")], LevelFilter::ERROR),
            (&[("TF_LOG", "what?")], LevelFilter::TRACE),
        ] {
            let variable = |name: &str| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(level(&LEVEL_VARIABLES, variable), expected, "{set:?}");
        }
    }

    /// The lines that are written while `said` runs.
    fn lines(said: impl FnOnce()) -> Vec<String> {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&kept);
        let write = move |line: &str| sink.lock().unwrap().push(line.to_owned());
        with_default(registry().with(Hclog { write }), said);
        std::mem::take(&mut kept.lock().unwrap())
    }

    fn entry(line: &str) -> Value {
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn an_event_is_one_line_that_terraform_can_read() {
        let lines = lines(|| warn!(target: "a::b", count = 3, ok = true, who = ?"x", "two\nlines"));
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].find('\n'), Some(lines[0].len() - 1), "the only newline ends the line");
        let mut entry = entry(&lines[0]);
        let time = entry.as_object_mut().unwrap().remove("@timestamp").unwrap();
        let time = time.as_str().unwrap();
        assert!(time.ends_with('Z') && time.len() == "2026-11-20T08:00:00.000000Z".len(), "{time}");
        let expected = json!({
            "@level": "warn", "@message": "two\nlines", "@module": "a.b", "count": 3, "ok": true, "who": "\"x\"",
        });
        assert_eq!(entry, expected);
    }

    #[test]
    fn no_field_of_ours_takes_the_place_of_hclogs() {
        let lines = lines(|| info!(target: "t", message = 7, "@message" = 5, "@level" = 1));
        let entry = entry(&lines[0]);
        assert!(entry["@message"].is_string() && entry["@level"] == "info", "{entry}");
    }

    #[test]
    fn long_texts_are_cut_so_that_a_line_stays_json() {
        let lines = lines(|| info!(target: "t", long = "ä".repeat(100_000), "m"));
        assert!(lines[0].len() < 64 * 1024);
        assert_eq!(entry(&lines[0])["long"].as_str().unwrap().chars().count(), LONGEST_TEXT + 1);
    }

    #[test]
    fn spans_lend_their_fields_to_events_inside() {
        let lines = lines(|| {
            info_span!("call", tf_rpc = "ReadResource", tf_resource_type = "outer").in_scope(|| {
                info_span!("inner", tf_resource_type = "inner").in_scope(|| info!("m"));
            });
            info!("outside");
        });
        let (inside, outside) = (entry(&lines[0]), entry(&lines[1]));
        assert_eq!(
            (&inside["tf_rpc"], &inside["tf_resource_type"]),
            (&json!("ReadResource"), &json!("inner"))
        );
        assert_eq!(outside.get("tf_rpc"), None);
    }
}
