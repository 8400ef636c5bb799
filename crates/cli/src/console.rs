//! `landbridge console`: pages for a browser, served or as files.
//!
//! The pages are in `landbridge-console`; here is what only the clouds know, by the readers of the other commands.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clap::Args;
use jiff::Timestamp;
use landbridge_cli_support::args::{ConfigArgs, FileArgs, Output, OutputArgs};
use landbridge_cli_support::files::NamesDatabase;
use landbridge_console::outside::{Answer, Eyes, Restore, Rows, Seen};
use landbridge_console::serve::{self, Options};
use landbridge_console::{Access, Outside, Site, write};
use landbridge_core::access::{Deployment, Filter, Readable, Usage, evaluate};
use landbridge_core::contract::Contract;
use landbridge_core::restore::{Setting, SettingValue};
use landbridge_gcp::Inspector;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::failure::{Failure, Result};
use crate::restore::args::CommonArgs;
use crate::restore::{RestoreContext, points};
use crate::{access, consumers, cost, databases, doctor, local, render};

/// How long a query of the local cloud may take.
const QUERY_LIMIT: Duration = Duration::from_secs(60);
/// Days of jobs in which readers of a table are looked for, as `landbridge consumers` does.
const READER_DAYS: u16 = 30;
/// Bytes of a new token: as many as a key of AES-256.
const TOKEN_BYTES: usize = 32;
/// The shortest token that a person may choose.
const MIN_TOKEN: usize = 16;

/// Show the bridge in a browser: today's crossing, tables × days, incidents, restore points, cost
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge console
  landbridge console --port 9000 --days 365
  landbridge console --static out && aws s3 sync --delete out s3://shop-console
  landbridge console --host 0.0.0.0 --allow-host console.internal

The pages are read with the credentials of this terminal, and contain no cell of a table. Without --host they
are for this machine alone; with it, a token is needed: the command prints a new one, or takes the one in the
environment variable that --token-env names. Use it behind TLS (docs/console.md).
For the local cloud, which also answers queries as analyst, pii-reader or stranger:
  . .landbridge/local.env; landbridge console

Exit codes: 0 written; 1 a page cannot be written; 2 invalid usage, or an invalid file; 3 access denied.")]
pub(crate) struct ConsoleArgs {
    /// The port; 0 selects a free one
    #[arg(long, default_value_t = 8765)]
    port: u16,
    /// The address to listen at
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), conflicts_with = "static_dir")]
    host: IpAddr,
    /// A name by which browsers reach this server, beside its addresses; can be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "static_dir")]
    allow_host: Vec<String>,
    /// Ask for a token also on this machine
    #[arg(long, conflicts_with = "static_dir")]
    token: bool,
    /// The environment variable with the token [default: a new token, which is printed]
    #[arg(long, value_name = "NAME", conflicts_with = "static_dir")]
    token_env: Option<String>,
    /// Write the pages as files into this directory, and end
    #[arg(long = "static", value_name = "DIR")]
    static_dir: Option<PathBuf>,
    /// How many days are read
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=400))]
    days: u16,
    /// Seconds between two readings of what may have changed
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    refresh: u64,
    /// The data directory of `landbridge local up`, for queries
    #[arg(long, value_name = "DIR", default_value = ".landbridge")]
    data_dir: PathBuf,
    #[command(flatten)]
    files: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl ConsoleArgs {
    /// Whether the command runs until it is interrupted.
    pub(crate) fn is_server(&self) -> bool {
        self.static_dir.is_none()
    }
}

/// Runs the command until it is interrupted, or until the files are written. With several databases and none named,
/// each has a server of its own, on the ports from `--port` on, or a directory of its own.
pub(crate) async fn run(args: ConsoleArgs) -> Result {
    if args.static_dir.is_some() {
        let format = args.output.format;
        return databases::each(&args.files, format, async |of| write_files(&args, of).await).await;
    }
    let (access, token) = access(&args)?;
    let mut places = Vec::new();
    let mut servers = Vec::new();
    for (number, (name, files)) in args.files.each()?.into_iter().enumerate() {
        let site = Arc::new(site(&args, &files).await?);
        let listener = listen(&args, number).await?;
        let place = listener.local_addr().unwrap_or(SocketAddr::new(args.host, args.port));
        places.push((name, place));
        let refresh = Duration::from_secs(args.refresh);
        let options = Options { access: access.clone(), refresh };
        servers.push(async move {
            serve::serve(site, listener, options)
                .await
                .map_err(|error| Failure::Failed(format!("the server at {place} ended: {error}")))
        });
    }
    announce(&args, &places, token.as_deref())?;
    futures::future::try_join_all(servers).await.map(|_| ())
}

/// Listens at the address of the server with this number, from 0.
async fn listen(args: &ConsoleArgs, number: usize) -> Result<TcpListener> {
    let port = match args.port {
        0 => Some(0),
        first => u16::try_from(number).ok().and_then(|number| first.checked_add(number)),
    };
    let port = port.ok_or_else(|| {
        Failure::Usage("--port: every database needs a port; choose a lower one".to_owned())
    })?;
    let address = SocketAddr::new(args.host, port);
    TcpListener::bind(address).await.map_err(|error| {
        Failure::Failed(format!("cannot listen at {address}: {error}; choose another --port"))
    })
}

/// Writes the pages of one database.
async fn write_files(args: &ConsoleArgs, of: &FileArgs) -> Result {
    let Some(dir) = &args.static_dir else { return Ok(()) };
    // Named by a person, or the only one: no directory of its own.
    let dir = match (&of.one.database, args.files.one.name()) {
        (Some(name), None) => dir.join(name),
        _ => dir.clone(),
    };
    let site = site(args, of).await?;
    let written = write::write(&site, &dir).await.map_err(Failure::Failed)?;
    match args.output.format {
        Output::Json => render::json(&written),
        Output::Text => render::print(&format!(
            "{} pages in {}, {}; they need a bucket whose policy names all readers (docs/console.md)",
            render::grouped(written.pages as u64),
            dir.display(),
            render::bytes(written.bytes)
        )),
    }
}

async fn site(args: &ConsoleArgs, of: &FileArgs) -> Result<Site> {
    let common = CommonArgs {
        config: ConfigArgs { config: of.config.clone(), one: of.one.clone() },
        output: args.output,
    };
    let context = RestoreContext::new(&common, None).await?;
    let contract = of.read_contract(&context.config)?;
    let (config, ledger) = (context.config.clone(), context.ledger());
    let cloud = Cloud {
        is_local: is_local(&args.data_dir),
        context,
        contract: contract.clone(),
        deployment: Deployment::of(&of.read_all()?),
        data_dir: args.data_dir.clone(),
    };
    Ok(Site::new(config, contract, ledger, Arc::new(cloud), args.days)?)
}

/// Who may ask, and the token to print.
fn access(args: &ConsoleArgs) -> Result<(Access, Option<String>)> {
    let mut access = Access::local();
    let is_wide = !args.host.is_loopback();
    if is_wide || !args.allow_host.is_empty() {
        access = access.from_network(&args.allow_host);
    }
    if !is_wide && args.allow_host.is_empty() && !args.token && args.token_env.is_none() {
        return Ok((access, None));
    }
    let (token, shown) = match &args.token_env {
        Some(name) => (token_of(name)?, None),
        None => {
            let token = new_token()?;
            (token.clone(), Some(token))
        }
    };
    Ok((access.with_token(&token), shown))
}

fn token_of(name: &str) -> Result<String> {
    let token = std::env::var(name).map_err(|_| {
        Failure::Usage(format!("--token-env: the environment variable {name} is not set"))
    })?;
    let is_plain = token.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it));
    if token.len() < MIN_TOKEN || !is_plain {
        return Err(Failure::Usage(format!(
            "--token-env: the token in {name} must have at least {MIN_TOKEN} letters, digits, `-`, `_` or `.`"
        )));
    }
    Ok(token)
}

fn new_token() -> Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Failed(format!("this system gives no random bytes: {error}")))?;
    Ok(bytes.iter().map(|it| format!("{it:02x}")).collect())
}

/// Where the pages are. Flushed, so that a program that started the command can read it.
fn announce(
    args: &ConsoleArgs,
    places: &[(Option<String>, SocketAddr)],
    token: Option<&str>,
) -> Result {
    let address = |place: &SocketAddr| match token {
        None => format!("http://{place}/"),
        Some(token) => format!("http://{place}/?token={token}"),
    };
    match (args.output.format, places) {
        (Output::Json, [(None, place)]) => {
            render::json(&serde_json::json!({ "address": address(place) }))
        }
        (Output::Text, [(None, place)]) => {
            render::print(&format!("The console is at {}\nPress Ctrl-C to stop.", address(place)))
        }
        (Output::Json, all) => {
            let named = all.iter().map(|(name, place)| {
                let value = serde_json::json!({ "address": address(place) });
                (name.clone().unwrap_or_default(), value)
            });
            render::json(&named.collect::<serde_json::Map<_, _>>())
        }
        (Output::Text, all) => {
            let line = |(name, place): &(Option<String>, SocketAddr)| {
                format!(
                    "The console of {} is at {}\n",
                    name.as_deref().unwrap_or_default(),
                    address(place)
                )
            };
            let lines: String = all.iter().map(line).collect();
            render::print(&format!("{lines}Press Ctrl-C to stop."))
        }
    }?;
    std::io::Write::flush(&mut std::io::stdout())
        .map_err(|error| Failure::Failed(format!("cannot write to standard output: {error}")))
}

/// What `landbridge local up` writes for other commands, as far as it is needed here.
#[derive(Deserialize)]
struct RunningCloud {
    warehouse: RunningWarehouse,
}

#[derive(Deserialize)]
struct RunningWarehouse {
    endpoint: String,
}

/// Whether this terminal's settings name the local cloud in `data_dir`: its warehouse is the one that
/// `BIGQUERY_EMULATOR_HOST` names. With other settings, a query would ask another warehouse than the pages show.
fn is_local(data_dir: &Path) -> bool {
    let host = std::env::var("BIGQUERY_EMULATOR_HOST").unwrap_or_default();
    let text = std::fs::read_to_string(data_dir.join("local.json")).unwrap_or_default();
    let cloud = serde_json::from_str::<RunningCloud>(&text);
    let host = host.trim_end_matches('/');
    let path =
        cloud.ok().and_then(|it| it.warehouse.endpoint.strip_prefix(host).map(str::to_owned));
    !host.is_empty() && path.is_some_and(|path| path.starts_with('/'))
}

/// The clouds, with the credentials of this terminal.
struct Cloud {
    context: RestoreContext,
    contract: Contract,
    deployment: Deployment,
    data_dir: PathBuf,
    is_local: bool,
}

#[async_trait]
impl Outside for Cloud {
    fn now(&self) -> Timestamp {
        self.context.clock.now()
    }

    async fn restore(&self) -> Result<Restore, String> {
        let source = &self.context.config.source;
        let failed = |error: Failure| error.to_string();
        let points = points::restore_points(&self.context).await.map_err(failed)?;
        let database = self.context.aws.rds.database(source.kind, &source.id).await;
        let database = database.map_err(|error| error.sentence())?;
        let days =
            database.as_ref().and_then(|it| match it.settings.get(Setting::BackupRetentionDays) {
                Some(SettingValue::Number(days)) if *days > 0 => u32::try_from(*days).ok(),
                _ => None,
            });
        // The pages show the rest without it.
        let storage_gib = cost::storage_gib(&self.context.aws, &self.context.config).await;
        Ok(Restore {
            points,
            recovery_days: days,
            recovery_until: database.as_ref().and_then(|it| it.latest_restorable_time),
            resource_id: database.and_then(|it| it.resource_id),
            storage_gib: storage_gib.ok().flatten(),
        })
    }

    async fn seen(&self, table: &str) -> Result<Seen, String> {
        let (config, contract) = (&self.context.config, &self.contract);
        let tags = doctor::tags_by_class(config)?;
        let inspector =
            Inspector::from_env(&config.warehouse.project).map_err(|it| it.sentence())?;
        inspector.check_credentials().await.map_err(|it| it.sentence())?;
        let live = access::read::read(&inspector, config, contract, &tags, Some(table)).await;
        let filter = Filter { table: Some(table.to_owned()), ..Filter::default() };
        let report = evaluate(&live, (config, contract), &self.deployment, &filter);
        let mut usage = Usage::new(Readable::new(config, contract));
        let range = access::jobs::last_days(READER_DAYS).map_err(|it| it.to_string())?;
        let unread = access::jobs::jobs(&inspector, config, range, |page| usage.add(&page)).await;
        let readers = match unread {
            Some(it) => Err(format!("{}; {}", it.why, it.next)),
            None => {
                let all = usage.of_table(table, None).into_iter().cloned().collect();
                Ok(consumers::without_names(all))
            }
        };
        Ok(Seen { report, readers, days: READER_DAYS })
    }

    fn can_query(&self) -> bool {
        self.is_local
    }

    async fn query(&self, eyes: Eyes, sql: &str, max: usize) -> Answer {
        match tokio::time::timeout(QUERY_LIMIT, ask(&self.data_dir, eyes, sql)).await {
            Ok(Ok(output)) => answer(&output, max),
            Ok(Err(error)) => Answer::Failed(error),
            Err(_) => {
                Answer::Failed(format!("the query took longer than {} s", QUERY_LIMIT.as_secs()))
            }
        }
    }
}

/// Runs `landbridge query`, which has the tokens of the local cloud's users. The query goes through standard input: a
/// list of processes does not show it.
async fn ask(data_dir: &Path, eyes: Eyes, sql: &str) -> Result<std::process::Output, String> {
    let mut program =
        local::program().ok_or("landbridge-local is not installed beside landbridge")?;
    let mut child = program
        .args(["query", "--as", eyes.name(), "--output", "json", "--data-dir"])
        .arg(data_dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot start landbridge-local: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        // A program that has ended reads nothing; its output says why.
        let _ = input.write_all(sql.as_bytes()).await;
    }
    child.wait_with_output().await.map_err(|error| format!("landbridge-local failed: {error}"))
}

/// The output of `landbridge query --output json`.
#[derive(Deserialize)]
struct QueryOutput {
    columns: Vec<QueryColumn>,
    rows: Vec<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize)]
struct QueryColumn {
    name: String,
    #[serde(rename = "type")]
    ty: String,
}

fn answer(output: &std::process::Output, max: usize) -> Answer {
    let error = String::from_utf8_lossy(&output.stderr);
    let error = error.trim().trim_start_matches("error: ").to_owned();
    match output.status.code() {
        Some(0) => {}
        // The exit code of a refused query.
        Some(3) => return Answer::Refused(error),
        _ => return Answer::Failed(error),
    }
    let Ok(found) = serde_json::from_slice::<QueryOutput>(&output.stdout) else {
        return Answer::Failed("landbridge-local is of another version than landbridge".to_owned());
    };
    let text = |value: Option<&serde_json::Value>| match value {
        None | Some(serde_json::Value::Null) => None,
        Some(serde_json::Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    let row = |row: &serde_json::Map<String, serde_json::Value>| {
        found.columns.iter().map(|it| text(row.get(&it.name))).collect()
    };
    Answer::Rows(Rows {
        rows: found.rows.iter().take(max).map(row).collect(),
        count: found.rows.len(),
        columns: found.columns.into_iter().map(|it| (it.name, it.ty)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{ExitStatus, Output};

    use super::*;

    fn output(code: i32, stdout: &str, stderr: &str) -> Output {
        Output {
            status: ExitStatus::from_raw(code << 8),
            stdout: stdout.into(),
            stderr: stderr.into(),
        }
    }

    #[test]
    fn rows_are_cut_and_a_refusal_is_no_failure() {
        let json = r#"{"columns":[{"name":"id","type":"INT64"},{"name":"email","type":"STRING"}],
                       "rows":[{"id":7,"email":null},{"id":8,"email":"x"}]}"#;
        let Answer::Rows(rows) = answer(&output(0, json, ""), 1) else { panic!("rows") };
        assert_eq!((rows.count, rows.rows), (2, vec![vec![Some("7".to_owned()), None]]));
        let refused = answer(&output(3, "", "error: no\n"), 1);
        assert_eq!(refused, Answer::Refused("no".to_owned()));
        assert_eq!(answer(&output(1, "", "error: wrong\n"), 1), Answer::Failed("wrong".to_owned()));
    }
}
