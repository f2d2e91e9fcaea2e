//! How a call ended, told from an HTTP status, and how HTTP says that one was refused.

use http::{Response, StatusCode};

use crate::capture::{Outcome, Unavailable};

/// A status of 400 and over is a failure.
impl Outcome for StatusCode {
    fn is_failure(&self) -> bool {
        self.as_u16() >= 400
    }
}

/// A status of 400 and over is a failure, and so is a `grpc-status` other than 0 in its head.
impl<B> Outcome for Response<B> {
    fn is_failure(&self) -> bool {
        self.status().is_failure() || self.headers().get("grpc-status").is_some_and(|status| status != "0")
    }
}

/// A tuple that begins with a status, which is what a response made of it has.
macro_rules! tuples {
    ($(($($part:ident),*)),+ $(,)?) => {$(
        impl<$($part),*> Outcome for (StatusCode, $($part,)*) {
            fn is_failure(&self) -> bool {
                self.0.is_failure()
            }
        }
    )+};
}

tuples! {
    (A), (A, B), (A, B, C), (A, B, C, D), (A, B, C, D, E), (A, B, C, D, E, F), (A, B, C, D, E, F, G),
    (A, B, C, D, E, F, G, H),
}

/// `503 Service Unavailable`.
impl From<Unavailable> for StatusCode {
    fn from(unavailable: Unavailable) -> Self {
        tracing::error!(target: "audited", %unavailable, "a call was answered with 503");
        Self::SERVICE_UNAVAILABLE
    }
}

/// `503 Service Unavailable` and a sentence for the client, which does not say what went wrong here.
impl From<Unavailable> for (StatusCode, String) {
    fn from(unavailable: Unavailable) -> Self {
        (unavailable.into(), "refused, since it cannot be audited right now".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use crate::capture::{FailureFallback as _, Probe};

    use super::*;

    fn response(status: u16, grpc_status: Option<&str>) -> Response<()> {
        let mut response = Response::builder().status(status);
        if let Some(code) = grpc_status {
            response = response.header("grpc-status", code);
        }
        response.body(()).unwrap()
    }

    #[test]
    fn a_status_of_400_and_over_is_a_failure() {
        for (status, failed) in [(100, false), (200, false), (304, false), (399, false), (400, true), (503, true)] {
            assert_eq!(StatusCode::from_u16(status).unwrap().is_failure(), failed, "{status}");
            assert_eq!(response(status, None).is_failure(), failed, "{status}");
            assert_eq!((StatusCode::from_u16(status).unwrap(), "body").is_failure(), failed, "{status}");
        }
        assert!(!response(200, Some("0")).is_failure());
        assert!(response(200, Some("13")).is_failure());
    }

    #[test]
    fn it_is_seen_within_ok_as_well() {
        let output: Result<(StatusCode, [u8; 2], String), ()> = Ok((StatusCode::CONFLICT, [1, 2], String::new()));
        let peeled = Probe(Some(&output)).peel();
        assert!(!peeled.failed && Probe(peeled.value).is_failure());
        let nothing_to_see = Ok::<_, ()>("fine");
        assert!(!Probe(Probe(Some(&nothing_to_see)).peel().value).is_failure());
    }

    #[test]
    fn a_refusal_is_a_503_that_tells_the_client_nothing_of_the_reason() {
        let (status, text) = <(StatusCode, String)>::from(Unavailable::new("disk /var/lib is full"));
        assert_eq!((status, text.contains("disk")), (StatusCode::SERVICE_UNAVAILABLE, false));
    }
}
