use std::future::Future;

use buoyant_kernel::{CancellationToken, CancelledFuture, DeltaResult, Error};
use buoyant_kernel_engine::executor::TaskExecutor;
use futures::future::{BoxFuture, FutureExt as _};
use tokio::runtime::{EnterGuard, Handle};
use tokio::sync::mpsc::Sender;

/// Runs the requests of the kernel on the runtime of this program, so that the connections of a store stay with it.
/// The kernel itself blocks and has to be on a thread that may.
#[derive(Debug)]
pub(super) struct OnRuntime(pub(super) Handle);

impl TaskExecutor for OnRuntime {
    type Guard<'a> = EnterGuard<'a>;

    fn block_on<T>(&self, task: T) -> T::Output
    where
        T: Future + Send + 'static,
        T::Output: Send + 'static,
    {
        self.0.block_on(task)
    }

    fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.spawn(task);
    }

    fn spawn_blocking<T, R>(&self, task: T) -> BoxFuture<'_, DeltaResult<R>>
    where
        T: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let task = self.0.spawn_blocking(task);
        task.map(|ended| ended.map_err(|error| Error::JoinFailure(error.to_string()))).boxed()
    }

    fn enter(&self) -> EnterGuard<'_> {
        self.0.enter()
    }
}

/// Stops the kernel when nobody listens any more.
pub(super) struct WhileHeard<T>(pub(super) Sender<T>);

impl<T: Send + 'static> CancellationToken for WhileHeard<T> {
    fn is_cancelled(&self) -> bool {
        self.0.is_closed()
    }

    fn cancelled_future(&self) -> CancelledFuture<'_> {
        self.0.closed().boxed()
    }
}
