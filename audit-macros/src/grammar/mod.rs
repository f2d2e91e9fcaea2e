//! What the attribute and the derives write alike: lists, keys, values and redaction.

pub(crate) mod items;
pub(crate) mod keys;
pub(crate) mod redaction;
pub(crate) mod shown;
pub(crate) mod value;
