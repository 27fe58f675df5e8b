//! A report as a page for people: one file, nothing in it is loaded from elsewhere.

use std::time::Duration;

use askama::Template;
use lakedr_control::drill::DrillReport;
use lakedr_control::time;

use crate::report::{bytes_text, duration_text};

#[derive(Template)]
#[template(path = "drill.html")]
struct Page<'a> {
    report: &'a DrillReport,
    /// Digest of the document that says the same to programs.
    digest: &'a str,
}

impl Page<'_> {
    fn at(moment: &chrono::DateTime<chrono::Utc>) -> String {
        time::format(*moment)
    }

    fn seconds(seconds: &u64) -> String {
        duration_text(Duration::from_secs(*seconds))
    }

    fn millis(millis: &u64) -> String {
        humantime::format_duration(Duration::from_millis(*millis)).to_string()
    }

    fn bytes(bytes: &u64) -> String {
        bytes_text(*bytes)
    }
}

/// The page of a report; `digest` is that of the report's bytes.
///
/// # Errors
/// When it cannot be written; a bug.
pub fn page(report: &DrillReport, digest: &str) -> Result<String, askama::Error> {
    Page { report, digest }.render()
}

#[cfg(test)]
mod tests {
    use super::super::verdict::conclude;
    use super::super::verdict::tests::report;
    use super::*;

    #[test]
    fn a_page_says_what_the_report_says() {
        let page = page(&conclude(report(), None), "sha256:11").unwrap();
        for told in ["PASSED", "run &#60;1&#62;", "4 rows &#38; &#60;more&#62;", "sha256:11", "sha256:00"] {
            assert!(page.contains(told), "{told}\n{page}");
        }
        assert!(!page.contains("http") && !page.contains("<script"), "nothing comes from elsewhere");
        let mut bad = report();
        bad.problems.push("the store does not answer".to_owned());
        let page = super::page(&conclude(bad, None), "sha256:11").unwrap();
        assert!(page.contains("FAILED") && page.contains("the store does not answer"), "{page}");
    }
}
