//! The key of tokens that a local cloud makes for itself, as `landbridge key create` would.

use std::io::{ErrorKind, Write};
use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::error::LocalError;

/// Its file in the data directory.
pub(crate) const FILE: &str = "token-key";

/// The key in this file, made at random when there is none; only its owner may read it.
pub(crate) fn kept(path: &Path) -> Result<String, LocalError> {
    match std::fs::read_to_string(path) {
        Ok(text) => return Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(LocalError::io("read", path)(error)),
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| LocalError::SetUp {
        cloud: "aws",
        message: format!("no random bytes can be had: {error}"),
    })?;
    let text = format!("landbridge-token-key-v1:{}", STANDARD.encode(secret));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(LocalError::io("write", path))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_key_is_made_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let kept = |name: &str| super::kept(&dir.path().join(name)).expect("a key");
        let key = kept("one");
        assert_eq!(key.len(), "landbridge-token-key-v1:".len() + 44);
        assert_eq!(kept("one"), key, "the second time it is read");
        assert_ne!(kept("another"), key);
    }
}
