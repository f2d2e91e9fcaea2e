//! Mistakes that have nothing to do with the attribute: types.

use std::future::Future;
use std::pin::Pin;

use audited::audited;

struct Failed;

//
async fn wrong_value(id: u64) -> u64 {
    format!("{id}")
}

//
fn wrong_value_now(id: u64) -> u64 {
    format!("{id}")
}

//
async fn wrong_return(id: u64) -> u64 {
    if id > 1 {
        return "one";
    }
    id
}

//
async fn unit_with_a_value(id: u64) {
    id
}

//
fn unit_with_a_value_now(id: u64) {
    id
}

//
async fn no_value(id: u64) -> u64 {
    drop(id);
}

//
fn no_value_now(id: u64) -> u64 {
    drop(id);
}

//
async fn wrong_question(id: String) -> Result<u64, Failed> {
    Ok(id.parse::<u64>()?)
}

//
fn question_without_a_result(id: String) -> u64 {
    id.parse::<u64>()?
}

//
async fn wrong_branch(id: u64) -> Result<u64, Failed> {
    match id {
        0 => Err(Failed),
        1 => Ok("one"),
        _ => Ok(id),
    }
}

//
fn no_such_method(id: u64) -> u64 {
    id.halve()
}

//
async fn no_such_argument(id: u64) -> usize {
    wrong_value(id, 1).await.len()
}

//
async fn not_awaited(id: u64) -> u64 {
    wrong_value(id)
}

//
fn boxed(id: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move { format!("{id}") })
}

//
fn opaque(id: u64) -> impl Future<Output = u64> {
    async move { format!("{id}") }
}

//
fn not_displayed(failed: Failed) -> String {
    format!("{failed}")
}

fn main() {}
