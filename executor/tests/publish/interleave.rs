//! A scheduler that draws the order of events from a seed.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::task::AtomicWaker;

/// A future of a test: it stays on the thread of the scheduler.
pub(crate) type Task<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A generator of numbers that look random (splitmix64), the same for the same seed everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}

/// How tasks take turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habits {
    /// A task keeps its turn `patience` times out of `patience + 1`: the higher, the longer the others are paused.
    pub(crate) patience: usize,
    /// A task is killed at one out of so many steps; never, for 0.
    pub(crate) deadliness: usize,
}

/// Tells the scheduler that an operation of a task has come to its end.
#[derive(Default)]
struct Bell {
    rung: AtomicBool,
    scheduler: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.scheduler.wake();
    }
}

struct Seat<'a, T> {
    task: Task<'a, T>,
    bell: Arc<Bell>,
    place: usize,
}

/// Polls tasks one at a time until each has ended. Whose turn it is comes from the dice; who waits for a store holds
/// everybody up, so that the order does not depend on how fast the store is. What a task gives stands at its place,
/// `None` for one that was killed.
pub(crate) async fn interleave<T>(
    dice: &mut Dice,
    habits: Habits,
    tasks: Vec<Task<'_, T>>,
) -> Vec<Option<T>> {
    let mut ended: Vec<Option<T>> = tasks.iter().map(|_| None).collect();
    let seat = |(place, task)| {
        let bell = Arc::new(Bell::default());
        bell.rung.store(true, Ordering::Release);
        Seat { task, bell, place }
    };
    let mut seats: Vec<Seat<'_, T>> = tasks.into_iter().enumerate().map(seat).collect();
    let mut turn = None;
    poll_fn(|context| {
        while !seats.is_empty() {
            let at = *turn.get_or_insert_with(|| dice.below(seats.len()));
            let leaves = match take_turn(&mut seats[at], context) {
                Turn::Waits => return Poll::Pending,
                Turn::Stepped => habits.deadliness > 0 && dice.below(habits.deadliness) == 0,
                Turn::Ended(value) => {
                    ended[seats[at].place] = Some(value);
                    true
                }
            };
            if leaves {
                drop(seats.swap_remove(at));
            }
            if leaves || dice.below(habits.patience + 1) == 0 {
                turn = None;
            }
        }
        Poll::Ready(())
    })
    .await;
    ended
}

/// Polls a task until it has done so many operations, then kills it; what it gave if it ended before.
pub(crate) async fn killed_after<T>(operations: usize, task: Task<'_, T>) -> Option<T> {
    let bell = Arc::new(Bell::default());
    bell.rung.store(true, Ordering::Release);
    let mut seat = Seat { task, bell, place: 0 };
    let mut done = 0;
    poll_fn(|context| {
        loop {
            match take_turn(&mut seat, context) {
                Turn::Waits => return Poll::Pending,
                Turn::Ended(value) => return Poll::Ready(Some(value)),
                Turn::Stepped if done == operations => return Poll::Ready(None),
                Turn::Stepped => done += 1,
            }
        }
    })
    .await
}

enum Turn<T> {
    /// Its operation is under way.
    Waits,
    /// It has begun another one.
    Stepped,
    /// It is done.
    Ended(T),
}

fn take_turn<T>(seat: &mut Seat<'_, T>, context: &Context<'_>) -> Turn<T> {
    seat.bell.scheduler.register(context.waker());
    if !seat.bell.rung.swap(false, Ordering::AcqRel) {
        return Turn::Waits;
    }
    let waker = Waker::from(Arc::clone(&seat.bell));
    match seat.task.as_mut().poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(value) => Turn::Ended(value),
        Poll::Pending => Turn::Stepped,
    }
}

/// Lets the scheduler decide who goes on.
pub(crate) async fn pause() {
    let mut paused = false;
    poll_fn(|context| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
