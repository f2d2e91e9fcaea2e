//! What `audited` warns of, as a subscriber of `tracing` hears it.

use std::fmt;
use std::sync::{Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_global_default;
use tracing::{Event, Level, Metadata, Subscriber};

/// Routes and functions that were warned of, in the order in which they were.
static WARNED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Hears warnings from now on, of every thread: one of a single thread can be missed, since what `tracing` remembers of
/// whether anybody listens is common to all.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| set_global_default(Listener).expect("no other test listens"));
}

/// The routes and functions with `part` in their name that were warned of, in the order in which they were.
pub(crate) fn warned_of(part: &str) -> Vec<String> {
    let routes = WARNED.lock().expect("no listener panics");
    routes.iter().filter(|route| route.contains(part)).cloned().collect()
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "audited" && *metadata.level() == Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Warned);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Warned;

impl Visit for Warned {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "route" {
            WARNED.lock().expect("no listener panics").push(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "function" {
            WARNED.lock().expect("no listener panics").push(format!("{value:?}"));
        }
    }
}
