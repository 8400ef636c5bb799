//! Generates and stores the token key and the proof key of a local cloud, in the format of `landbridge key
//! create`.

use std::io::{ErrorKind, Write};
use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::error::LocalError;

/// Reads the key `name` from the file of this name in a directory, or generates a random key and writes it to
/// the file, which only its owner can read.
pub(crate) fn read_or_create(dir: &Path, name: &str) -> Result<String, LocalError> {
    let path = &dir.join(name);
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
    let text = format!("landbridge-{name}-v1:{}", STANDARD.encode(secret));
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
        let read_or_create = |name: &str| super::read_or_create(dir.path(), name).expect("a key");
        let key = read_or_create("token-key");
        assert_eq!(key.len(), "landbridge-token-key-v1:".len() + 44);
        assert_eq!(read_or_create("token-key"), key, "the second call reads the key");
        assert_ne!(read_or_create("proof-key")[24..], key[24..]);
    }
}
