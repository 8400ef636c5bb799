//! Whether a database answers, without logging in.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a connection and its first words may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Attempts: a name may take a moment until it is known everywhere.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(2);
/// PostgreSQL documentation, "Message Formats", SSLRequest: its length and its code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Connects and exchanges the first words of the engine's protocol. The error says what
/// happened, in words for an operator.
pub(super) async fn check(engine: &str, host: &str, port: u16) -> Result<(), String> {
    let mut last = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        match tokio::time::timeout(PATIENCE, greet(engine, host, port)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(reason)) => last = reason,
            Err(_) => {
                last = format!(
                    "no answer within {} s: a security group or route in between?",
                    PATIENCE.as_secs()
                );
            }
        }
    }
    Err(last)
}

async fn greet(engine: &str, host: &str, port: u16) -> Result<(), String> {
    let io = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect((host, port)).await.map_err(io)?;
    if engine.contains("postgres") {
        stream.write_all(&SSL_REQUEST).await.map_err(io)?;
        return match stream.read_u8().await.map_err(io)? {
            // Yes or no to TLS: it speaks the protocol.
            b'S' | b'N' => Ok(()),
            _ => Err("what answers there is not PostgreSQL".to_owned()),
        };
    }
    // MySQL documentation, "Connection Phase": the server speaks first, with version 10 of
    // the protocol or an error.
    let mut head = [0_u8; 5];
    stream.read_exact(&mut head).await.map_err(io)?;
    match head[4] {
        0x0a | 0xff => Ok(()),
        _ => Err("what answers there is not MySQL or MariaDB".to_owned()),
    }
}
