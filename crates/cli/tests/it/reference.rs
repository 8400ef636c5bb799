//! `landbridge completions` and `man`.

use std::collections::BTreeSet;
use std::process::Command;

use crate::{landbridge, repository};

/// All commands, as their words, from the help of each.
fn commands() -> BTreeSet<Vec<String>> {
    let mut known = BTreeSet::new();
    let mut pending = vec![Vec::new()];
    while let Some(words) = pending.pop() {
        // The programs of these are elsewhere.
        if ["demo", "local", "query"].iter().any(|it| words == [*it]) || words == ["models", "run"]
        {
            known.insert(words);
            continue;
        }
        let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
        args.push("--help");
        let run = landbridge(&repository(), &args);
        assert_eq!(run.code, Some(0), "{args:?}: {}", run.err);
        let listed = run.out.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in listed.take_while(|line| !line.is_empty()) {
            let name = line.strip_prefix("  ").and_then(|it| it.split(' ').next());
            match name {
                // A description that continues, or the help of the help.
                None | Some("" | "help") => {}
                Some(name) => pending.push([&words[..], &[name.to_owned()]].concat()),
            }
        }
        known.insert(words);
    }
    known
}

#[test]
fn every_command_has_a_manual_page() {
    let dir = tempfile::tempdir().expect("a directory");
    let target = dir.path().join("man1");
    let args = ["man", "--output", "json", "--dir", target.to_str().expect("a path")];
    let run = landbridge(&repository(), &args);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let commands = commands();
    assert!(commands.len() > 40, "{commands:?}");
    for words in &commands {
        let name = [&["landbridge".to_owned()], &words[..]].concat().join("-");
        let page = std::fs::read_to_string(target.join(format!("{name}.1")))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(page.contains(".SH SYNOPSIS"), "{name}: {page}");
        assert!(run.out.contains(&format!("\"{name}.1\"")), "{name}: {}", run.out);
    }
    let pages = std::fs::read_dir(&target).expect("the directory").count();
    assert_eq!(pages, commands.len(), "one page for each command");
    // The same bytes again: a release has the same pages wherever it is built.
    let page = target.join("landbridge-redo.1");
    let first = std::fs::read(&page).expect("a page");
    let run = landbridge(&repository(), &args[..args.len()]);
    assert_eq!((run.code, std::fs::read(&page).expect("a page")), (Some(0), first));
    let page = std::fs::read_to_string(target.join("landbridge-demo.1")).expect("a page");
    assert!(page.contains("landbridge demo"), "{page}");
}

#[test]
fn the_directory_of_the_pages_must_be_writable() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let run = landbridge(&repository(), &["man", "--dir", file.to_str().expect("a path")]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("choose another --dir"), "{}", run.err);
}

/// What bash offers for a line whose last word is being typed.
fn completed(script: &str, words: &[&str]) -> BTreeSet<String> {
    let load = "eval \"$SCRIPT\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                COMP_LINE=\"$*\"; COMP_POINT=${#COMP_LINE}; COMPREPLY=(); \
                complete -p landbridge >/dev/null || exit 9; \
                _landbridge \"$1\" \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"; \
                printf '%s\\n' \"${COMPREPLY[@]}\"";
    let output = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", load, "bash"])
        .args(words)
        .env("SCRIPT", script)
        .output()
        .expect("bash starts");
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn bash_loads_the_completions_and_completes_commands_and_options() {
    let script = landbridge(&repository(), &["completions", "bash"]);
    assert_eq!(script.code, Some(0), "{}", script.err);
    let complete = |words: &[&str]| completed(&script.out, words);
    assert_eq!(complete(&["landbridge", "rece"]), ["receipt".to_owned()].into());
    assert_eq!(complete(&["landbridge", "contract", "pro"]), ["propose".to_owned()].into());
    assert!(complete(&["landbridge", "redo", "--ta"]).contains("--table"));
    let all = complete(&["landbridge", ""]);
    for words in commands().iter().filter(|words| words.len() == 1) {
        assert!(all.contains(&words[0]), "{words:?}: {all:?}");
    }
}

#[test]
fn zsh_and_fish_know_every_command() {
    for shell in ["zsh", "fish"] {
        let script = landbridge(&repository(), &["completions", shell]);
        assert_eq!(script.code, Some(0), "{}", script.err);
        for name in commands().iter().filter_map(|words| words.last()) {
            assert!(script.out.contains(name.as_str()), "{shell}: {name}");
        }
    }
    let run = landbridge(&repository(), &["completions", "tcsh"]);
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("[possible values: bash, zsh, fish]"), "{}", run.err);
}
