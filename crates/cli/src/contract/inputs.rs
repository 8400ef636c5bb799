//! The files of SQL that `contract check` reads.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};
use crate::files;

/// A file's name and its text.
type Text = (String, String);

/// The lines that begin the part of a migration that takes it back: goose, dbmate, sql-migrate. What Liquibase takes back is in
/// comments.
const DOWN: [&str; 3] = ["-- +goose down", "-- migrate:down", "-- +migrate down"];
/// The lines that begin the part that is applied.
const UP: [&str; 3] = ["-- +goose up", "-- migrate:up", "-- +migrate up"];

/// The texts of files.
pub(super) fn texts(paths: &[PathBuf], option: &str) -> Result<Vec<Text>> {
    paths.iter().map(|path| Ok((shown(path), files::read(path, option)?))).collect()
}

/// The texts of migrations in their order, without the parts that take them back, and the files of
/// directories that were not read, each with the reason.
pub(super) fn migrations(paths: &[PathBuf]) -> Result<(Vec<Text>, Vec<String>)> {
    let mut not_read = Vec::new();
    let mut found = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => found.extend(files_of(path, &mut not_read)?),
            false => found.push(path.clone()),
        }
    }
    let texts = texts(&found, "a path of a migration")?;
    Ok((texts.into_iter().map(|(name, text)| (name, up(&text))).collect(), not_read))
}

/// All `*.sql` files of a directory and of the directories in it, in the order of their names.
fn files_of(directory: &Path, not_read: &mut Vec<String>) -> Result<Vec<PathBuf>> {
    let unreadable = |error: std::io::Error| {
        Failure::Usage(format!("cannot read the directory {}: {error}", directory.display()))
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if path.is_dir() {
            found.extend(files_of(&path, not_read)?);
        } else if name.ends_with(".down.sql") {
            not_read.push(format!("{}: it takes a migration back", shown(&path)));
        } else if name.ends_with(".sql") {
            found.push(path);
        } else {
            not_read.push(format!("{}: no file of SQL", shown(&path)));
        }
    }
    found.sort_by(|one, other| natural(&shown(one), &shown(other)));
    not_read.sort();
    Ok(found)
}

/// A migration without the parts that take it back, whose lines are empty, so that the others keep their numbers.
fn up(text: &str) -> String {
    let mut applied = String::new();
    let mut is_down = false;
    for line in text.split_inclusive('\n') {
        let lower = line.trim().to_lowercase();
        let begins = |marks: &[&str]| marks.iter().any(|mark| lower.starts_with(mark));
        is_down = begins(&DOWN) || (is_down && !begins(&UP));
        match (is_down, line.ends_with('\n')) {
            (false, _) => applied.push_str(line),
            (true, true) => applied.push('\n'),
            (true, false) => {}
        }
    }
    applied
}

/// Names in the order in which people count: `V2` before `V10`.
fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let (a, b) = (number(one), number(other));
        match (a, b) {
            (Some((a, rest_a)), Some((b, rest_b))) => {
                let order = (a.len(), a).cmp(&(b.len(), b));
                if order != Ordering::Equal {
                    return order;
                }
                (one, other) = (rest_a, rest_b);
            }
            _ => {
                let (mut a, mut b) = (one.chars(), other.chars());
                match (a.next(), b.next()) {
                    (Some(x), Some(y)) if x == y => (one, other) = (a.as_str(), b.as_str()),
                    (x, y) => return rank(x).cmp(&rank(y)),
                }
            }
        }
    }
}

/// The end of a name comes first, then `_`, so that `V2__a` comes before `V2_1__b`.
fn rank(c: Option<char>) -> (bool, bool, Option<char>) {
    (c.is_some(), c != Some('_') && c.is_some(), c)
}

/// The digits at the beginning without leading zeros, and the rest.
fn number(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| (text[..end].trim_start_matches('0'), &text[end..]))
}

/// A path as messages and logs show it: with slashes.
fn shown(path: &Path) -> String {
    path.display().to_string().replace('\\', "/").trim_start_matches("./").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_in_the_order_in_which_people_count() {
        let mut names = ["V10__a.sql", "V2__b.sql", "V2_1__c.sql", "0009.sql", "010.sql", "a", ""];
        names.sort_by(|one, other| natural(one, other));
        assert_eq!(
            names,
            ["", "0009.sql", "010.sql", "V2__b.sql", "V2_1__c.sql", "V10__a.sql", "a"]
        );
    }

    #[test]
    fn what_takes_a_migration_back_is_not_applied() {
        for (text, expected) in [
            ("-- +goose Up\nA;\n-- +goose Down\nB;", "-- +goose Up\nA;\n\n"),
            ("-- migrate:up\nA;\n  -- migrate:down transaction:false\nB;", "-- migrate:up\nA;\n\n"),
            ("-- migrate:down\nB;\n-- migrate:up\nA;", "\n\n-- migrate:up\nA;"),
            ("-- Rollback: none\nA;", "-- Rollback: none\nA;"),
            ("A; -- +goose Down\nB;", "A; -- +goose Down\nB;"),
            ("", ""),
        ] {
            assert_eq!(up(text), expected);
        }
    }
}
