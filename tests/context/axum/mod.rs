//! axum 0.8.

mod basics;
