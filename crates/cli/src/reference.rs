//! `landbridge completions` and `landbridge man`: generated from the command line itself, so they cannot
//! differ from it.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, ValueEnum};
use clap_complete::shells;
use landbridge_cli_support::args::Output;
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::render;

/// The name of the program.
const NAME: &str = "landbridge";
/// Commands whose options only the program `landbridge-local` knows.
const LOCAL: [&[&str]; 4] = [&["demo"], &["local"], &["query"], &["models", "run"]];

/// Print a script that completes commands and options in a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge completions bash > ~/.local/share/bash-completion/completions/landbridge
  landbridge completions zsh > ~/.zfunc/_landbridge
  landbridge completions fish > ~/.config/fish/completions/landbridge.fish

For zsh, the folder must be in $fpath before compinit runs.")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// A shell that has completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// Bash 4.4 or newer
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
}

/// Write the manual pages, one for each command
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge man --dir ~/.local/share/man/man1
  man landbridge-redo")]
pub(crate) struct ManArgs {
    /// The directory to write to; created if it does not exist
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// The result of `landbridge man`; its fields are the keys of `--output json`.
#[derive(Serialize)]
struct ManResult {
    dir: String,
    pages: Vec<String>,
}

/// Prints the completions of the command for a shell.
///
/// # Errors
/// [`Failure::Failed`] if standard output cannot be written.
pub(crate) fn completions(args: &CompletionsArgs, mut command: Command) -> Result {
    let mut script = Vec::new();
    match args.shell {
        Shell::Bash => clap_complete::generate(shells::Bash, &mut command, NAME, &mut script),
        Shell::Zsh => clap_complete::generate(shells::Zsh, &mut command, NAME, &mut script),
        Shell::Fish => clap_complete::generate(shells::Fish, &mut command, NAME, &mut script),
    }
    render::print(String::from_utf8_lossy(&script).trim_end())
}

/// Writes the manual pages of the command. Pages of these names are replaced; a second run writes the same bytes.
///
/// # Errors
/// [`Failure::Failed`] if the directory or a page cannot be written.
pub(crate) fn man(args: &ManArgs, command: Command) -> Result {
    let failed = |path: &Path, error: &io::Error| {
        let path = path.display();
        Failure::Failed(format!("cannot write {path}: {error}; choose another --dir"))
    };
    std::fs::create_dir_all(&args.dir).map_err(|error| failed(&args.dir, &error))?;
    let mut command = LOCAL.iter().fold(command, |it, path| with_hint(it, path));
    command.build();
    let mut pages = Vec::new();
    write_pages(&command, &mut |name, page| {
        let path = args.dir.join(&name);
        std::fs::write(&path, page).map_err(|error| failed(&path, &error))?;
        pages.push(name);
        Ok(())
    })?;
    let result = ManResult { dir: args.dir.display().to_string(), pages };
    match args.output {
        Output::Json => render::json(&result),
        Output::Text => {
            let count = render::counted(result.pages.len(), "page");
            render::print(&format!("wrote {count} to {}", result.dir))
        }
    }
}

/// The command with a hint at the options of the subcommand at `path`, which are not in this program.
fn with_hint(command: Command, path: &[&str]) -> Command {
    match path {
        [] => {
            let words = command.get_name().to_owned();
            let words = if words == "run" { "models run".to_owned() } else { words };
            command.after_help(format!("`{NAME} {words} --help` lists the options."))
        }
        [first, rest @ ..] => {
            let rest = rest.to_vec();
            command.mut_subcommand(*first, |it| with_hint(it, &rest))
        }
    }
}

/// Writes the page of a command, then the pages of its subcommands.
fn write_pages(command: &Command, write: &mut dyn FnMut(String, Vec<u8>) -> Result) -> Result {
    let page_of = clap_mangen::Man::new(command.clone()).manual("Landbridge");
    let mut page = Vec::new();
    page_of
        .render(&mut page)
        .map_err(|error| Failure::Failed(format!("cannot write a manual page: {error}")))?;
    write(page_of.get_filename(), page)?;
    command
        .get_subcommands()
        .filter(|it| it.get_name() != "help" && !it.is_hide_set())
        .try_for_each(|it| write_pages(it, write))
}
