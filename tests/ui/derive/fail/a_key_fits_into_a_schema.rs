use audited::AuditTarget;

#[derive(AuditTarget)]
#[audit(rename_all = "camelcase")]
struct Invoice {
    id: u64,
    #[audit(metadata = "with space")]
    a: u64,
    #[audit(metadata = "a_key_that_goes_on_and_on_for_much_longer_than_it_should")]
    b: u64,
    #[audit(metadata)]
    c: u64,
    #[audit(metadata = "c")]
    d: u64,
    #[audit(metadata = "e", rename = "f")]
    e: u64,
}

#[derive(AuditTarget)]
struct Tuple(#[audit(id)] u64, #[audit(metadata)] u64);

fn main() {}
