//! What all integrations with HTTP frameworks have in common: reading a request, once, into a context.

mod outcome;
mod request_id;
mod settings;
mod view;

pub(super) use self::settings::Settings;
pub(super) use self::view::RequestView;
