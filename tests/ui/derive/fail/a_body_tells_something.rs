use audited::AuditBody;

#[derive(AuditBody)]
struct Payment {
    amount: u64,
}

#[derive(AuditBody)]
enum Method {
    Card { last4: u16 },
    Cash,
}

#[derive(AuditBody)]
struct Misspelt {
    #[audit(metdata)]
    amount: u64,
}

fn main() {}
