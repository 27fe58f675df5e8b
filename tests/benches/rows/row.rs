//! A row of the table of benchmarks.

use std::fmt;

/// Whether what a row must reach is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Reached,
    Missed,
    /// It only informs.
    NoTarget,
}

impl Verdict {
    /// Of a comparison.
    pub(crate) fn of(reached: bool) -> Self {
        if reached { Self::Reached } else { Self::Missed }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Reached => "yes",
            Self::Missed => "**no**",
            Self::NoTarget => "–",
        })
    }
}

/// One comparison.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What was done.
    pub(crate) work: String,
    /// What lakedr took.
    pub(crate) ours: String,
    /// What the peer took, and which one it was.
    pub(crate) peer: String,
    /// Ours against the peer's.
    pub(crate) ratio: String,
    /// What must be reached.
    pub(crate) target: String,
    /// Whether it is.
    pub(crate) verdict: Verdict,
}

impl Row {
    /// A row that could not be measured, and why.
    pub(crate) fn failed(name: &str, error: &anyhow::Error) -> Self {
        let why = format!("not measured: {error:#}").replace(['\n', '|'], " ");
        Self {
            work: name.to_owned(),
            ours: why.chars().take(300).collect(),
            peer: String::new(),
            ratio: String::new(),
            target: String::new(),
            verdict: Verdict::Missed,
        }
    }
}

/// Rows as a table in Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut lines = vec![
        "| work | lakedr | peer | ratio | must reach | reached |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    lines.extend(rows.iter().map(|row| {
        let Row { work, ours, peer, ratio, target, verdict } = row;
        format!("| {work} | {ours} | {peer} | {ratio} | {target} | {verdict} |")
    }));
    lines.join("\n") + "\n"
}
