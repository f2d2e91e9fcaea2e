//! Which of many parameters or headers are told.

/// The names of parameters: all, or some.
///
/// ```
/// use audit_core::context::tower::{AuditLayer, Names};
///
/// let some = AuditLayer::new().query_parameters(["page", "sort"]);
/// let all = AuditLayer::new().route_parameters(Names::All);
/// # let _ = (some, all);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Names {
    /// None of them. The default.
    #[default]
    None,
    /// These, and no others.
    Only(Vec<String>),
    /// Whatever a client sends, up to 20, save values whose name [looks secret](crate::looks_secret), which are redacted.
    All,
}

impl Names {
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(super) fn includes(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::Only(names) => names.iter().any(|known| known == name),
            Self::All => true,
        }
    }
}

impl<T: Into<String>, const N: usize> From<[T; N]> for Names {
    fn from(names: [T; N]) -> Self {
        Self::Only(names.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<String>> From<Vec<T>> for Names {
    fn from(names: Vec<T>) -> Self {
        Self::Only(names.into_iter().map(Into::into).collect())
    }
}
