//! Commands that show all databases of a configuration if none is named.

use landbridge_cli_support::args::Output;
use landbridge_cli_support::files::NamesDatabase;
use serde_json::json;

use crate::failure::{Failure, Result};
use crate::paint::Paint;
use crate::render;

/// Runs a command once for each database. With several, each text has the name of its database above it, and the
/// JSON is one document by the names. The failure of one does not stop the others.
///
/// # Errors
/// The failure of the only database, or the first of several, after all have run. Each is named on standard error.
pub(crate) async fn each<T: NamesDatabase>(
    options: &T,
    format: Output,
    run: impl AsyncFn(&T) -> Result,
) -> Result {
    let all = options.each()?;
    if let [(None, only)] = all.as_slice() {
        return run(only).await;
    }
    let mut failures: Vec<(String, Failure)> = Vec::new();
    for (number, (name, options)) in all.iter().enumerate() {
        let name = name.clone().unwrap_or_default();
        match format {
            Output::Json => render::collect_of(&name),
            Output::Text => {
                let gap = if number > 0 { "\n" } else { "" };
                render::print(&format!("{gap}{}", Paint::stdout().bold(&format!("== {name} =="))))?;
            }
        }
        if let Err(failure) = run(options).await {
            failures.push((name, failure));
        }
    }
    if format == Output::Json {
        for (name, failure) in &failures {
            render::add_if_missing(name, &json!({ "error": failure.to_string() }));
        }
        render::print_collected()?;
    }
    finish(failures, all.len())
}

/// One failure for all: its kind is that of the first.
fn finish(failures: Vec<(String, Failure)>, count: usize) -> Result {
    for (name, failure) in failures.iter().skip(1) {
        let text = failure.to_string();
        if !text.is_empty() {
            eprintln!("{} {name}: {text}", Paint::stderr().red("error:"));
        }
    }
    let failed = failures.len();
    let Some((name, first)) = failures.into_iter().next() else { return Ok(()) };
    let text = |why: String| format!("{name}: {why} ({failed} of {count} databases failed)");
    Err(match first {
        Failure::Failed(why) => Failure::Failed(text(why)),
        Failure::Usage(why) => Failure::Usage(text(why)),
        Failure::Refused(why) => Failure::Refused(text(why)),
        Failure::Partly(why) => Failure::Partly(text(why)),
        other => other,
    })
}
