//! How a call ended, told from actix-web's responses, and how they say that one was refused.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};

use crate::capture::{Outcome, Refuse, Unavailable};

/// A status of 400 and over is a failure.
impl Outcome for StatusCode {
    fn is_failure(&self) -> bool {
        self.as_u16() >= 400
    }
}

/// A status of 400 and over is a failure.
impl<B> Outcome for HttpResponse<B> {
    fn is_failure(&self) -> bool {
        self.status().is_failure()
    }
}

/// `503 Service Unavailable`, so that `Result<_, actix_web::Error>` can refuse. What went wrong is the operator's to know
/// and not the client's: it goes to the log.
impl ResponseError for Unavailable {
    fn status_code(&self) -> StatusCode {
        StatusCode::SERVICE_UNAVAILABLE
    }

    fn error_response(&self) -> HttpResponse {
        tracing::error!(target: "audited", unavailable = %self, "a call was answered with 503");
        HttpResponse::ServiceUnavailable().body("refused, since it cannot be audited right now")
    }
}

impl Refuse for HttpResponse {
    fn refuse(unavailable: Unavailable) -> Self {
        unavailable.error_response()
    }
}
