use audited::audited;

#[audited(action = "card.used", target(type = "card", id = 1), metadata(pin: number = number))]
fn pay(number: u16) {
    let _ = number;
}

fn main() {
    pay(1);
}
