//! The command of the user that judges the copy.

use std::time::Duration;

use lakedr_control::drill::{DrillValidation, DrilledPoint};
use serde::Serialize;

use crate::error::chain;
use crate::process::Program;

/// Format of requests.
///
/// | format | since | changes |
/// |---|---|---|
/// | 1 | 0.1.0 | the first |
const FORMAT: u32 = 1;

/// What a drill is to do besides looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The executable that judges the copy.
    pub validate: Option<String>,
    /// Variables of the environment that it gets.
    pub passes: Vec<String>,
    /// How long it may take.
    pub patience: Duration,
    /// Leave the copy for people to look at.
    pub keep: bool,
    /// What is known beforehand and belongs into the report.
    pub warnings: Vec<String>,
}

/// A table of the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopiedTable {
    /// The table.
    pub name: String,
    /// Where the copy is.
    pub url: String,
    /// Its version.
    pub version: u64,
}

/// What the command gets on its standard input. It holds no secret.
#[derive(Debug, Clone, Serialize)]
pub struct ValidationRequest<'a> {
    /// Version of the format.
    pub format: u32,
    /// The group.
    pub group: &'a str,
    /// Number of the drill.
    pub drill: u64,
    /// The region that was rehearsed to take over.
    pub region: &'a str,
    /// What the copy holds.
    pub recovery_point: &'a DrilledPoint,
    /// The tables: what is done to them harms nothing.
    pub tables: &'a [CopiedTable],
}

impl<'a> ValidationRequest<'a> {
    /// A request about a copy.
    pub(super) fn new(
        (group, drill, region): (&'a str, u64, &'a str),
        recovery_point: &'a DrilledPoint,
        tables: &'a [CopiedTable],
    ) -> Self {
        Self { format: FORMAT, group, drill, region, recovery_point, tables }
    }
}

/// Has the copy judged.
pub(super) async fn validate(
    asked: &Asked,
    command: &str,
    request: &ValidationRequest<'_>,
) -> DrillValidation {
    let program = Program { command, passes: &asked.passes, patience: asked.patience };
    let ended = match serde_json::to_vec(request) {
        Ok(request) => program.run(&request).await.map_err(|fault| chain(&fault)),
        Err(error) => Err(format!("the request cannot be written: {error}; report this as a bug of lakedr")),
    };
    let (passed, ended, said) = match ended {
        Ok(ended) => (ended.status.success(), ended.status.to_string(), ended.said),
        Err(problem) => (false, problem, String::new()),
    };
    DrillValidation { command: command.to_owned(), passed, ended, said }
}
