//! Whether the request carries a good API key.

use axum::http::{HeaderMap, header};

use super::refusal::Refusal;
use super::settings::Settings;

/// The API key of the request, or 401 or 403.
pub(crate) fn api_key<'a>(headers: &'a HeaderMap, settings: &Settings) -> Result<&'a str, Refusal> {
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        return Err(unauthorized(
            "there is no `Authorization` header",
            "Send `Authorization: Bearer sk_…`; SDKs take the key from WORKOS_API_KEY.",
        ));
    };
    let key = header.to_str().ok().and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    let Some(key) = key else {
        return Err(unauthorized(
            "the `Authorization` header is not `Bearer KEY`",
            "Send `Authorization: Bearer sk_…`.",
        ));
    };
    if settings.forbidden_keys.iter().any(|known| known == key) {
        return Err(Refusal::message(403, "Forbidden")
            .because("the API key is known but lacks the permission", "Use a key that may write audit logs."));
    }
    let good = if settings.api_keys.is_empty() {
        key.starts_with("sk_")
    } else {
        settings.api_keys.iter().any(|known| known == key)
    };
    if good {
        Ok(key)
    } else if settings.api_keys.is_empty() {
        Err(unauthorized(
            "the API key does not begin with `sk_`",
            "Any key that begins with `sk_` is good here, for example `sk_test_local`.",
        ))
    } else {
        Err(unauthorized(
            "the API key is not one of those this server was started with",
            "Use a key that was given as `--api-key`.",
        ))
    }
}

fn unauthorized(reason: &str, advice: &str) -> Refusal {
    Refusal::message(401, "Unauthorized").because(reason, advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        headers
    }

    #[test]
    fn any_sk_key_is_good_unless_keys_are_given() {
        let mut settings = Settings::default();
        assert_eq!(api_key(&headers("Bearer sk_x"), &settings).unwrap(), "sk_x");
        assert_eq!(api_key(&headers("bearer sk_x"), &settings).unwrap(), "sk_x");
        settings.api_keys = vec!["sk_other".into()];
        assert_eq!(api_key(&headers("Bearer sk_x"), &settings).unwrap_err().status, 401);
    }

    #[test]
    fn missing_malformed_and_foreign_keys_are_401_and_forbidden_ones_403() {
        let settings = Settings { forbidden_keys: vec!["sk_reader".into()], ..Settings::default() };
        let status = |headers: &HeaderMap| api_key(headers, &settings).unwrap_err().status;
        assert_eq!(status(&HeaderMap::new()), 401);
        assert_eq!(status(&headers("sk_x")), 401);
        assert_eq!(status(&headers("Basic c2tfeDo=")), 401);
        assert_eq!(status(&headers("Bearer pk_x")), 401);
        assert_eq!(status(&headers("Bearer sk_reader")), 403);
    }
}
