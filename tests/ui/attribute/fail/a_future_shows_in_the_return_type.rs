//! A future under a name that hides it would be told before it ran.

use std::future::Future;
use std::pin::Pin;

use audited::audited;

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

#[audited(action = "invoice.paid", target(type = "invoice", id = id))]
fn pay(id: u64) -> Answer<Result<u64, String>> {
    Box::pin(async move { Ok(id) })
}

fn main() {
    let _ = pay(1);
}
