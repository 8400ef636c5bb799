//! The answer to the statement that completes a new table is lost on its way, in a proxy between command and database.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mysql_async::prelude::Queryable;

use super::{DAY, Recovery, lacking};
use crate::proof::source::{ALWAYS, mariadb, postgres};

/// What becomes of the first connection that sends the statement.
#[derive(Clone, Copy, PartialEq)]
enum Loss {
    /// It took effect, and its answer is lost.
    Answer,
    /// It does not arrive.
    Request,
    /// It arrives two seconds after the command saw the end of the connection.
    Order,
    /// As `Answer`, and no connection is possible afterwards.
    Network,
}

struct Proxy {
    port: u16,
    has_lost: Arc<AtomicBool>,
}

impl Proxy {
    /// Listens on a port of its own and forwards to that of the database.
    fn start(database: u16, statement: &'static [u8], loss: Loss) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let has_lost = Arc::new(AtomicBool::new(false));
        let flag = has_lost.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if loss == Loss::Network && flag.load(Ordering::SeqCst) {
                    continue;
                }
                let client = client.expect("a connection");
                let server = TcpStream::connect(("127.0.0.1", database)).expect("the database");
                let flag = flag.clone();
                let (answers, reader) =
                    (server.try_clone().expect("a copy"), client.try_clone().expect("a copy"));
                let is_cut = Arc::new(AtomicBool::new(false));
                let cut = is_cut.clone();
                std::thread::spawn(move || forward_answers(answers, reader, &cut));
                std::thread::spawn(move || {
                    forward_requests(client, server, (statement, loss), &flag, &is_cut);
                });
            }
        });
        Self { port, has_lost }
    }
}

fn forward_requests(
    mut client: TcpStream,
    mut server: TcpStream,
    (statement, loss): (&[u8], Loss),
    has_lost: &AtomicBool,
    is_cut: &AtomicBool,
) {
    let mut bytes = [0; 65536];
    while let Ok(length @ 1..) = client.read(&mut bytes) {
        let sent = &bytes[..length];
        let has_statement = sent.windows(statement.len()).any(|part| part == statement);
        if has_statement && !has_lost.swap(true, Ordering::SeqCst) {
            is_cut.store(true, Ordering::SeqCst);
            if loss == Loss::Request {
                let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
                return;
            }
            if loss == Loss::Order {
                let _ = client.shutdown(Shutdown::Both);
                std::thread::sleep(Duration::from_secs(2));
            }
        }
        if server.write_all(sent).is_err() {
            return;
        }
    }
    let _ = server.shutdown(Shutdown::Write);
}

fn forward_answers(mut server: TcpStream, mut client: TcpStream, is_cut: &AtomicBool) {
    let mut bytes = [0; 65536];
    while let Ok(length @ 1..) = server.read(&mut bytes) {
        if is_cut.load(Ordering::SeqCst) {
            let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Write));
        } else if client.write_all(&bytes[..length]).is_err() {
            return;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}

/// The URL of a database by the proxy, and the port of the server.
fn by(url: &str, loss: Loss, statement: &'static [u8]) -> (String, Proxy) {
    let (before, after) = url.rsplit_once(':').expect("a port");
    let (port, database) = after.split_once('/').expect("a database");
    let proxy = Proxy::start(port.parse().expect("a port"), statement, loss);
    (format!("{before}:{}/{database}", proxy.port), proxy)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_of_postgres_is_asked_for() {
    let (server, client, env) = postgres(ALWAYS).await;
    let recovery = Recovery::new(&env);
    let url = server.url_of("shop");
    let run = |to: &str, name: &str| {
        recovery.command(&["public.orders", "--at", DAY, "--to", to, "--as", name], None)
    };
    let cases = [
        (Loss::Answer, 0, "all 501 rows", true),
        (Loss::Request, 1, "no new table is left there", false),
        (Loss::Order, 0, "all 501 rows", true),
        (Loss::Network, 1, "whether it is there is not known", true),
    ];
    for (number, (loss, code, text, is_there)) in cases.into_iter().enumerate() {
        let name = format!("after_{number}");
        let (to, proxy) = by(&url, loss, b"COMMIT\0");
        let (found, said) = run(&to, &name);
        assert_eq!(found, Some(code), "{said}");
        assert!(said.contains(text), "{said}");
        assert!(proxy.has_lost.load(Ordering::SeqCst), "{said}");
        let exists = format!("SELECT to_regclass('public.{name}') IS NOT NULL");
        let found: bool = client.query_one(&exists, &[]).await.expect("a look").get(0);
        assert_eq!(found, is_there, "{said}");
        if is_there {
            let of = format!("SELECT id FROM {name}");
            assert_eq!(lacking(&client, "SELECT id FROM orders", &of).await, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_of_mariadb_is_asked_for_when_the_statement_has_ended() {
    let (server, mut client, env) = mariadb().await;
    let recovery = Recovery::new(&env);
    let url = server.url_of("shop");
    let tables = "SELECT table_name FROM information_schema.tables
        WHERE table_schema = 'shop' AND table_name LIKE 'after%'";
    let (rename, insert): (&[u8], &[u8]) = (b"RENAME TABLE", b"INSERT INTO");
    for (statement, loss, code, text, expected) in [
        (rename, Loss::Answer, 0, "all 501 rows", vec!["after"]),
        (rename, Loss::Order, 0, "all 501 rows", vec!["after"]),
        (rename, Loss::Request, 1, "no new table is left there", vec![]),
        (rename, Loss::Network, 1, "whether it is there is not known", vec!["after"]),
        (insert, Loss::Answer, 1, "no new table is left there", vec![]),
        (insert, Loss::Order, 1, "no new table is left there", vec![]),
    ] {
        let (to, proxy) = by(&url, loss, statement);
        let args = ["shop.orders", "--at", DAY, "--to", &to, "--as", "after"];
        let (found, said) = recovery.command(&args, None);
        assert_eq!(found, Some(code), "{said}");
        assert!(said.contains(text), "{said}");
        assert!(proxy.has_lost.load(Ordering::SeqCst), "{said}");
        let names: Vec<String> = client.query(tables).await.expect("tables");
        assert_eq!(names, expected, "{said}");
        client.query_drop("DROP TABLE IF EXISTS shop.after").await.expect("a table less");
    }
}
