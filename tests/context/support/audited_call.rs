//! What `#[audited(action = "…", target(type = "thing", id = "1"))]` expands to.

use std::future::Future;

use audited::__private::{Description, open, scope};

/// The description of a call.
pub(crate) type Audited = Description;

/// Runs `body` as an audited call whose outcome is a value's own.
pub(crate) async fn audited<T: audited::Outcome>(description: &'static Audited, body: impl Future<Output = T>) -> T {
    let opened = open(description, |event| {
        event.target_of("thing", "1");
    });
    scope(opened, body, |output: Option<&T>, _| output.is_some_and(T::is_failure)).await
}
