//! The API key is in the request's header and nowhere else.

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit_core::delivery::{Delivery, DeliverySettings};
use audit_core::outbox::conformance::event;
use audit_core::outbox::{MemoryOutbox, Outbox};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::server::{Act, Server};
use crate::sink::{KEY, workos};

/// Writes down everything that anybody traces, at every level.
struct Everything(Arc<Mutex<String>>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Fields(&mut self.0.lock().unwrap()));
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Fields(&mut self.0.lock().unwrap()));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Fields(&mut self.0.lock().unwrap()));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn a_server_that_quotes_the_key_gets_it_nowhere() {
    let traced = Arc::<Mutex<String>>::default();
    tracing::subscriber::set_global_default(Everything(Arc::clone(&traced))).unwrap();
    let server = Server::start(|nth| match nth {
        0 => Act::body(422, format!(r#"{{"message":"bad key {KEY}","errors":[{{"field":"{KEY}","code":"{KEY}"}}]}}"#)),
        1 => Act::Raw(format!("{KEY}\r\n\r\n").into()),
        2 => Act::Answer(302, vec![("Location", format!("http://{KEY}.example/"))], Vec::new()),
        _ => Act::body(401, format!(r#"{{"message":"Unauthorized: {KEY}"}}"#)),
    });
    let outbox = Arc::new(MemoryOutbox::default());
    for payload in ["a", "b", "c", "d"] {
        outbox.append(event(1, payload)).wait(Duration::from_secs(1)).unwrap();
    }
    let sink = Arc::new(workos(&server.url()).build().unwrap());
    let mut shown = format!("{sink:?} {:?}", workos(&server.url()));
    let delivery = Delivery::start(Arc::<MemoryOutbox>::clone(&outbox), sink, DeliverySettings::default()).unwrap();
    let report = delivery.drain_blocking(Duration::from_secs(3));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let letters = runtime.block_on(outbox.dead_letters(None, 9)).unwrap();
    assert_eq!(letters.len(), 1, "{report:?} {:?}", delivery.stats());

    let _ = write!(shown, "{letters:?} {report:?} {delivery:?} {outbox:?}");
    assert!(shown.contains("[API key]"), "{shown}");
    assert!(!shown.contains(KEY), "{shown}");
    let traced = traced.lock().unwrap();
    assert!(traced.contains("refuses the API key"), "the trace has what happened: {traced}");
    assert!(!traced.contains(KEY), "{traced}");
    assert!(server.requests().iter().all(|request| request.headers["authorization"].contains(KEY)));
}
