//! Loopback addresses of restored databases, and the server of a restored database without an
//! engine: it speaks the protocol of the engine far enough to refuse every session.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use landbridge_local_database::EngineFamily;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The number of loopback hosts to try for the requested port.
const MAX_HOSTS: u8 = 200;
const REFUSAL: &str = "this restored database of the local cloud has no server: its snapshot can \
                       be exported, but not queried";

/// A loopback address where `port` is free. As in RDS, each database has a host of its own and
/// the port of its settings. On systems with no loopback host but 127.0.0.1, any free port.
pub(super) fn free_address(port: u16) -> SocketAddrV4 {
    let hosts = (1..=MAX_HOSTS).map(|last| Ipv4Addr::new(127, 0, 7, last));
    let is_free = |host: &Ipv4Addr| std::net::TcpListener::bind((*host, port)).is_ok();
    let host = hosts.filter(|_| port > 0).find(is_free);
    host.map(|host| SocketAddrV4::new(host, port)).unwrap_or_else(|| {
        let probe = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let address = probe.and_then(|probe| probe.local_addr());
        let port = address.map_or(0, |address| address.port());
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
    })
}

/// A server that refuses every session until it is dropped.
pub(super) struct RefusingServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl RefusingServer {
    /// Host and port.
    pub(super) fn address(&self) -> (String, u16) {
        (self.address.ip().to_string(), self.address.port())
    }
}

impl Drop for RefusingServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a server at `address`, or at any free port if the address is taken; `None` if neither
/// works.
pub(super) async fn start(address: SocketAddrV4, family: EngineFamily) -> Option<RefusingServer> {
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?,
    };
    let address = listener.local_addr().ok()?;
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let refused = match family {
                    EngineFamily::Postgres => refuse_postgres(stream).await,
                    EngineFamily::MySql => refuse_mysql(stream).await,
                };
                if let Err(error) = refused {
                    tracing::debug!(%error, "a session was aborted before its refusal");
                }
            });
        }
    });
    Some(RefusingServer { address, task })
}

/// PostgreSQL documentation, "Message Flow": the response to an SSLRequest is one letter, the
/// response to the startup message here an ErrorResponse.
async fn refuse_postgres(mut stream: TcpStream) -> std::io::Result<()> {
    const SSL_REQUEST: u32 = 80_877_103;
    loop {
        let length = stream.read_u32().await?;
        let code = stream.read_u32().await?;
        if length == 8 && code == SSL_REQUEST {
            stream.write_all(b"N").await?;
            continue;
        }
        let mut fields = Vec::new();
        for (kind, text) in [(b'S', "FATAL"), (b'V', "FATAL"), (b'C', "0A000"), (b'M', REFUSAL)] {
            fields.push(kind);
            fields.extend(text.as_bytes());
            fields.push(0);
        }
        fields.push(0);
        let length = u32::try_from(fields.len() + 4).unwrap_or(u32::MAX);
        stream.write_all(b"E").await?;
        stream.write_u32(length).await?;
        stream.write_all(&fields).await?;
        return stream.shutdown().await;
    }
}

/// MySQL documentation, "Connection Phase": a server that accepts no session sends an ERR packet
/// instead of its handshake. 1040 means too many connections.
async fn refuse_mysql(mut stream: TcpStream) -> std::io::Result<()> {
    let mut packet = vec![0xff];
    packet.extend(1040_u16.to_le_bytes());
    packet.extend(b"#08004");
    packet.extend(REFUSAL.as_bytes());
    let length = u32::try_from(packet.len()).unwrap_or(0).to_le_bytes();
    stream.write_all(&[length[0], length[1], length[2], 0]).await?;
    stream.write_all(&packet).await?;
    stream.shutdown().await
}
