//! Addresses of restored databases, and the port of one that has no server: it answers as
//! its engine does and refuses every session.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener as Probe};

use landbridge_local_database::EngineFamily;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Loopback addresses that are tried before any port will do.
const TRIED: u8 = 200;
const REFUSAL: &str = "this database of the local cloud is an image without a server";

/// An address on loopback where `port` is free: as in RDS, each database has a host of its
/// own and the port that it is set to. Systems that have 127.0.0.1 alone get any free port.
pub(super) fn free_address(port: u16) -> SocketAddrV4 {
    let hosts = (1..=TRIED).map(|last| Ipv4Addr::new(127, 0, 7, last));
    let free = |host: &Ipv4Addr| Probe::bind((*host, port)).is_ok();
    let found = hosts.filter(|_| port > 0).find(free).map(|host| SocketAddrV4::new(host, port));
    found.unwrap_or_else(|| {
        let any = Probe::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|probe| probe.local_addr());
        let port = any.map_or(0, |address| address.port());
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
    })
}

/// A port that greets and refuses until it is dropped.
pub(super) struct Greeter {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Greeter {
    pub(super) fn address(&self) -> (String, u16) {
        (self.address.ip().to_string(), self.address.port())
    }
}

impl Drop for Greeter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts one; `None` when the address cannot be listened on.
pub(super) async fn start(address: SocketAddrV4, flavour: EngineFamily) -> Option<Greeter> {
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        // Somebody took it since it was found free.
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?,
    };
    let address = listener.local_addr().ok()?;
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let met = match flavour {
                    EngineFamily::Postgres => postgres(stream).await,
                    EngineFamily::MySql => mysql(stream).await,
                };
                if let Err(error) = met {
                    tracing::debug!(%error, "a session with an image broke off");
                }
            });
        }
    });
    Some(Greeter { address, task })
}

/// PostgreSQL documentation, "Message Flow": an SSLRequest is answered by one letter, the
/// startup message by an ErrorResponse.
async fn postgres(mut stream: TcpStream) -> std::io::Result<()> {
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

/// MySQL documentation, "Connection Phase": a server that takes no session sends an
/// ERR packet in place of its handshake. 1040 is too many connections.
async fn mysql(mut stream: TcpStream) -> std::io::Result<()> {
    let mut packet = vec![0xff];
    packet.extend(1040_u16.to_le_bytes());
    packet.extend(b"#08004");
    packet.extend(REFUSAL.as_bytes());
    let length = u32::try_from(packet.len()).unwrap_or(0).to_le_bytes();
    stream.write_all(&[length[0], length[1], length[2], 0]).await?;
    stream.write_all(&packet).await?;
    stream.shutdown().await
}
