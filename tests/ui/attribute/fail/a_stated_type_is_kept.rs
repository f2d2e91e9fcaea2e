use audited::audited;

struct Money(u64);

#[audited(
    action = "invoice.paid",
    target(type = "invoice", id = 1),
    metadata(
        amount: number = money,
        title: number = title,
        count: string = count,
        open: bool = count,
        shown: number = %count,
        hidden: bool hash = count,
        cents: u64 = count,
        name: strng = title,
        both: number string = count,
        other: colour = count,
    ),
)]
fn pay(money: Money, title: &str, count: u64) {
    drop((money.0, title, count));
}

fn main() {}
