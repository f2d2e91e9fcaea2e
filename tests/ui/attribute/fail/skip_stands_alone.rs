use audited::audited;

#[audited(skip = "changes nothing", action = "invoice.viewed")]
fn view() {}

#[audited(skip = " ")]
fn health() {}

#[audited(skip)]
fn ready() {}

fn main() {}
