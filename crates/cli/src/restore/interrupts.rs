//! Ctrl-C and SIGTERM for commands that leave nothing behind: a database that they delete at their end, or a file.
//!
//! A future that is dropped leaves its call to RDS on the way, and no clean-up finds what the call makes; a thread that writes a file
//! goes on. So an interrupted command awaits what is being made to its end, and then cleans up.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Mutex;

use crate::failure::{Failure, Result};

/// Whether the command was interrupted, and whether it is making something. Clones share their state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupts(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Locked while something is being made.
    making: Mutex<()>,
    is_interrupted: AtomicBool,
}

impl Interrupts {
    /// Awaits what makes something to its end, also if the command is interrupted. It must not be called within itself.
    pub(crate) async fn unbroken<T>(&self, work: impl Future<Output = T>) -> T {
        let _making = self.0.making.lock().await;
        work.await
    }

    /// Ends work that is awaited to its end.
    ///
    /// # Errors
    /// `Interrupted` if the command was.
    pub(crate) fn check(&self) -> Result {
        match self.0.is_interrupted.load(Ordering::Relaxed) {
            true => Err(Failure::Interrupted),
            false => Ok(()),
        }
    }

    /// Ends the work at the first Ctrl-C or SIGTERM, but not within [`Self::unbroken`]. What follows cleans up, so later signals are
    /// ignored.
    ///
    /// # Errors
    /// `Interrupted`, or the error of the work.
    pub(crate) async fn unless_interrupted<T>(
        &self,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let (mut interrupt, mut terminate) =
            (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        let interrupted = async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        self.unless(interrupted, work).await
    }

    async fn unless<T>(
        &self,
        interrupted: impl Future<Output = ()>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let mut work = pin!(work);
        tokio::select! {
            result = &mut work => return result,
            () = interrupted => {}
        }
        self.0.is_interrupted.store(true, Ordering::Relaxed);
        tokio::select! {
            biased;
            _ = self.0.making.lock() => Err(Failure::Interrupted),
            result = &mut work => result,
        }
    }
}

fn listen(kind: SignalKind) -> Result<Signal> {
    signal(kind).map_err(|error| Failure::Failed(format!("signals cannot be received: {error}")))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::sync::oneshot;

    use super::*;

    /// Interrupts the work as soon as it says that it has begun.
    async fn interrupted<T>(
        interrupts: &Interrupts,
        begun: oneshot::Receiver<()>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let begun = async {
            begun.await.unwrap();
        };
        interrupts.unless(begun, work).await
    }

    #[tokio::test]
    async fn what_is_being_made_is_awaited_and_nothing_after_it() {
        let interrupts = Interrupts::default();
        let (begins, begun) = oneshot::channel();
        let (mut is_made, mut goes_on) = (false, false);
        let work = async {
            interrupts
                .unbroken(async {
                    begins.send(()).unwrap();
                    while interrupts.check().is_ok() {
                        tokio::task::yield_now().await;
                    }
                    is_made = true;
                })
                .await;
            tokio::task::yield_now().await;
            goes_on = true;
            Ok(())
        };
        let result = interrupted(&interrupts, begun, work).await;
        assert!(matches!(result, Err(Failure::Interrupted)), "{result:?}");
        assert!(is_made && !goes_on);
    }

    #[tokio::test]
    async fn what_is_not_being_made_ends_at_once() {
        let interrupts = Interrupts::default();
        let (begins, begun) = oneshot::channel();
        let work = async {
            begins.send(()).unwrap();
            pending::<Result>().await
        };
        let result = interrupted(&interrupts, begun, work).await;
        assert!(matches!(result, Err(Failure::Interrupted)), "{result:?}");
    }

    #[tokio::test]
    async fn work_that_ends_with_what_is_being_made_has_its_result() {
        let interrupts = Interrupts::default();
        let (begins, begun) = oneshot::channel();
        let making = async {
            begins.send(()).unwrap();
            while interrupts.check().is_ok() {
                tokio::task::yield_now().await;
            }
            Ok(7)
        };
        let result = interrupted(&interrupts, begun, interrupts.unbroken(making)).await;
        assert!(matches!(result, Ok(7)), "{result:?}");
        let result = interrupts.unless(pending(), ready(Ok(8))).await;
        assert!(matches!(result, Ok(8)), "{result:?}");
    }
}
