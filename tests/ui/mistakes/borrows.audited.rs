//! Mistakes that have nothing to do with the attribute: what is moved, borrowed and sent.

use audited::audited;

#[audited(action = "thing.done", target(type = "thing", id = 1))]
async fn moved_twice(id: String) -> String {
    drop(id);
    id
}

#[audited(action = "thing.done", target(type = "thing", id = 1))]
fn moved_twice_now(id: String) -> String {
    drop(id);
    id
}

#[audited(action = "thing.done", target(type = "thing", id = 1))]
fn not_mutable(id: u64) -> u64 {
    id += 1;
    id
}

#[audited(action = "thing.done", target(type = "thing", id = 1))]
async fn not_mutable_later(id: u64) -> u64 {
    id += 1;
    id
}

#[audited(action = "thing.done", target(type = "thing", id = 1))]
fn dangling(id: u64) -> &'static str {
    let text = id.to_string();
    &text
}

#[audited(action = "thing.done", target(type = "thing", id = 1))]
async fn too_short(id: &str) -> &'static str {
    id
}

#[audited(action = "thing.done", target(type = "thing", id = 1))]
async fn borrowed_twice(mut ids: Vec<u64>) -> usize {
    let first = &mut ids[0];
    ids.push(1);
    *first += 1;
    ids.len()
}

#[audited(action = "thing.done", target(type = "thing", id = 1))]
fn moved_out(ids: &Vec<String>) -> String {
    ids[0]
}

fn main() {}
