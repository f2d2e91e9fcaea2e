//! The API key, and where it comes from.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use http::header::HeaderValue;

use crate::Error;
use crate::planted::{Bug, planted};

/// A WorkOS API key. Its `Debug` shows nothing of it, and it can be neither displayed nor serialized:
///
/// ```compile_fail,E0277
/// let key = audit_core::workos::ApiKey::new("sk_test").unwrap();
/// println!("{key}");
/// ```
///
/// ```compile_fail,E0277
/// let key = audit_core::workos::ApiKey::new("sk_test").unwrap();
/// serde_json::to_string(&key).unwrap();
/// ```
#[derive(Clone)]
pub struct ApiKey(Box<str>);

impl ApiKey {
    /// Takes a key over, without the white space around it.
    ///
    /// # Errors
    /// [`Error::is_configuration`] when it is blank, or contains what no HTTP header can carry.
    pub fn new(key: &str) -> Result<Self, Error> {
        let key = key.trim();
        if key.is_empty() {
            return Err(Error::configuration(
                "the WorkOS API key is blank: copy it from the WorkOS dashboard under API Keys (it begins with `sk_`)",
            ));
        }
        if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::configuration(
                "the WorkOS API key contains a space, a line break or another character that no key has: copy it again \
                 from the WorkOS dashboard",
            ));
        }
        Ok(Self(key.into()))
    }

    fn header(&self) -> Result<HeaderValue, Error> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.0))
            // The source is left out, lest it quote the key.
            .map_err(|_| Error::configuration("the WorkOS API key cannot be sent in an HTTP header"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if planted(Bug::SecretInDebug) {
            return write!(f, "ApiKey({})", self.0);
        }
        f.write_str("ApiKey(…)")
    }
}

/// Where the API key comes from. A key that WorkOS refuses is read again from here once a minute, so that a key can be
/// rotated without a restart.
#[derive(Clone)]
pub struct ApiKeySource(Source);

#[derive(Clone)]
enum Source {
    Fixed(Box<str>),
    Variable(Box<str>),
    Provider(Arc<dyn Fn() -> Option<String> + Send + Sync>),
}

impl ApiKeySource {
    /// Always this key.
    #[must_use]
    pub fn fixed(key: impl Into<String>) -> Self {
        Self(Source::Fixed(key.into().into()))
    }

    /// An environment variable of this process.
    #[must_use]
    pub fn variable(name: impl Into<String>) -> Self {
        Self(Source::Variable(name.into().into()))
    }

    /// Whatever `read` gives: a file that a secret manager renews, for instance. It may block; it is called at the start
    /// on the thread that starts, and later on a thread for that. `None` if there is no key at the moment.
    #[must_use]
    pub fn provider(read: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Source::Provider(Arc::new(read)))
    }

    fn read(&self) -> Result<ApiKey, Error> {
        match &self.0 {
            Source::Fixed(key) => ApiKey::new(key),
            Source::Variable(name) => {
                let missing = || {
                    Error::configuration(format!(
                        "the environment variable {name} is not set: put the WorkOS API key into it (WorkOS dashboard, API \
                         Keys)"
                    ))
                };
                ApiKey::new(&std::env::var(&**name).map_err(|_| missing())?)
            }
            Source::Provider(read) => ApiKey::new(&read().ok_or_else(|| {
                Error::configuration("the provider of the WorkOS API key gave none: see what it reads the key from")
            })?),
        }
    }
}

impl From<&str> for ApiKeySource {
    fn from(key: &str) -> Self {
        Self::fixed(key)
    }
}

impl From<String> for ApiKeySource {
    fn from(key: String) -> Self {
        Self::fixed(key)
    }
}

impl From<ApiKey> for ApiKeySource {
    fn from(key: ApiKey) -> Self {
        Self(Source::Fixed(key.0))
    }
}

impl fmt::Debug for ApiKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Fixed(_) => f.write_str("fixed key"),
            Source::Variable(name) => write!(f, "key in the environment variable {name}"),
            Source::Provider(_) => f.write_str("key from a provider"),
        }
    }
}

/// The key in use.
#[derive(Debug)]
pub(super) struct CurrentKey {
    source: ApiKeySource,
    current: RwLock<(ApiKey, HeaderValue)>,
}

impl CurrentKey {
    pub(super) fn read(source: ApiKeySource) -> Result<Self, Error> {
        let key = source.read()?;
        let header = key.header()?;
        Ok(Self { source, current: RwLock::new((key, header)) })
    }

    /// The value of the `Authorization` header.
    pub(super) fn header(&self) -> HeaderValue {
        self.current.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Reads the key from its source once more. What cannot be read leaves the key as it is.
    pub(super) fn refresh(&self) {
        match self.source.read().and_then(|key| Ok((key.header()?, key))) {
            Ok((header, key)) => *self.current.write().unwrap_or_else(PoisonError::into_inner) = (key, header),
            Err(error) => {
                tracing::warn!(target: "audited", %error, "the WorkOS API key could not be read again; keeping the one there is");
            }
        }
    }

    /// `text` without the key, should it quote it.
    pub(super) fn hide_in(&self, text: String) -> String {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let key = &*current.0.0;
        if text.contains(key) { text.replace(key, "[API key]") } else { text }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn blank_and_broken_keys_are_refused_without_being_quoted() {
        for key in ["", " ", "\n", "sk canary", "sk\u{0}canary", "sk_canary\nX-Evil: 1", "sk_canäry"] {
            let error = ApiKey::new(key).unwrap_err();
            assert!(error.is_configuration());
            assert!(!format!("{error} {error:?}").contains("can"), "{error:?}");
        }
        assert_eq!(&*ApiKey::new(" sk_test\n").unwrap().0, "sk_test");
    }

    #[test]
    fn no_debug_shows_the_key() {
        let source = ApiKeySource::fixed("canary");
        let current = CurrentKey::read(source.clone()).unwrap();
        let shown = format!("{:?} {source:?} {current:?} {:?}", ApiKey::new("canary").unwrap(), current.header());
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error = CurrentKey::read(ApiKeySource::variable("AUDITED_TEST_NO_SUCH_VARIABLE")).unwrap_err();
        assert!(error.is_configuration());
        assert!(error.to_string().contains("AUDITED_TEST_NO_SUCH_VARIABLE"));
    }

    #[test]
    fn a_rotated_key_is_read_again_and_a_failing_provider_changes_nothing() {
        let reads = AtomicUsize::new(0);
        let source = ApiKeySource::provider(move || match reads.fetch_add(1, Ordering::Relaxed) {
            0 => Some("old".to_owned()),
            1 => None,
            2 => Some(" ".to_owned()),
            _ => Some("new".to_owned()),
        });
        let key = CurrentKey::read(source).unwrap();
        for expected in ["Bearer old", "Bearer old", "Bearer old", "Bearer new"] {
            assert_eq!(key.header(), expected);
            key.refresh();
        }
    }

    #[test]
    fn a_quoted_key_is_hidden() {
        let key = CurrentKey::read(ApiKeySource::fixed("sk_canary")).unwrap();
        assert_eq!(key.hide_in("bad key sk_canary!".to_owned()), "bad key [API key]!");
        assert_eq!(key.hide_in("fine".to_owned()), "fine");
    }
}
