//! The server: GET for every page, POST for a query of the local cloud, and an event when a running day moved.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Form, Path, Query, Request, State};
use axum::http::header::{
    ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, SET_COOKIE,
};
use axum::http::{StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::Stream;
use landbridge_core::calendar::Day;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::guard::{self, Access};
use crate::lang::Lang;
use crate::links::{Links, To};
use crate::outside::Eyes;
use crate::pages::days::Asked;
use crate::pages::{self};
use crate::render::{self, How, Rendered};
use crate::site::Site;

/// The longest query text, in bytes.
const MAX_QUERY: usize = 64 * 1024;
/// How often a quiet stream of events sends a comment, so that a proxy does not close it.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Days that are read before the first page is shown.
const FIRST_DAYS: usize = 14;

/// The style sheet.
pub const STYLE: &str = include_str!("../assets/console.css");
/// The script of running days.
pub const SCRIPT: &str = include_str!("../assets/live.js");
/// The icon.
pub const ICON: &str = include_str!("../assets/icon.svg");

/// How a server answers.
pub struct Options {
    /// Who may ask.
    pub access: Access,
    /// How often days that may change are read again.
    pub refresh: Duration,
}

struct Server {
    site: Arc<Site>,
    access: Access,
    /// Counts the changes that were seen.
    moved: watch::Receiver<u64>,
}

type Shared = State<Arc<Server>>;

/// Serves until the future is dropped.
///
/// # Errors
/// An I/O error of the listener.
pub async fn serve(
    site: Arc<Site>,
    listener: TcpListener,
    options: Options,
) -> std::io::Result<()> {
    let (sender, moved) = watch::channel(0);
    let access = options.access;
    let router = router(Arc::new(Server { site: site.clone(), access, moved }));
    let reading = keep_reading(site, options.refresh, sender);
    tokio::select! {
        result = axum::serve(listener, router) => result,
        () = reading => Ok(()),
    }
}

/// The routes.
fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/", get(today))
        .route("/days", get(grid))
        .route("/days/{day}", get(day))
        .route("/tables/{table}", get(table))
        .route("/tables/{table}/access", get(access))
        .route("/receipts/{day}/{table}", get(receipt))
        .route("/incidents", get(|state: Shared, ask: Ask| plain(state, ask, To::Incidents)))
        .route("/incidents/{number}", get(incident))
        .route("/restore", get(|state: Shared, ask: Ask| plain(state, ask, To::Restore)))
        .route("/cost", get(|state: Shared, ask: Ask| plain(state, ask, To::Cost)))
        .route("/query", get(question).post(query))
        .route("/events", get(events))
        .route("/assets/{name}", get(asset))
        .fallback(nothing)
        .layer(DefaultBodyLimit::max(MAX_QUERY * 3 + 1024))
        .layer(from_fn_with_state(server.clone(), guarded))
        .with_state(server)
}

/// Reads what may have changed, again and again. An error is logged, and the pages show what was read before, with its
/// time.
async fn keep_reading(site: Arc<Site>, pause: Duration, sender: watch::Sender<u64>) {
    let mut is_first = true;
    loop {
        let before = site.today();
        let limit = if is_first { FIRST_DAYS } else { usize::MAX };
        match site.refresh(limit).await {
            Ok(more) => {
                is_first = false;
                if site.today() != before {
                    sender.send_modify(|count| *count += 1);
                }
                if more {
                    continue;
                }
            }
            Err(error) => {
                tracing::warn!(kind = error.kind().name(), %error, "the ledger cannot be read");
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// Checks who asks, and adds the headers of every answer.
async fn guarded(State(server): Shared, request: Request, next: Next) -> Response {
    let mut response = admit(&server, request, next).await;
    for (name, value) in guard::headers() {
        response.headers_mut().insert(name, value);
    }
    response
}

async fn admit(server: &Server, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !server.access.is_host(headers) {
        let text = "This server does not have this name. Open it by the address that `landbridge console` printed, or start it \
                    with --allow-host NAME.\n";
        return (StatusCode::MISDIRECTED_REQUEST, text).into_response();
    }
    if server.access.needs_token() {
        if let Some(response) = exchange_token(server, request.uri()) {
            return response;
        }
        if !server.access.is_known(headers) {
            let text = "A token is needed: open the address with ?token=, or send it as `Authorization: Bearer`.\n";
            return (StatusCode::UNAUTHORIZED, text).into_response();
        }
    }
    if !request.method().is_safe() && !Access::is_own_origin(headers) {
        let text = "This request does not come from a page of this server.\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    next.run(request).await
}

/// `?token=` becomes a cookie, and the address is opened again without it: it must not stay in the address bar.
fn exchange_token(server: &Server, uri: &Uri) -> Option<Response> {
    let query = uri.query()?;
    let (mut token, mut rest) = (None, Vec::new());
    for part in query.split('&') {
        match part.strip_prefix("token=") {
            Some(value) => token = Some(value),
            None => rest.push(part),
        }
    }
    let cookie = server.access.cookie_for(token?);
    let Some(cookie) = cookie else {
        return Some((StatusCode::UNAUTHORIZED, "The token is wrong.\n").into_response());
    };
    let mut place = uri.path().to_owned();
    // `//host` would be another server.
    place.replace_range(..place.len() - place.trim_start_matches('/').len(), "/");
    if !rest.is_empty() {
        place += &format!("?{}", rest.join("&"));
    }
    let mut response = StatusCode::SEE_OTHER.into_response();
    let value = |text: &str| HeaderValue::from_str(text).ok();
    response.headers_mut().insert(LOCATION, value(&place)?);
    response.headers_mut().insert(SET_COOKIE, value(&cookie)?);
    Some(response)
}

/// What an address says beside the page.
#[derive(Debug, Default, Deserialize)]
struct Parameters {
    lang: Option<String>,
    still: Option<String>,
    part: Option<usize>,
    q: Option<String>,
}

/// How a page is asked for.
struct Ask(How);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Ask {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, Infallible> {
        // A parameter that cannot be read is none.
        let asked =
            Query::<Parameters>::try_from_uri(&parts.uri).map(|it| it.0).unwrap_or_default();
        Ok(Self(how(&parts.headers, asked)))
    }
}

fn how(headers: &HeaderMap, asked: Parameters) -> How {
    let chosen = asked.lang.as_deref().and_then(Lang::parse);
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    How {
        lang: chosen.unwrap_or_else(|| Lang::accepted(accepted)),
        links: Links::Served(chosen),
        is_still: asked.still.is_some(),
        asked: Asked { part: asked.part.unwrap_or(1), name: asked.q.unwrap_or_default() },
    }
}

impl IntoResponse for Rendered {
    fn into_response(self) -> Response {
        let status = if self.is_found { StatusCode::OK } else { StatusCode::NOT_FOUND };
        (status, axum::response::Html(self.html)).into_response()
    }
}

async fn plain(State(server): Shared, Ask(how): Ask, to: To<'static>) -> Response {
    render::page(&server.site, &how, to).await.into_response()
}

async fn today(state: Shared, ask: Ask) -> Response {
    plain(state, ask, To::Today).await
}

async fn grid(state: Shared, ask: Ask) -> Response {
    let part = ask.0.asked.part;
    plain(state, ask, To::Days(part)).await
}

/// A page that is not there.
async fn nothing(state: Shared, ask: Ask) -> Response {
    // No page is below an asset, so there is none.
    plain(state, ask, To::Asset("")).await
}

async fn day(state: Shared, ask: Ask, Path(day): Path<String>) -> Response {
    match day.parse::<Day>() {
        Ok(day) => plain(state, ask, To::Day(day)).await,
        Err(_) => nothing(state, ask).await,
    }
}

async fn table(State(server): Shared, Ask(how): Ask, Path(slug): Path<String>) -> Response {
    let history = server.site.history();
    match history.table_of_slug(&slug) {
        Some(name) => render::page(&server.site, &how, To::Table(name)).await.into_response(),
        None => nothing(State(server), Ask(how)).await,
    }
}

async fn access(State(server): Shared, Ask(how): Ask, Path(slug): Path<String>) -> Response {
    let history = server.site.history();
    match history.table_of_slug(&slug) {
        Some(name) => render::page(&server.site, &how, To::Access(name)).await.into_response(),
        None => nothing(State(server), Ask(how)).await,
    }
}

async fn receipt(
    State(server): Shared,
    Ask(how): Ask,
    Path((day, slug)): Path<(String, String)>,
) -> Response {
    let history = server.site.history();
    match (day.parse::<Day>(), history.table_of_slug(&slug)) {
        (Ok(day), Some(name)) => {
            render::page(&server.site, &how, To::Receipt(day, name)).await.into_response()
        }
        _ => nothing(State(server), Ask(how)).await,
    }
}

async fn incident(state: Shared, ask: Ask, Path(number): Path<String>) -> Response {
    match number.parse() {
        Ok(number) => plain(state, ask, To::Incident(number)).await,
        Err(_) => nothing(state, ask).await,
    }
}

/// What a person asks the local cloud.
#[derive(Deserialize)]
struct Question {
    eyes: String,
    sql: String,
}

async fn question(State(server): Shared, Ask(how): Ask) -> Response {
    if !server.site.outside.can_query() {
        return nothing(State(server), Ask(how)).await;
    }
    let view = how.view(&server.site);
    let example = example(&server.site);
    let page = pages::query::page(&view, Eyes::Analyst, &example, None);
    axum::response::Html(view.page(page)).into_response()
}

/// A first query: the columns with a class of the first table that has some.
fn example(site: &Site) -> String {
    let classed = |it: &landbridge_core::contract::TableContract| {
        it.columns.values().any(|it| it.class != landbridge_core::config::CLASS_NONE)
    };
    let table = site.contract.tables.iter().find(|it| classed(it.1));
    let name = table.map(|(name, it)| {
        it.table.clone().unwrap_or_else(|| name.rsplit('.').next().unwrap_or(name).to_owned())
    });
    name.map_or_else(|| "SELECT 1".to_owned(), |name| format!("SELECT * FROM `{name}` LIMIT 10"))
}

async fn query(State(server): Shared, Ask(how): Ask, Form(question): Form<Question>) -> Response {
    if !server.site.outside.can_query() {
        return nothing(State(server), Ask(how)).await;
    }
    let Some(eyes) = Eyes::parse(&question.eyes) else {
        return (StatusCode::BAD_REQUEST, "`eyes` must be analyst, pii-reader or stranger.\n")
            .into_response();
    };
    if question.sql.len() > MAX_QUERY {
        return (StatusCode::PAYLOAD_TOO_LARGE, "The query is longer than 64 KiB.\n")
            .into_response();
    }
    let answer = server.site.outside.query(eyes, &question.sql, pages::query::MAX_ROWS).await;
    let view = how.view(&server.site);
    let page = pages::query::page(&view, eyes, &question.sql, Some(&answer));
    axum::response::Html(view.page(page)).into_response()
}

/// Server-sent events (HTML Living Standard, "Server-sent events"): one per change of the running day.
async fn events(State(server): Shared) -> Response {
    let stream = changes(server.moved.clone());
    let mut response = Body::from_stream(stream).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

fn changes(moved: watch::Receiver<u64>) -> impl Stream<Item = Result<Bytes, Infallible>> {
    futures::stream::unfold((moved, true), |(mut moved, is_first)| async move {
        if is_first {
            return Some((Ok(Bytes::from_static(b"retry: 3000\n\n")), (moved, false)));
        }
        let text = match tokio::time::timeout(KEEP_ALIVE, moved.changed()).await {
            // The server ends.
            Ok(Err(_)) => return None,
            Ok(Ok(())) => format!("data: {}\n\n", *moved.borrow_and_update()),
            Err(_) => ":\n\n".to_owned(),
        };
        Some((Ok(Bytes::from(text)), (moved, false)))
    })
}

async fn asset(state: Shared, ask: Ask, Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "console.css" => ("text/css; charset=utf-8", STYLE),
        "live.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => ("image/svg+xml", ICON),
        _ => return nothing(state, ask).await,
    };
    ([(CONTENT_TYPE, kind)], text).into_response()
}
