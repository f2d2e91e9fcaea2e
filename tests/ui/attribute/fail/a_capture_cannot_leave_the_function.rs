use audited::audited;

#[audited(
    action = "invoice.viewed",
    target(type = "invoice", id = id.parse::<u64>()?),
    metadata(early = { return Ok(()) }, later = std::future::ready(1).await),
)]
async fn view(id: String) -> Result<(), std::num::ParseIntError> {
    drop(id);
    Ok(())
}

fn main() {}
