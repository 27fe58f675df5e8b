//! Attributes that several resources have.

use crate::wire::{Attribute, Meaning, Stability};

/// The name of a document.
pub(super) fn name(description: &'static str) -> Attribute {
    Attribute::string("name").required().requires_replace().describe(description)
}

/// What every document tells about itself.
pub(super) fn document_facts() -> Vec<Attribute> {
    vec![
        Attribute::string("id").computed(Stability::Stable).describe("The same as `name`."),
        Attribute::number("generation")
            .computed(Stability::Volatile)
            .describe("Counts the changes of the document in the control store, from 1."),
        Attribute::string("digest").computed(Stability::Volatile).describe(
            "Digest of the specification, `sha256:` and 64 hex digits. Both regions hold the same specification when \
             the digests are equal.",
        ),
    ]
}

/// When something is due.
pub(super) fn schedule(description: &'static str) -> Attribute {
    let attributes = vec![
        Attribute::string("interval").meaning(Meaning::Duration).describe("Time between two starts, for example `15m` or `1h 30m`."),
        Attribute::string("cron").describe(
            "Cron expression of five fields: minute, hour, day of month, month, day of week; for example `*/15 * * * *`.",
        ),
        Attribute::string("timezone")
            .describe("IANA time zone of the cron expression, for example `Europe/Berlin`. UTC when left out."),
    ];
    Attribute::object("schedule", attributes).describe(description)
}

/// How secret references are written.
macro_rules! secret_reference {
    ($what:literal) => {
        concat!(
            $what,
            " A reference, never the secret itself: `env://NAME`, `file:///run/secrets/x` or \
             `databricks://scope/key`. The executor resolves it when it runs."
        )
    };
}
pub(super) use secret_reference;
