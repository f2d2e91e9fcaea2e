use audited::audited;

struct Money(u64);

#[audited(
    action = "invoice.paid",
    target(type = "invoice", id = 1),
    metadata(amount: number = money, title: number = title, count: string = count, open: bool = count),
)]
fn pay(money: Money, title: &str, count: u64) {
    drop((money.0, title, count));
}

fn main() {}
