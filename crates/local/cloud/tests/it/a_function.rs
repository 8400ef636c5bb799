//! A program built on `lambda_runtime`: this test binary, started with one test selected, so no
//! other program has to be built and found.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use landbridge_local::{FunctionSpec, Functions};
use landbridge_local_wire::Clock;
use serde_json::{Value, json};

/// The program. The field `do` of the event selects what it does.
#[test]
#[ignore = "started as a process by the other tests"]
fn program() {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return;
    }
    if std::env::var_os("DIE_BEFORE_POLLING").is_some() {
        std::process::abort();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(lambda_runtime::run(service_fn(handle))).unwrap();
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let (event, context) = event.into_parts();
    match event["do"].as_str().unwrap_or("echo") {
        "echo" => Ok(event),
        "log" => {
            println!("{}", json!({"level": "INFO", "fields": {"message": "structured"}}));
            eprintln!("plain");
            Ok(Value::Null)
        }
        "variables" => Ok(std::env::vars().map(|(name, _)| name).collect()),
        "who" => Ok(json!({
            "pid": std::process::id(),
            "request": context.request_id,
            "arn": context.invoked_function_arn,
            "left_ms": context.deadline().duration_since(std::time::SystemTime::now()).unwrap().as_millis() as u64,
        })),
        "fail" => Err(Diagnostic { error_type: "Stop".into(), error_message: "no".into() }),
        "abort" => std::process::abort(),
        // Aborts, fails or succeeds depending on a countdown in a file.
        "countdown" => {
            let file = event["file"].as_str().unwrap();
            let left: u32 = std::fs::read_to_string(file).unwrap().parse().unwrap();
            std::fs::write(file, left.saturating_sub(1).to_string()).unwrap();
            match left {
                0 => Ok(event),
                1 => Err(Diagnostic { error_type: "Retry".into(), error_message: "soon".into() }),
                _ => std::process::abort(),
            }
        }
        // Calls a server with an unsigned GET and returns the status; null if there is no response.
        "call" => {
            let mut server = std::net::TcpStream::connect(event["addr"].as_str().unwrap()).unwrap();
            server.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            server.read_to_end(&mut answer).unwrap();
            let answer = String::from_utf8_lossy(&answer);
            Ok(answer.split_whitespace().nth(1).into())
        }
        "sleep" => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Ok(Value::Null)
        }
        // Waits until another invocation, in another process, has created a file.
        "meet" => {
            let (mine, theirs) =
                (event["mine"].as_str().unwrap(), event["theirs"].as_str().unwrap());
            std::fs::write(mine, "").unwrap();
            while !PathBuf::from(theirs).exists() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Ok(json!({ "pid": std::process::id() }))
        }
        other => panic!("unknown verb {other}"),
    }
}

/// The arguments with which this test binary runs the program.
pub(crate) const ARGS: [&str; 5] =
    ["--ignored", "--exact", "a_function::program", "--nocapture", "--quiet"];

/// The definition of a function that runs the program.
pub(crate) fn spec(name: &str) -> FunctionSpec {
    FunctionSpec {
        name: name.to_owned(),
        program: std::env::current_exe().unwrap(),
        args: ARGS.map(String::from).to_vec(),
        variables: BTreeMap::from([("GIVEN".to_owned(), "yes".to_owned())]),
        memory_mib: 512,
        timeout: Duration::from_secs(60),
        arn: format!("arn:aws:lambda:ap-northeast-2:123456789012:function:{name}"),
    }
}

/// Functions whose logs are in a directory that exists as long as the first value.
pub(crate) fn functions() -> (tempfile::TempDir, Functions) {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::new("2026-11-20T15:00:00Z".parse().unwrap());
    let functions = Functions::new(dir.path().join("logs"), dir.path().to_owned(), clock);
    (dir, functions)
}
