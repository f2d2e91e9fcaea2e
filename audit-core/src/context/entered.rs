//! Which context is the current one: entered for each poll, never left behind on a thread.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use pin_project_lite::pin_project;

use super::Context;

thread_local! {
    static CURRENT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// The context that is current on this thread, if any.
#[inline]
pub(super) fn current() -> Option<Context> {
    CURRENT.try_with(|current| current.try_borrow().ok()?.clone()).ok().flatten()
}

/// While it lives, its context is the current one of this thread.
pub(super) struct Entered<'a>(&'a mut Option<Context>);

impl<'a> Entered<'a> {
    pub(super) fn new(context: &'a mut Option<Context>) -> Self {
        swap(context);
        Self(context)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

fn swap(context: &mut Option<Context>) {
    // Fails only while the thread ends, when nothing is left that could ask.
    let _ = CURRENT.try_with(|current| {
        if let Ok(mut current) = current.try_borrow_mut() {
            std::mem::swap(&mut *current, context);
        }
    });
}

pin_project! {
    /// A future that runs, and is dropped, within a [`Context`]; see [`Context::scope`].
    pub struct InContext<F> {
        // `None` once it is dropped.
        #[pin]
        future: Option<F>,
        context: Option<Context>,
    }

    impl<F> PinnedDrop for InContext<F> {
        fn drop(this: Pin<&mut Self>) {
            // What a dropped request's guards tell is told within its context, too.
            let mut this = this.project();
            {
                let _entered = Entered::new(this.context);
                this.future.set(None);
            }
            if let Some(context) = this.context.take() {
                context.recycle();
            }
        }
    }
}

impl<F> InContext<F> {
    pub(super) fn new(future: F, context: Option<Context>) -> Self {
        Self { future: Some(future), context }
    }

    /// The context, while it is not entered.
    #[cfg(feature = "request")]
    pub(super) fn context(self: Pin<&mut Self>) -> Option<&Context> {
        self.project().context.as_ref()
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::new(this.context);
        // It is there as long as this can be polled.
        this.future.as_pin_mut().map_or(Poll::Pending, |future| future.poll(task))
    }
}

impl<F> fmt::Debug for InContext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InContext").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future as _, pending};
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Waker};

    use crate::context::context;

    #[test]
    fn what_a_future_drops_is_dropped_within_its_context() {
        struct Tells(Arc<Mutex<String>>);

        impl Drop for Tells {
            fn drop(&mut self) {
                *self.0.lock().unwrap() = context().to_json();
            }
        }

        let told = Arc::<Mutex<String>>::default();
        let guard = Tells(told.clone());
        let mut future = Box::pin(context().location("here").scope(async move {
            let _guard = guard;
            pending::<()>().await;
        }));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(!context().to_json().contains("here"), "it is left between polls");
        drop(future);
        assert!(told.lock().unwrap().contains("here"), "{}", told.lock().unwrap());
        assert!(!context().to_json().contains("here"));
    }
}
