//! Generates and stores the token key of a local cloud, in the format of `landbridge key create`.

use std::io::{ErrorKind, Write};
use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::error::LocalError;

/// The name of the file in the data directory.
pub(crate) const FILE: &str = "token-key";

/// Reads the key from a file, or generates a random key and writes it to the file, which only its
/// owner can read.
pub(crate) fn read_or_create(path: &Path) -> Result<String, LocalError> {
    match std::fs::read_to_string(path) {
        Ok(text) => return Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(LocalError::io("read", path)(error)),
    }
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| LocalError::SetUp {
        cloud: "aws",
        message: format!("the system provides no random bytes: {error}"),
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
    fn a_key_is_generated_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let read_or_create =
            |name: &str| super::read_or_create(&dir.path().join(name)).expect("a key");
        let key = read_or_create("one");
        assert_eq!(key.len(), "landbridge-token-key-v1:".len() + 44);
        assert_eq!(read_or_create("one"), key, "the second call reads the key");
        assert_ne!(read_or_create("another"), key);
    }
}
