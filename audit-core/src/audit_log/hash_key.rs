//! The key of hashed values: given, or made once and kept.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::Error;
use crate::event::HashKey;

const FILE: &str = "hash.key";

/// The given key; else the one that is kept in `dir`, which is made if it is not there; else, without a directory, one
/// for this process.
pub(super) fn hash_key(given: Option<Vec<u8>>, dir: Option<&Path>) -> Result<HashKey, Error> {
    let (secret, from) = match (given, dir) {
        (Some(secret), _) => (secret, "AUDITED_HASH_KEY, or `hash_key` of the builder".to_owned()),
        (None, None) => (random()?, String::new()),
        (None, Some(dir)) => {
            let path = dir.join(FILE);
            let secret = kept(&path).map_err(|error| {
                Error::system(format!("the key of hashed values could not be kept in {}", path.display()))
                    .with_source(error)
            })?;
            (secret, path.display().to_string())
        }
    };
    HashKey::new(&secret).ok_or_else(|| {
        Error::configuration(format!(
            "the key of hashed values has {} bytes and needs at least 16: a shorter one can be guessed, and every hashed \
             value with it. `openssl rand -hex 32` makes a good one ({from})",
            secret.len()
        ))
    })
}

/// Reads the key, or makes one. Of several processes that make one at a time, one wins and all use it.
fn kept(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let secret = random().map_err(io::Error::other)?;
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&secret)?;
    file.sync_all()?;
    // Never in the place of a key that is there: hashes made with it would stand alone.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Ok(()) => Ok(secret),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::read(path),
        Err(error) => Err(error),
    }
}

fn random() -> Result<Vec<u8>, Error> {
    let mut random = vec![0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        Error::system("the system gave no random bytes for the key of hashed values").with_source(error.to_string())
    })?;
    Ok(random)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let first = hash_key(None, Some(dir.path())).unwrap();
        let second = hash_key(None, Some(dir.path())).unwrap();
        assert_eq!(first.hash("x"), second.hash("x"));
        let mode = fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_that_can_be_guessed_is_refused() {
        let error = hash_key(Some(b"short".to_vec()), None).unwrap_err();
        assert!(error.is_configuration());
        assert!(error.to_string().contains("has 5 bytes and needs at least 16"), "{error}");
    }
}
