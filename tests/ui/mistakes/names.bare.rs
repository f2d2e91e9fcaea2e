//! Mistakes that have nothing to do with the attribute: names.

use audited::audited;

//
async fn no_such_type(id: u64) -> Thing {
    id
}

//
async fn no_such_variable(id: u64) -> u64 {
    id + other
}

//
fn no_such_macro(id: u64) -> u64 {
    thing!(id)
}

//
fn no_such_function(id: u64) -> u64 {
    helpers::halve(id)
}

//
fn no_such_lifetime(name: &'a str) -> u64 {
    0
}

fn main() {}
