//! Panics. One inside a call becomes a value that the call can report; any other ends the process
//! with the text that makes Terraform say "the plugin crashed" and show the stack.

use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::pin;
use std::task::Poll;

thread_local! {
    /// Whether this thread is inside [`guarded`].
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// What the hook saw of a panic inside [`guarded`].
    static CAUGHT: RefCell<Option<Panicked>> = const { RefCell::new(None) };
}

/// A panic: a mistake in this program, never the user's.
#[derive(Clone, Debug, Default)]
pub struct Panicked {
    /// What the panic said.
    pub message: String,
    /// File, line and column of the panic.
    pub location: String,
    /// The stack, as far as the build has symbols.
    pub backtrace: String,
}

impl fmt::Display for Panicked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at {}", self.message, self.location)
    }
}

/// Runs work that may panic. Nothing of its state may be used after a panic.
///
/// # Errors
/// The panic, if there was one. Tasks spawned by the work are not covered.
pub async fn guarded<F: Future>(work: F) -> Result<F::Output, Panicked> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let outer = GUARDED.replace(true);
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        GUARDED.set(outer);
        match polled {
            Ok(progress) => progress.map(Ok),
            Err(_) => Poll::Ready(Err(CAUGHT.take().unwrap_or_default())),
        }
    })
    .await
}

/// Installs the process-wide hook.
pub(crate) fn install_hook() {
    std::panic::set_hook(Box::new(on_panic));
}

fn on_panic(info: &PanicHookInfo<'_>) {
    let panicked = Panicked {
        message: info.payload_as_str().unwrap_or("a value that is no text").to_owned(),
        location: info.location().map(ToString::to_string).unwrap_or_default(),
        backtrace: Backtrace::force_capture().to_string(),
    };
    if GUARDED.get() {
        CAUGHT.set(Some(panicked));
        return;
    }
    // plain text: the host starts to capture at a line that begins like this
    let report = format!("panic: {panicked}\n\n{}\n", panicked.backtrace);
    let _ = std::io::stderr().write_all(report.as_bytes());
    std::process::abort();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_is_an_error_and_other_work_a_result() {
        assert_eq!(guarded(async { 1 }).await.unwrap(), 1);
        let across_an_await = async {
            tokio::task::yield_now().await;
            let nothing: [u8; 0] = [];
            nothing[std::hint::black_box(0)]
        };
        assert!(guarded(across_an_await).await.is_err());
        assert!(!GUARDED.get());
    }
}
