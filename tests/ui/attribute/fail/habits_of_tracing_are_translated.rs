use audited::audited;

#[audited(name = "pay", level = "info", skip_all, skip(id), fields(id), err, ret, parent = None)]
fn pay(id: u64) -> Result<(), ()> {
    drop(id);
    Ok(())
}

#[audited("invoice.paid")]
fn pay_again(id: u64) {
    drop(id);
}

fn main() {}
