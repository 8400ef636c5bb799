//! Requests to do a day again (`landbridge redo`), and what they mean for the records of the day.
//!
//! A request is written once and never changed. Its number is part of the plan, the rows and the receipt
//! of every table that it names, so a comparison shows whether they are from before the request.
//! Nothing is deleted: a table keeps its rows until the rows of the request replace them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One request of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedoRequest {
    /// Its number within the day, from 1.
    pub number: u32,
    /// The source tables to transfer and load again; `None`: every table of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<BTreeSet<String>>,
    /// Whether the snapshot is exported again before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub export: bool,
    /// Whether findings of audits that block a table are accepted: its rows are published.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_audits: bool,
    /// Whether the rows are wanted in the history of the tables alone (`landbridge backfill`): a table that has
    /// newer rows keeps them, and the receipt of the day stays as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub backfill: bool,
    /// When it was requested.
    pub requested_at: Timestamp,
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RedoStage {
    /// The other export.
    Export,
    /// The plan of the request, or objects of it.
    Transfer,
    /// The load of its tables.
    Load,
    /// The record of its end: every table is loaded, or held.
    End,
}

impl RedoStage {
    /// Its name: that of the function, or `end`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Transfer => "transfer",
            Self::Load => "load",
            Self::End => "end",
        }
    }
}

/// What separates a table's transfer fingerprint from the number of the request that it answers.
const IN_FINGERPRINT: &str = "-redo";

/// A table's transfer fingerprint, with the number of the newest request for the table.
pub fn with_redo(fingerprint: String, number: u32) -> String {
    match number {
        0 => fingerprint,
        number => format!("{fingerprint}{IN_FINGERPRINT}{number}"),
    }
}

/// The number in a fingerprint of [`with_redo`]; 0 without any.
pub fn redo_of(fingerprint: &str) -> u32 {
    let number = fingerprint.rsplit_once(IN_FINGERPRINT).map(|(_, number)| number.parse());
    number.and_then(Result::ok).unwrap_or_default()
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedoDone {
    /// The tick that ended it.
    pub finished_at: Timestamp,
    /// Why it cannot be done. Such a request counts as if it had not been made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// The requests for one day. Empty for almost every day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redo {
    /// The newest request.
    newest: u32,
    /// The newest request for every table.
    all: u32,
    /// The newest request that names each of these source tables.
    tables: BTreeMap<String, u32>,
    /// The newest request for another export.
    export: u32,
    /// The requests that have not ended.
    open: BTreeSet<u32>,
    /// The requests that accept the findings of audits.
    accepting: BTreeSet<u32>,
    /// The requests that want rows in histories alone.
    backfills: BTreeSet<u32>,
}

impl Redo {
    /// What the requests of a day ask for, each with its end. A refused one asks for nothing.
    pub fn of(requests: impl IntoIterator<Item = (RedoRequest, Option<RedoDone>)>) -> Self {
        let mut redo = Self::default();
        for (request, done) in requests {
            if done.as_ref().is_some_and(|done| done.refused.is_some()) {
                continue;
            }
            let number = request.number;
            let newest = |other: &mut u32| *other = number.max(*other);
            newest(&mut redo.newest);
            if request.export {
                newest(&mut redo.export);
            }
            if request.accept_audits {
                redo.accepting.insert(number);
            }
            if request.backfill {
                redo.backfills.insert(number);
            }
            match request.tables {
                None => newest(&mut redo.all),
                Some(tables) => {
                    tables.into_iter().for_each(|it| newest(redo.tables.entry(it).or_default()));
                }
            }
            if done.is_none() {
                redo.open.insert(number);
            }
        }
        redo
    }

    /// Whether nothing was requested.
    pub fn is_empty(&self) -> bool {
        self.newest == 0
    }

    /// The number of the newest request; 0 without any.
    pub fn newest(&self) -> u32 {
        self.newest
    }

    /// The number of the newest request for another export; 0 without any.
    pub fn export(&self) -> u32 {
        self.export
    }

    /// The requests that have not ended.
    pub fn open(&self) -> &BTreeSet<u32> {
        &self.open
    }

    /// The number of the newest request for this source table; 0 without any.
    pub fn of_table(&self, source_table: &str) -> u32 {
        self.tables.get(source_table).copied().unwrap_or_default().max(self.all)
    }

    /// Whether the request with this number accepts the findings of audits.
    pub fn accepts_audits(&self, number: u32) -> bool {
        self.accepting.contains(&number)
    }

    /// Whether the request with this number wants rows in histories alone.
    pub fn is_backfill(&self, number: u32) -> bool {
        self.backfills.contains(&number)
    }

    /// Whether the receipt of a source table that answers the request `redo` is not from before a newer
    /// request for the table.
    pub fn is_current(&self, source_table: &str, redo: u32) -> bool {
        redo >= self.of_table(source_table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: u32, tables: Option<&[&str]>, export: bool) -> RedoRequest {
        RedoRequest {
            number,
            tables: tables.map(|it| it.iter().map(|name| (*name).to_owned()).collect()),
            export,
            accept_audits: number == 3,
            backfill: number == 2,
            requested_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn done(refused: bool) -> Option<RedoDone> {
        let refused = refused.then(|| "the snapshot is gone".to_owned());
        Some(RedoDone { finished_at: Timestamp::UNIX_EPOCH, refused })
    }

    #[test]
    fn the_newest_request_for_a_table_counts() {
        let none = Redo::of([]);
        assert!(none.is_empty());
        assert_eq!((none.of_table("public.a"), none.export(), none.newest()), (0, 0, 0));

        let redo = Redo::of([
            (request(3, Some(&["public.a"]), false), None),
            (request(1, Some(&["public.a", "public.b"]), true), done(false)),
            (request(2, None, false), None),
            // Nothing of it was done.
            (request(4, None, true), done(true)),
        ]);
        let of = ["public.a", "public.b", "public.c"].map(|table| redo.of_table(table));
        assert_eq!(of, [3, 2, 2]);
        assert_eq!(
            [1, 2, 3, 4].map(|number| redo.is_backfill(number)),
            [false, true, false, false]
        );
        assert_eq!((redo.newest(), redo.export()), (3, 1));
        assert_eq!(redo.open().iter().copied().collect::<Vec<_>>(), [2, 3]);
        assert!(!redo.is_empty());
        assert_eq!([0, 2, 3].map(|number| redo.accepts_audits(number)), [false, false, true]);
        assert_eq!(
            [1, 2, 3].map(|number| redo.is_current("public.b", number)),
            [false, true, true]
        );
    }

    #[test]
    fn a_fingerprint_contains_the_number_of_the_request() {
        for (text, number) in [("f00d", 0), ("f00d-plain", 0), ("", 3), ("f00d-plain-hold", 12)] {
            let fingerprint = with_redo(text.to_owned(), number);
            assert_eq!(redo_of(&fingerprint), number, "{fingerprint}");
            assert_eq!(fingerprint == text, number == 0);
        }
        assert_eq!(with_redo("f00d".to_owned(), 2), "f00d-redo2");
    }

    #[test]
    fn a_refused_request_alone_asks_for_nothing() {
        assert_eq!(Redo::of([(request(1, None, true), done(true))]), Redo::default());
    }
}
