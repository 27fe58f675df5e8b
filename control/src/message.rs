//! Errors as text: the whole chain once, on one line.

use std::error::Error;

/// Longest text that is kept of an answer, in characters.
const LONGEST: usize = 400;

/// An error with everything that caused it, on one line. A cause whose text is already part of what was said adds
/// nothing, and of the XML or HTML that a store answers with only its code and message are kept.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = brief(&error.to_string());
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = brief(&error.to_string());
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

/// One text without the markup of an answer.
fn brief(text: &str) -> String {
    let markup = ["<?xml", "<Error>", "<!DOCTYPE", "<html"].iter().filter_map(|start| text.find(start)).min();
    let Some(markup) = markup else { return text.to_owned() };
    let (said, answer) = text.split_at(markup);
    let parts = [element(answer, "Code"), element(answer, "Message")];
    let parts: Vec<&str> = parts.into_iter().flatten().collect();
    let mut brief: String = parts.join(", ").chars().take(LONGEST).collect();
    brief.insert_str(0, said);
    brief.trim_end().to_owned()
}

fn element<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = answer.split_once(&format!("<{name}>"))?;
    rest.split_once("</").map(|(text, _)| text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: String,
        source: Option<Box<Link>>,
    }

    fn link(text: &str, source: Option<Link>) -> Link {
        Link { text: text.to_owned(), source: source.map(Box::new) }
    }

    #[test]
    fn a_chain_says_each_thing_once() {
        let error = link("cannot read x", Some(link("no answer: refused", Some(link("refused", None)))));
        assert_eq!(chain(&error), "cannot read x: no answer: refused");
    }

    #[test]
    fn markup_is_left_out() {
        let answer = "status code: 403 Forbidden: <?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code>\
                      <Message>No.</Message><Resource>/b</Resource></Error>";
        assert_eq!(chain(&link(answer, None)), "status code: 403 Forbidden: AccessDenied, No.");
        assert_eq!(chain(&link("502: <html><body>Bad Gateway</body></html>", None)), "502:");
    }
}
