//! Mistakes that have nothing to do with the attribute: what is moved, borrowed and sent.

use audited::audited;

//
async fn moved_twice(id: String) -> String {
    drop(id);
    id
}

//
fn moved_twice_now(id: String) -> String {
    drop(id);
    id
}

//
fn not_mutable(id: u64) -> u64 {
    id += 1;
    id
}

//
async fn not_mutable_later(id: u64) -> u64 {
    id += 1;
    id
}

//
fn dangling(id: u64) -> &'static str {
    let text = id.to_string();
    &text
}

//
async fn too_short(id: &str) -> &'static str {
    id
}

//
async fn borrowed_twice(mut ids: Vec<u64>) -> usize {
    let first = &mut ids[0];
    ids.push(1);
    *first += 1;
    ids.len()
}

//
fn moved_out(ids: &Vec<String>) -> String {
    ids[0]
}

fn main() {}
