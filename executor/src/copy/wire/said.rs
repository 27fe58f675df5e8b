use http::HeaderMap;
use serde::Deserialize;

/// Longest part of an answer that is repeated in a message.
const LONGEST: usize = 300;

/// `<Error>`, as S3, Azure and the XML API of Google write it.
#[derive(Deserialize)]
#[serde(rename = "Error", rename_all = "PascalCase")]
struct XmlError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// `{"error":{…}}`, as the JSON API of Google writes it.
#[derive(Deserialize)]
struct JsonError {
    error: JsonReason,
}

#[derive(Deserialize)]
struct JsonReason {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<JsonDetail>,
}

#[derive(Deserialize)]
struct JsonDetail {
    #[serde(default)]
    reason: String,
}

/// The provider's word for what went wrong, and its explanation; both are empty when it says nothing of the kind.
pub(super) fn said(headers: &HeaderMap, body: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start();
    if (text.contains("<Error>") || text.contains("<Error "))
        && let Ok(XmlError { code, message }) = quick_xml::de::from_str(text)
    {
        return (code, shortened(&message));
    }
    if let Ok(JsonError { error }) = serde_json::from_str::<JsonError>(text) {
        let reason = error.errors.into_iter().next().map(|detail| detail.reason).unwrap_or_default();
        return (reason, shortened(&error.message));
    }
    let code = headers.get("x-ms-error-code").and_then(|code| code.to_str().ok()).unwrap_or_default();
    (code.to_owned(), shortened(text))
}

fn shortened(text: &str) -> String {
    let text = text.trim();
    text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_is_understood() {
        let none = HeaderMap::new();
        let s3 = b"<?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code><Message>less</Message><HostId>x</HostId></Error>";
        assert_eq!(said(&none, s3), ("SlowDown".to_owned(), "less".to_owned()));
        let google = br#"{"error":{"code":412,"message":"no","errors":[{"reason":"conditionNotMet"}]}}"#;
        assert_eq!(said(&none, google), ("conditionNotMet".to_owned(), "no".to_owned()));
        let azure = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-ms-error-code"),
            http::HeaderValue::from_static("BlobAlreadyExists"),
        )]);
        assert_eq!(said(&azure, b""), ("BlobAlreadyExists".to_owned(), String::new()));
        let fine = b"<CopyObjectResult><ETag>\"x\"</ETag></CopyObjectResult>";
        assert_eq!(said(&none, fine).0, "");
    }
}
