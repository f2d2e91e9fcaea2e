//! What the attribute says about a function, known when it is compiled.

use std::sync::atomic::AtomicBool;

use crate::outbox::Durability;

/// One `#[audited]`.
#[derive(Debug)]
pub struct Description {
    pub(crate) action: &'static str,
    pub(crate) failure_action: Option<&'static str>,
    pub(crate) version: u32,
    pub(crate) module: &'static str,
    pub(crate) function: &'static str,
    pub(crate) on: On,
    pub(crate) durability: Durability,
    /// Whether it was told that this function has no actor.
    pub(crate) warned: AtomicBool,
    /// Whether it was told that this function has no organization.
    pub(crate) warned_of_organization: AtomicBool,
}

/// Which ways out are told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct On {
    pub(crate) ok: bool,
    pub(crate) err: bool,
    pub(crate) panic: bool,
    pub(crate) cancel: bool,
}

impl Description {
    /// An action, told on every way out of `module::function`.
    #[must_use]
    pub const fn new(action: &'static str, module: &'static str, function: &'static str) -> Self {
        Self {
            action,
            failure_action: None,
            version: 1,
            module,
            function,
            on: On { ok: true, err: true, panic: true, cancel: true },
            durability: Durability::Durable,
            warned: AtomicBool::new(false),
            warned_of_organization: AtomicBool::new(false),
        }
    }

    /// The version of the action's schema.
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// The action of a failure.
    #[must_use]
    pub const fn failure_action(mut self, action: &'static str) -> Self {
        self.failure_action = Some(action);
        self
    }

    /// Which ways out are told.
    #[must_use]
    pub const fn on(mut self, ok: bool, err: bool, panic: bool, cancel: bool) -> Self {
        self.on = On { ok, err, panic, cancel };
        self
    }

    /// When the call may go on.
    #[must_use]
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }
}
