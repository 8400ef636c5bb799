//! Commands whose database or cloud is unreachable: they end with an error that leaks no secret.

use crate::{landbridge, repository};

/// A local port without a listener: bound and released.
fn unused_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn a_source_never_shows_its_password() {
    let config = "examples/demo/landbridge.yaml";
    let unreachable = format!("postgres://me:secret@127.0.0.1:{}/shop", unused_port());
    for (source, code) in [
        ("oracle://me:secret@localhost/shop", 2),
        ("postgres://me:secret@localhost:no-port/shop", 2),
        ("mysql://me:secret@localhost:no-port/shop", 2),
        ("mysql://me:secret@localhost", 2),
        (unreachable.as_str(), 1),
    ] {
        let args = ["contract", "propose", "--source", source, "--config", config];
        let run = landbridge(&repository(), &args);
        assert_eq!(run.code, Some(code), "{}", run.err);
        assert_eq!(run.out, "");
        assert!(run.err.starts_with("error: "), "{}", run.err);
        assert!(!run.err.contains("secret"), "{}", run.err);
    }
}
