//! Attributes that several resources have.

use crate::wire::{Attribute, Meaning, Stability};

/// How names are written.
macro_rules! document_name {
    ($what:literal) => {
        concat!(
            "Name of the ",
            $what,
            ", unique within the control store. Must consist of 1 to 63 lowercase letters, digits, `_`, or `-`, and begin \
             with a letter or a digit."
        )
    };
}
pub(super) use document_name;

/// The name of a document.
pub(super) fn name(description: &'static str) -> Attribute {
    Attribute::string("name").required().requires_replace().describe(description)
}

/// What every document tells about itself.
pub(super) fn document_facts() -> Vec<Attribute> {
    vec![
        Attribute::string("id").computed(Stability::Stable).describe("Identifier of the resource, identical to `name`."),
        Attribute::number("generation")
            .computed(Stability::Volatile)
            .describe("Number of times that the specification has been written to the control store, starting at 1."),
        Attribute::string("digest").computed(Stability::Volatile).describe(
            "Digest of the specification, in the form `sha256:` followed by 64 hexadecimal digits. Two regions hold the same \
             specification if, and only if, the digests are equal.",
        ),
    ]
}

/// When something is due.
pub(super) fn schedule(description: &'static str) -> Attribute {
    let attributes = vec![
        Attribute::string("interval").meaning(Meaning::Duration).describe("Time between two starts, for example `15m` or `1h 30m`. Conflicts with `cron`."),
        Attribute::string("cron").describe(
            "Cron expression with five fields (minute, hour, day of month, month, and day of week), for example \
             `*/15 * * * *`. Conflicts with `interval`.",
        ),
        Attribute::string("timezone")
            .describe("IANA name of the time zone in which `cron` is evaluated, for example `Europe/Berlin`. Requires `cron`. Defaults to `UTC`."),
    ];
    Attribute::object("schedule", attributes).describe(description)
}

/// How secret references are written.
macro_rules! secret_reference {
    ($what:literal) => {
        concat!(
            $what,
            " Must be a secret reference, never the secret itself: `env://NAME`, `file:///path`, or \
             `databricks://scope/key`. The executor resolves it at run time."
        )
    };
}
pub(super) use secret_reference;
