//! The pages over a ledger on an emulated S3: as a server and as files.
#![allow(clippy::unwrap_used)]

mod scale;
mod world;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use landbridge_console::names::slug;
use landbridge_console::serve::{Options, serve};
use landbridge_console::{Access, Site, write};
use landbridge_core::redo::RedoRequest;
use landbridge_ledger::records::{self, DayRecord};
use reqwest::{Client, Response, StatusCode, redirect};
use tokio::net::TcpListener;
use world::{HOSTILE, World, day};

/// A running console; it ends with the test.
struct Console {
    address: SocketAddr,
    client: Client,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for Console {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Console {
    async fn start(site: std::sync::Arc<Site>, access: Access) -> Self {
        site.refresh(usize::MAX).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = Options { access, refresh: Duration::from_secs(3600) };
        let task = tokio::spawn(serve(site, listener, options));
        let client =
            Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap();
        Self { address, client, task }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    async fn text(&self, path: &str) -> String {
        let response = self.get(path).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        text
    }
}

async fn with_hostile_tables() -> World {
    let world = World::new().await;
    world.day("2026-11-21", &[("public.orders", "published"), (HOSTILE, "published")]).await;
    world.day("2026-11-22", &[("public.orders", "published"), (HOSTILE, "held")]).await;
    world
}

/// Every page, for both states of the hostile table.
fn all_pages() -> Vec<String> {
    let hostile = slug(HOSTILE);
    let mut pages: Vec<String> = [
        "/",
        "/days",
        "/days/2026-11-22",
        "/incidents",
        "/restore",
        "/cost",
        "/query",
        "/tables/public.orders",
    ]
    .map(str::to_owned)
    .to_vec();
    pages.push(format!("/tables/{hostile}"));
    pages.push(format!("/tables/{hostile}/access"));
    pages.push(format!("/receipts/2026-11-21/{hostile}"));
    pages.push(format!("/receipts/2026-11-22/{hostile}"));
    pages
}

/// What must be in no page: markup from a name, an inline style or handler, another server, a cell.
fn assert_harmless(page: &str, place: &str) {
    for wrong in [
        "<script>alert",
        "alert(1)\"",
        " style=",
        " onclick=",
        "javascript:",
        "smallest-cell",
        "largest-cell",
    ] {
        assert!(!page.contains(wrong), "{place} contains {wrong}: {page}");
    }
    for part in page.split("<script").skip(1) {
        assert!(
            part.starts_with(" defer src=\"/assets/live.js\"></script>"),
            "{place}: {part:.80}"
        );
    }
    for attribute in ["src=\"", "href=\"", "action=\""] {
        for part in page.split(attribute).skip(1) {
            assert!(
                !part.starts_with("http") && !part.starts_with("//"),
                "{place} names another server: {part:.60}"
            );
        }
    }
}

#[tokio::test]
async fn a_table_named_like_a_script_is_text_on_every_page() {
    let world = with_hostile_tables().await;
    let console = Console::start(world.site(14), Access::local()).await;
    let mut named = 0;
    for page in all_pages() {
        for lang in ["", "?lang=ko"] {
            let text = console.text(&format!("{page}{lang}")).await;
            assert_harmless(&text, &page);
            named += usize::from(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
            assert_eq!(text.contains("<html lang=\"ko\">"), lang.ends_with("ko"), "{page}{lang}");
        }
    }
    assert!(named >= 14, "the name is on {named} pages");
    let asked = console.client.post(console.url("/query")).header("origin", console.url(""));
    for eyes in ["analyst", "stranger"] {
        let form = [("eyes", eyes), ("sql", "</textarea><script>alert(1)</script>")];
        let text =
            asked.try_clone().unwrap().form(&form).send().await.unwrap().text().await.unwrap();
        assert_harmless(&text, eyes);
        assert!(text.contains(&format!("As {eyes} sees it")), "{text}");
    }
}

#[tokio::test]
async fn every_answer_has_a_policy_and_strange_hosts_and_origins_are_refused() {
    let world = with_hostile_tables().await;
    let console = Console::start(world.site(14), Access::local()).await;
    for page in [
        "/",
        "/assets/console.css",
        "/assets/live.js",
        "/no-such-page",
        "/tables/no",
        "/days/x",
        "/incidents/7",
    ] {
        let response = console.get(page).await;
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{page}: {policy}"
        );
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["referrer-policy"], "same-origin");
        let found = page == "/" || page.starts_with("/assets");
        assert_eq!(response.status().is_success(), found, "{page}: {}", response.status());
    }
    let rebound =
        console.client.get(console.url("/")).header("host", "evil.example").send().await.unwrap();
    assert_eq!(rebound.status(), StatusCode::MISDIRECTED_REQUEST);
    let form = [("eyes", "analyst"), ("sql", "SELECT 1")];
    for (origin, status) in [
        (None, StatusCode::FORBIDDEN),
        (Some("http://evil.example"), StatusCode::FORBIDDEN),
        (Some(console.url("").as_str()), StatusCode::OK),
    ] {
        let mut request = console.client.post(console.url("/query")).form(&form);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        assert_eq!(request.send().await.unwrap().status(), status, "{origin:?}");
    }
    let delete = console.client.delete(console.url("/")).header("origin", console.url(""));
    assert_eq!(delete.send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_token_is_needed_everywhere_and_leaves_the_address() {
    let world = with_hostile_tables().await;
    let console =
        Console::start(world.site(14), Access::local().with_token("a-long-token-of-ours")).await;
    for page in ["/", "/events", "/assets/console.css", "/no-such-page", "/?token=wrong"] {
        let response = console.get(page).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{page}");
        assert!(!response.text().await.unwrap().contains("shop"), "{page}");
    }
    let response = console.get("//evil.example/x?lang=ko&token=a-long-token-of-ours").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()["location"], "/evil.example/x?lang=ko");
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    let cookie = cookie.split(';').next().unwrap();
    let response =
        console.client.get(console.url("/")).header("cookie", cookie).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let bearer = console.client.get(console.url("/")).bearer_auth("a-long-token-of-ours");
    assert_eq!(bearer.send().await.unwrap().status(), StatusCode::OK);
}

/// The files below a folder.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found
}

#[tokio::test]
async fn the_files_of_a_bucket_link_to_files_that_exist_and_ask_nothing() {
    let world = with_hostile_tables().await;
    let dir = tempfile::tempdir().unwrap();
    let written = write::write(&world.site(14), dir.path()).await.unwrap();
    let files: BTreeSet<PathBuf> = files(dir.path()).into_iter().collect();
    let pages: Vec<&PathBuf> =
        files.iter().filter(|it| it.extension().is_some_and(|it| it == "html")).collect();
    assert_eq!(pages.len(), written.pages);
    assert!(pages.len() >= 2 * 11, "{pages:?}");
    for page in pages {
        let text = std::fs::read_to_string(page).unwrap();
        assert_harmless(&text, &page.display().to_string());
        assert!(text.contains("http-equiv=\"Content-Security-Policy\""), "{}", page.display());
        assert!(!text.contains("<form") && !text.contains("<script"), "{}", page.display());
        for link in text.split("href=\"").skip(1).map(|it| it.split('"').next().unwrap()) {
            if link.starts_with('#') {
                continue;
            }
            let mut target = page.parent().unwrap().to_owned();
            for part in link.split('/') {
                match part {
                    ".." => assert!(target.pop() && target.starts_with(dir.path()), "{link}"),
                    part => target.push(part),
                }
            }
            assert!(files.contains(&target), "{} links to {link}", page.display());
        }
    }
}

/// Publishes a day with so many tables.
async fn set_tables(world: &World, date: &str, tables: usize) {
    let ledger = world.ledger.day(day(date));
    let found = ledger.get(&records::DAY).await.unwrap().unwrap();
    let now = DayRecord { tables, published: true, held: Vec::new(), ..found.value };
    ledger.replace(&records::DAY, &found.etag, &now).await.unwrap();
}

/// Today's held day is read again; a day of last week only when it was requested again.
#[tokio::test]
async fn pages_follow_the_ledger() {
    let world = with_hostile_tables().await;
    world.day("2026-11-12", &[("public.orders", "published")]).await;
    let site = world.site(14);
    let tables = async |date: &str| {
        site.refresh(usize::MAX).await.unwrap();
        site.history().day(day(date)).map(|it| (it.line.state, it.line.tables))
    };
    assert_eq!(tables("2026-11-22").await, Some(("held", 1)));
    assert_eq!(site.today().map(|it| it.day), Some(day("2026-11-22")));
    set_tables(&world, "2026-11-22", 2).await;
    assert_eq!(tables("2026-11-22").await, Some(("published", 2)));
    set_tables(&world, "2026-11-12", 7).await;
    assert_eq!(tables("2026-11-12").await, Some(("published", 1)));
    let request = RedoRequest {
        number: 1,
        tables: None,
        export: false,
        accept_audits: false,
        backfill: false,
        requested_at: world::NOW.parse().unwrap(),
    };
    world.ledger.source().create(&records::redo(day("2026-11-12"), 1), &request).await.unwrap();
    assert_eq!(tables("2026-11-12").await, Some(("published", 7)));
}

/// Every page of a console with 10,000 tables and a year of days has a bounded size. `make bench-console` measures the time.
#[tokio::test]
async fn pages_stay_small_with_ten_thousand_tables_and_a_year() {
    let world = World::new().await;
    let site = world.site(400);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let options = Options { access: Access::local(), refresh: Duration::from_secs(3600) };
    let task = tokio::spawn(serve(site.clone(), listener, options));
    let client = Client::builder().no_proxy().build().unwrap();
    let console = Console { address, client, task };
    // After the first reading, which finds an empty ledger.
    while site.history().read_at.is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    site.set_history(scale::year());
    for (page, most) in [
        ("/", 30_000),
        ("/days", 400_000),
        ("/days?part=200", 400_000),
        ("/days?q=table_00007", 30_000),
    ] {
        let text = console.text(page).await;
        assert!(text.len() < most, "{page} has {} bytes", text.len());
    }
    let text = console.text("/days").await;
    assert!(text.contains("2 of 10,000 tables") && text.contains("Part 1 of 200"), "{text}");
    assert!(console.text("/days?q=table_00007").await.contains(&scale::table(7)));
}
