//! What a call of the executor says: data for stdout, talk for stderr.

mod group;
mod output;
mod progress;

pub use group::{Done, GroupReport, Outcome, ReportedError};
pub use output::{Format, Output, bytes_text, duration_text};
pub use progress::{Meter, Progress};
