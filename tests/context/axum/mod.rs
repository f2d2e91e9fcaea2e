//! axum 0.8.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use crate::support::people::CurrentUser;

mod basics;
mod claims;
mod coverage;
mod crowd;
mod disconnects;
mod hostile;
mod jobs;
mod request_line;
mod spans;

/// Puts the user that a header names into the extensions, as an authentication would.
async fn authenticate(mut request: Request, next: Next) -> Response {
    if let Some(user) = request.headers().get("x-user").and_then(|user| user.to_str().ok()) {
        let user = CurrentUser::new(user);
        request.extensions_mut().insert(user);
    }
    next.run(request).await
}
