//! The actions of a JSON checkpoint, a piece at a time.

use bytes::Bytes;
use futures::stream::{self, BoxStream, Stream};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;

use super::checkpoint::Unread;
use crate::delta::action::{Action, LineError, actions};
use crate::observe::log_store::LogStore;
use crate::observe::table_error::LogDefect;

type Chunks = BoxStream<'static, object_store::Result<Bytes>>;

/// Where in a file the reader is.
struct Position {
    chunks: Option<Chunks>,
    /// Bytes behind the last complete line.
    rest: Vec<u8>,
    /// Lines that have been read.
    lines: usize,
}

/// The actions of the lines of a file, in order, as many at a time as the store sends bytes.
pub(super) fn json_lines(
    log: LogStore,
    key: Path,
) -> impl Stream<Item = Result<Vec<Action>, Unread>> + Send + 'static {
    let opened = async move {
        let chunks = log.chunks(&key).await.map_err(|source| unread(&log, &key, source))?;
        let position = Position { chunks: Some(chunks), rest: Vec::new(), lines: 0 };
        Ok::<_, Unread>(stream::try_unfold(position, move |position| {
            let (log, key) = (log.clone(), key.clone());
            async move { next(&log, &key, position).await }
        }))
    };
    stream::once(opened).try_flatten()
}

async fn next(
    log: &LogStore,
    key: &Path,
    mut position: Position,
) -> Result<Option<(Vec<Action>, Position)>, Unread> {
    let Some(chunks) = &mut position.chunks else { return Ok(None) };
    let complete = match chunks.next().await {
        Some(chunk) => {
            position.rest.extend_from_slice(&chunk.map_err(|source| unread(log, key, source))?);
            let end = position.rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let rest = position.rest.split_off(end);
            std::mem::replace(&mut position.rest, rest)
        }
        None => {
            position.chunks = None;
            std::mem::take(&mut position.rest)
        }
    };
    let before = position.lines;
    let read: Result<Vec<Action>, LineError> = actions(&complete).collect();
    let read = read.map_err(|error| {
        let source = LineError { line: before + error.line, ..error };
        log.corrupt(LogDefect::Line { key: key.to_string(), source })
    })?;
    position.lines += complete.iter().filter(|byte| **byte == b'\n').count();
    Ok(Some((read, position)))
}

fn unread(log: &LogStore, key: &Path, source: object_store::Error) -> Unread {
    match source {
        object_store::Error::NotFound { .. } => Unread::Lost(key.clone()),
        source => Unread::Failed(log.store_error(key, source)),
    }
}
