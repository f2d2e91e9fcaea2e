use audited::audited;

#[audited(
    action = "invoice.paid",
    target(type = "invoice", id = id),
    on(ok, panic),
    failure_action = "invoice.payment_failed",
    err(error => metadata(reason = %error)),
)]
fn pay(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[audited(action = "invoice.paid", target(type = "invoice", id = id), on(error), ok(paid => metadata(paid)))]
fn pay_again(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
