//! The macros' own files, since nothing can be linked to a crate of macros.
#![no_main]
#![allow(dead_code, reason = "what a macro calls of the compiler's side is not called here")]

#[path = "../../audit-macros/src/audited/mod.rs"]
mod audited;
#[path = "../../audit-macros/src/editor.rs"]
mod editor;
#[path = "../../audit-macros/src/errors.rs"]
mod errors;
#[path = "../../audit-macros/src/fuzz.rs"]
mod fuzz;
#[path = "../../audit-macros/src/grammar/mod.rs"]
mod grammar;
#[path = "../../audit-macros/src/model/mod.rs"]
mod model;
#[path = "../../audit-macros/src/runtime_path.rs"]
mod runtime_path;
#[path = "../../audit-macros/src/slot.rs"]
mod slot;
#[path = "../../audit-macros/src/suggest.rs"]
mod suggest;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::attribute(data));
