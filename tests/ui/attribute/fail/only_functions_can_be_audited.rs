use audited::audited;

#[audited(action = "invoice.viewed", target(type = "invoice", id = 1))]
const fn constant() -> u64 {
    1
}

struct Service;

#[audited(action = "invoice.viewed", target(type = "invoice", id = 1))]
impl Service {
    fn view(&self) {}
}

trait View {
    #[audited(action = "invoice.viewed", target(type = "invoice", id = 1))]
    fn view(&self);
}

#[audited(action = "invoice.viewed", target(type = "invoice", id = 1))]
struct Invoice;

fn main() {
    let _ = (constant(), Service.view(), Invoice);
}
