//! What is read from a request, and how.

use super::request_id;
use super::view::{RequestView, readable};
use crate::context::state::State;
use crate::event::limits::TEXT_CHARS;

/// No text of an event is longer than [`TEXT_CHARS`], and no character takes more bytes than this.
const TEXT_BYTES: usize = TEXT_CHARS * 4 + 1;

/// What an integration reads from each request. The same for every framework.
#[derive(Clone)]
pub(crate) struct Settings {
    /// The header that names the client's address, if one is to be believed.
    pub(crate) location_header: Option<&'static str>,
    pub(crate) user_agent: bool,
    /// The header that names the request; `None`: requests are not named.
    pub(crate) request_id: Option<&'static str>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { location_header: None, user_agent: true, request_id: Some("x-request-id") }
    }
}

impl Settings {
    /// Writes what `request` says to `state`.
    pub(crate) fn read(&self, request: &dyn RequestView, state: &mut State) {
        self.read_location(request, state);
        if self.user_agent
            && let Some(user_agent) = request.header("user-agent")
        {
            state.set_user_agent(&readable(user_agent, TEXT_BYTES));
        }
        if let Some(header) = self.request_id {
            match request_id::taken(request.header(header)) {
                Some(name) => state.set_metadata("request_id", name),
                None if state.metadata().has("request_id") => {}
                None => state.set_metadata("request_id", &request_id::made().to_string()),
            }
        }
    }

    fn read_location(&self, request: &dyn RequestView, state: &mut State) {
        let told = self.location_header.and_then(|name| request.header(name));
        if let Some(location) = told {
            state.set_location(readable(location, TEXT_BYTES).trim());
        } else if !state.has_location() {
            if let Some(peer) = request.peer() {
                state.set_location(&peer.to_canonical().to_string());
            }
        }
    }
}
