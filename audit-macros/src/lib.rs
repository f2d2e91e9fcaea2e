//! Declarative audit logs.
