//! What served a call or a request that ended and can serve the thread's next one, so that neither costs an allocation of
//! its own.

use std::cell::RefCell;
use std::thread::LocalKey;

/// How many a thread keeps.
const MOST: usize = 32;

/// What a thread has to spare.
pub(crate) struct Spare<T>(RefCell<Vec<T>>);

impl<T> Spare<T> {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }
}

/// One that served before, if there is one.
#[inline]
pub(crate) fn take<T>(of_thread: &'static LocalKey<Spare<T>>) -> Option<T> {
    of_thread.try_with(|spare| spare.0.try_borrow_mut().ok()?.pop()).ok().flatten()
}

/// Keeps one that is done with. It must hold nothing whose drop runs code of a user.
#[inline]
pub(crate) fn keep<T>(of_thread: &'static LocalKey<Spare<T>>, done: T) {
    // Fails only while the thread ends.
    let _ = of_thread.try_with(|spare| {
        if let Ok(mut spare) = spare.0.try_borrow_mut()
            && spare.len() < MOST
        {
            spare.push(done);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_taken_again_and_no_more_is_kept_than_said() {
        thread_local! {
            static SPARE: Spare<Box<usize>> = const { Spare::new() };
        }
        assert_eq!(take(&SPARE), None);
        (0..2 * MOST).for_each(|it| keep(&SPARE, Box::new(it)));
        let taken: Vec<usize> = std::iter::from_fn(|| take(&SPARE)).map(|it| *it).collect();
        assert_eq!(taken, (0..MOST).rev().collect::<Vec<_>>());
    }
}
