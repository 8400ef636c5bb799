//! The learned model: the columns that it is trained on, and what it says of a recorded sample.

use super::{
    super::{Kind, Verdict, judge_by_rules, learned, names::Names},
    *,
};

/// Columns of public schemas that the model is trained on besides those of the labelled set: table, column, source type,
/// label, repository. They have no values.
const NAMED: &str = include_str!("named.tsv");

/// What the model says of every tenth column, as `scripts/train_personal.py` computed it: table, column, source type, what is
/// known of the rows, score.
const SAMPLE: &str = include_str!("learned.tsv");

/// A line of the training set: part, table, column, source type, label, verdict of the rules, its confidence, whether it is a
/// key, clues.
fn line(column: &Labelled, subject: Subject<'_>, evidence: Option<&Evidence>) -> String {
    let names = Names::of(subject);
    let verdict = judge_by_rules(&names, evidence);
    let key = names.is_surrogate_key();
    let Labelled { part, table, column, source_type, label, .. } = column;
    let (finding, confidence) = (verdict.finding, verdict.confidence.name());
    let clues = names.clues().join(" ");
    format!(
        "{part}\t{table}\t{column}\t{source_type}\t{label}\t{finding:?}\t{confidence}\t{key}\t{clues}\n"
    )
}

/// The columns of [`NAMED`]; the part is the repository.
fn named() -> Vec<Labelled> {
    let lines = NAMED.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [table, column, source_type, label, part] = fields[..] else {
                panic!("not five fields: {line:?}")
            };
            Labelled { part, table, column, source_type, label, generator: "" }
        })
        .collect()
}

/// With `PERSONAL_TRAINING_SET=path`, writes what `scripts/train_personal.py` reads. Without it, only the columns without values
/// are read.
#[test]
fn the_training_set_can_be_written() {
    let named = named();
    assert!(named.len() > 2_000);
    let mut tables: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for column in &named {
        tables.entry((column.part, column.table)).or_default().push((column.subject(), None));
    }
    let rows: BTreeMap<_, Rows> =
        tables.into_iter().map(|(table, columns)| (table, rows(&columns))).collect();
    let mut text = String::new();
    for column in &named {
        let subject = Subject { rows: rows[&(column.part, column.table)], ..column.subject() };
        text.push_str(&line(column, subject, None));
    }
    assert!(text.lines().all(|line| line.split('\t').count() == 9), "a name has a tab");
    let Ok(path) = std::env::var("PERSONAL_TRAINING_SET") else { return };
    let sampled = Sampled::new(true);
    for (column, evidence) in &sampled.columns {
        text.push_str(&line(column, sampled.subject(column), Some(evidence)));
    }
    std::fs::write(path, text).expect("the file can be written");
}

/// Python and Rust add up the same numbers.
#[test]
fn the_model_says_what_the_training_recorded() {
    let mut seen = 0;
    for line in SAMPLE.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [table, column, source_type, known, score] = fields[..] else {
            panic!("not five fields: {line:?}")
        };
        let rows = match known {
            "impersonal" => Rows::Impersonal,
            "of_person" => Rows::OfPerson,
            "about_person" => Rows::AboutPerson,
            _ => Rows::Unknown,
        };
        let bigquery_type = bigquery_type(source_type);
        let subject = Subject { table, column, source_type, bigquery_type, rows };
        let found = learned::score(&Names::of(subject).clues());
        assert_eq!(found.to_string(), score, "{table}.{column}");
        seen += 1;
    }
    assert!(seen > 500, "{seen}");
}

fn verdict(table: &str, column: &str, source_type: &str, rows: Rows) -> Verdict {
    let bigquery_type = bigquery_type(source_type);
    judge(Subject { table, column, source_type, bigquery_type, rows }, None)
}

/// A harmless verdict that is wrong can be read by everyone, so the rules alone give it.
#[test]
fn the_model_makes_no_column_harmless() {
    let (mut proposed, mut doubted) = (0, 0);
    for column in named().iter().step_by(3) {
        for rows in [Rows::OfPerson, Rows::AboutPerson] {
            let subject = Subject { rows, ..column.subject() };
            let by_rules = judge_by_rules(&Names::of(subject), None);
            let verdict = judge(subject, None);
            match (by_rules.finding, verdict.finding) {
                (Finding::Unsure, Finding::Personal(_)) => proposed += 1,
                (Finding::Harmless, Finding::Unsure) => doubted += 1,
                (before, after) => assert_eq!(before, after, "{}", column.column),
            }
        }
    }
    println!("{proposed} proposed, {doubted} doubted");
    assert!(proposed > 20 && doubted > 10, "{proposed}, {doubted}");
}

#[test]
fn a_proposal_names_the_words_that_weigh_most() {
    let unsure = verdict("activities", "repository_token_bidx", "varchar", Rows::OfPerson);
    assert_eq!(unsure.finding, Finding::Personal(Kind::Secret), "{}", unsure.reason);
    assert!(unsure.reason.contains("`token`"), "{}", unsure.reason);
    let doubted = verdict("tbl_member", "member_kakao_profile_url", "varchar", Rows::OfPerson);
    assert_eq!(doubted.finding, Finding::Unsure, "{}", doubted.reason);
    assert!(doubted.reason.contains("`profile`"), "{}", doubted.reason);
    assert!(doubted.reason.contains("although"), "{}", doubted.reason);
}

/// What the rules know better: a number, a mark, a place, a list of things, the name of a thing, a table without a person. Each
/// has a score from which on the model doubts other columns.
#[test]
fn the_model_doubts_no_column_that_the_rules_know_better() {
    for (table, column, source_type, rows) in [
        ("listings_mls", "public_remarks", "text", Rows::OfPerson),
        ("obs", "creator", "int", Rows::AboutPerson),
        ("patients", "birthdate_estimated", "boolean", Rows::AboutPerson),
        ("players", "guild_name", "varchar", Rows::OfPerson),
        ("warehouse_bins", "bin_address", "varchar", Rows::AboutPerson),
        ("note", "note_datetime", "datetime", Rows::Unknown),
    ] {
        let found = verdict(table, column, source_type, rows);
        assert_eq!(found.finding, Finding::Harmless, "{table}.{column}: {}", found.reason);
    }
}
