//! Checks that a database answers, without logging in.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Time limit for the connection and the first message.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Number of attempts: a new DNS name takes a moment until every resolver knows it.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(2);
/// The SSLRequest message: its length and its code (PostgreSQL documentation, "Message Formats").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Connects and exchanges the first message of the engine's protocol. The error is a text for the
/// operator.
pub(super) async fn check(engine: &str, host: &str, port: u16) -> Result<(), String> {
    let mut last = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        match tokio::time::timeout(ATTEMPT_TIMEOUT, exchange_greeting(engine, host, port)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(reason)) => last = reason,
            Err(_) => {
                last = format!(
                    "no answer within {} s; a security group or a missing route may block the connection",
                    ATTEMPT_TIMEOUT.as_secs()
                );
            }
        }
    }
    Err(last)
}

async fn exchange_greeting(engine: &str, host: &str, port: u16) -> Result<(), String> {
    let io = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect((host, port)).await.map_err(io)?;
    if engine.contains("postgres") {
        stream.write_all(&SSL_REQUEST).await.map_err(io)?;
        return match stream.read_u8().await.map_err(io)? {
            // `S` accepts TLS, `N` refuses it. Either way, the server speaks the protocol.
            b'S' | b'N' => Ok(()),
            _ => Err("the server at this address is not PostgreSQL".to_owned()),
        };
    }
    // The server sends the first packet: version 10 of the protocol, or an error (MySQL documentation,
    // "Connection Phase").
    let mut head = [0_u8; 5];
    stream.read_exact(&mut head).await.map_err(io)?;
    match head[4] {
        0x0a | 0xff => Ok(()),
        _ => Err("the server at this address is not MySQL or MariaDB".to_owned()),
    }
}
