//! Wherever a function can stand, and whatever it takes and returns.

use audited::{AuditTarget, audited};
use std::fmt::{Debug, Display};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

#[derive(AuditTarget, Clone, Debug, Default)]
struct Invoice {
    id: u64,
    #[audit(name)]
    number: String,
}

struct Page<T>(T);

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[audited(action = "invoice.seen", targets(invoice))]
fn sync(invoice: Invoice) -> Invoice {
    invoice
}

#[audited(action = "invoice.seen", targets(invoice))]
async fn unit(invoice: Invoice) {
    drop(invoice);
}

#[audited(action = "invoice.seen", targets(invoice))]
fn borrowed<'a>(invoice: &'a mut Invoice, _other: &str) -> &'a mut String {
    &mut invoice.number
}

#[audited(action = "invoice.seen", targets(invoices))]
fn elided(invoices: &mut [Invoice]) -> Option<&mut Invoice> {
    invoices.iter_mut().next()
}

#[audited(action = "invoice.seen", targets(invoice), metadata(size = N))]
async fn generic<T, const N: usize>(invoice: Invoice, mut values: [T; N]) -> Result<[T; N], String>
where
    T: Default + Send,
{
    values[0] = T::default();
    drop(invoice);
    Ok(values)
}

#[audited(action = "invoice.seen", targets(invoice), metadata(%shown))]
async fn opaque_argument(invoice: Invoice, shown: impl Display + Send) -> String {
    format!("{shown}{}", invoice.id)
}

#[audited(action = "invoice.seen", targets(invoice))]
async fn opaque_result(invoice: Invoice) -> Result<impl Debug, std::num::ParseIntError> {
    Ok("1".parse::<u64>()? + invoice.id)
}

#[audited(action = "invoice.seen", targets(invoices))]
fn opaque_iterator(invoices: &[Invoice]) -> impl Iterator<Item = u64> {
    invoices.iter().map(|invoice| invoice.id)
}

#[audited(action = "invoice.seen", targets(invoice), metadata(from = at.0, to = at.1, first))]
async fn patterns(Page(invoice): Page<Invoice>, at: (u64, u64), [first, ..]: [u8; 3], mut left: u64) -> u64 {
    left += at.0 + u64::from(first);
    left + invoice.id
}

#[audited(action = "invoice.seen", targets(invoice))]
fn coerced(invoice: &Invoice) -> Box<dyn Debug> {
    if invoice.id == 0 {
        return Box::new(());
    }
    Box::new(invoice.id)
}

#[audited(action = "invoice.seen", targets(invoice))]
async fn coerced_later(invoice: &Invoice) -> Box<dyn Debug> {
    if invoice.id == 0 {
        return Box::new(());
    }
    Box::new(invoice.id)
}

#[audited(action = "invoice.counted", target(type = "invoice", id = left))]
fn recursive(left: u64) -> u64 {
    if left == 0 { 0 } else { recursive(left - 1) }
}

#[audited(action = "invoice.seen", targets(invoice))]
fn future(invoice: Invoice) -> impl Future<Output = Result<u64, String>> + Send {
    let id = invoice.id;
    async move { Ok(id) }
}

#[audited(action = "invoice.seen", targets(invoice))]
fn boxed(invoice: &Invoice) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
    Box::pin(async move { invoice.id })
}

#[audited(action = "invoice.seen", targets(invoice))]
fn boxed_after_work(invoice: &Invoice) -> BoxFuture<'_, u64> {
    if invoice.id == 0 {
        return Box::pin(std::future::ready(0));
    }
    let id = invoice.id;
    Box::pin(async move { id })
}

#[audited(action = "invoice.seen", target(type = "pointer", id = "one"))]
unsafe fn unsafe_function(pointer: *const u8) -> u8 {
    unsafe { *pointer }
}

#[audited(action = "invoice.seen", target(type = "number", id = number))]
extern "C" fn foreign(number: u64) -> u64 {
    number
}

#[audited(action = "invoice.seen", targets(invoice))]
fn never(invoice: &Invoice) -> ! {
    panic!("{}", invoice.id)
}

#[audited(action = "invoice.seen", targets(invoice))]
async fn never_later(invoice: &Invoice) -> ! {
    loop {
        std::future::ready(invoice.id).await;
    }
}

#[audited(action = "invoice.seen", targets(invoice))]
async fn only_panics(invoice: &Invoice) {
    panic!("{}", invoice.id)
}

#[audited(action = "invoice.seen", targets(invoice))]
fn only_panics_now(invoice: &Invoice) {
    panic!("{}", invoice.id)
}

#[audited(action = "invoice.seen", targets(invoice), detached)]
async fn only_panics_detached(invoice: Invoice) {
    panic!("{}", invoice.id)
}

#[audited(action = "invoice.seen", targets(r#type))]
async fn r#match(r#type: Invoice) -> u64 {
    r#type.id
}

struct Service {
    invoice: Invoice,
}

impl Service {
    #[audited(action = "invoice.seen", targets(self.invoice), metadata(self.invoice.number))]
    async fn by_reference(&self) -> u64 {
        self.invoice.id
    }

    #[audited(action = "invoice.seen", targets(self.invoice))]
    async fn by_mutable_reference(&mut self) -> &mut u64 {
        self.invoice.id += 1;
        &mut self.invoice.id
    }

    #[audited(action = "invoice.seen", targets(self.invoice))]
    fn changed(&mut self) -> &mut u64 {
        self.invoice.id += 1;
        &mut self.invoice.id
    }

    #[audited(action = "invoice.seen", targets(self.invoice))]
    async fn shared(self: Arc<Self>) -> u64 {
        self.invoice.id
    }

    #[audited(action = "invoice.seen", targets(self.invoice))]
    fn consumed(mut self) -> Invoice {
        self.invoice.id = 0;
        self.invoice
    }
}

trait Store {
    fn save(&mut self, invoice: Invoice) -> impl Future<Output = Result<(), String>> + Send;

    #[audited(action = "invoice.seen", targets(invoice))]
    fn provided(&self, invoice: Invoice) -> u64 {
        invoice.id
    }
}

impl Store for Vec<Invoice> {
    #[audited(action = "invoice.saved", targets(invoice))]
    async fn save(&mut self, invoice: Invoice) -> Result<(), String> {
        self.push(invoice);
        Ok(())
    }
}

/// Nothing in here becomes `!Send` by being audited, nor is it asked to be `Sync`.
fn sent<T: Send>(_: T) {}

struct NotSync(std::cell::Cell<u8>);

#[audited(action = "invoice.seen", target(type = "cell", id = cell.0.get()))]
async fn not_sync(cell: NotSync) -> u8 {
    std::future::ready(()).await;
    cell.0.get()
}

fn main() {
    let invoice = Invoice::default();
    sent(unit(invoice.clone()));
    sent(generic::<u8, 1>(invoice.clone(), [1]));
    sent(opaque_argument(invoice.clone(), 1));
    sent(opaque_result(invoice.clone()));
    sent(patterns(Page(invoice.clone()), (1, 2), [1, 2, 3], 4));
    sent(future(invoice.clone()));
    sent(boxed(&invoice));
    sent(boxed_after_work(&invoice));
    sent(never_later(&invoice));
    sent(only_panics(&invoice));
    sent(only_panics_detached(invoice.clone()));
    sent(r#match(invoice.clone()));
    sent(not_sync(NotSync(std::cell::Cell::new(1))));
    sent(Vec::new().save(invoice.clone()));
    let mut service = Service { invoice: sync(invoice) };
    sent(service.by_reference());
    sent(service.by_mutable_reference());
    *service.changed() += 1;
    let mut invoice = service.consumed();
    borrowed(&mut invoice, "").push('x');
    assert!(elided(std::slice::from_mut(&mut invoice)).is_some());
    assert_eq!(opaque_iterator(std::slice::from_ref(&invoice)).count(), 1);
    assert_eq!(format!("{:?}", coerced(&invoice)), "0".replace('0', &invoice_text(&invoice)));
    sent(Arc::new(Service { invoice: invoice.clone() }).shared());
    drop(coerced_later(&invoice));
    assert_eq!(recursive(3), 0);
    assert_eq!(foreign(3), 3);
    assert_eq!(unsafe { unsafe_function(&7) }, 7);
    assert_eq!(Vec::new().provided(invoice.clone()), invoice.id);
    if invoice.id == u64::MAX {
        only_panics_now(&invoice);
        never(&invoice);
    }
}

fn invoice_text(invoice: &Invoice) -> String {
    if invoice.id == 0 { "()".to_owned() } else { invoice.id.to_string() }
}
