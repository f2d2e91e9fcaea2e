use audited::audited;

#[audited(action = "invoice.viewed", target(type = "invoice", id = id), crate = self::audited)]
fn relative(id: u64) {
    drop(id);
}

#[audited(action = "invoice.viewed", target(type = "invoice", id = id), crate = "not a path")]
fn quoted(id: u64) {
    drop(id);
}

fn main() {}
