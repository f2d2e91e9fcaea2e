use audited::audited;

#[audited]
fn view_invoice(invoice: u64) {
    drop(invoice);
}

#[audited()]
async fn send() {}

fn main() {}
