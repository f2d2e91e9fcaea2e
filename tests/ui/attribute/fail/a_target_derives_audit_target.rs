use audited::audited;

struct Invoice {
    id: u64,
}

#[audited(action = "invoice.viewed", targets(invoice))]
fn view(invoice: Invoice) -> u64 {
    invoice.id
}

fn main() {}
