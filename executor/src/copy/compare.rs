use futures::StreamExt as _;
use object_store::{ObjectMeta, PutPayload};

use super::error::CopyError;
use super::object::Object;

/// Compares an object that was there already with the bytes that belong there, when its tag raises doubt.
///
/// S3 tags an object that was put in one piece with the MD5 of its bytes: equal tags prove equal bytes. Unequal ones
/// prove nothing, because encryption with keys of a customer makes tags of the same form that are no hashes: then the
/// bytes decide.
///
/// # Errors
/// [`CopyError::Different`].
pub(super) async fn same_bytes(
    target: &Object,
    meta: &ObjectMeta,
    source_tag: Option<&str>,
    wanted: &PutPayload,
) -> Result<(), CopyError> {
    if !tags_differ(source_tag, meta.e_tag.as_deref()) {
        return Ok(());
    }
    let different = || CopyError::Different { url: target.url.clone() };
    let answer = target.open(None, meta.e_tag.as_deref()).await?.ok_or_else(different)?;
    let mut found = answer.into_stream();
    let mut wanted = wanted.iter().flat_map(|chunk| chunk.iter().copied());
    while let Some(chunk) = found.next().await {
        let chunk = chunk.map_err(|cause| target.error("read", cause))?;
        if !chunk.iter().copied().eq(wanted.by_ref().take(chunk.len())) {
            return Err(different());
        }
    }
    Ok(())
}

/// Whether both tags have the form of an MD5, and differ.
fn tags_differ(one: Option<&str>, other: Option<&str>) -> bool {
    match (one.and_then(md5), other.and_then(md5)) {
        (Some(one), Some(other)) => !one.eq_ignore_ascii_case(other),
        _ => false,
    }
}

fn md5(tag: &str) -> Option<&str> {
    let hash = tag.trim_matches('"');
    (hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tags_that_can_be_hashes_raise_doubt() {
        let (one, other) = ("\"d41d8cd98f00b204e9800998ecf8427e\"", "900150983CD24FB0D6963F7D28E17F72");
        assert!(tags_differ(Some(one), Some(other)));
        for (a, b) in [(one, one), (one, "\"0x8DC\""), (one, "\"d41d8cd98f00b204e9800998ecf8427e-3\"")] {
            assert!(!tags_differ(Some(a), Some(b)), "{a} {b}");
        }
        assert!(!tags_differ(None, Some(other)));
    }
}
