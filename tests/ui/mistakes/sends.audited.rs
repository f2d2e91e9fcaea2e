//! Mistakes that have nothing to do with the attribute: a future that cannot be sent.

use std::rc::Rc;

use audited::audited;

#[audited(action = "thing.done", target(type = "thing", id = 1))]
async fn kept(id: u64) -> u64 {
    let shared = Rc::new(id);
    std::future::ready(()).await;
    *shared
}

fn sent<T: Send>(_: T) {}

fn main() {
    sent(kept(1));
}
