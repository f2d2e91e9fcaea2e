use audited::audited;

const ACTION: &str = "invoice.viewed";

#[audited(action = "Invoice.WasViewed", target(type = "invoice", id = id))]
fn camel(id: u64) {
    drop(id);
}

#[audited(action = "viewed", failure_action = "view failed", target(type = "invoice", id = id))]
fn alone(id: u64) {
    drop(id);
}

#[audited(action = ACTION, target(type = "invoice", id = id))]
fn constant(id: u64) {
    drop(id);
}

fn main() {}
