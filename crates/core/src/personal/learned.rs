//! A linear model of names, beside the rules: it adds up what each clue of a column weighs. It was trained on the labelled
//! set and on columns of other public schemas (`make train-personal`), and sees no value.
//!
//! It may do two things alone. Where the rules are unsure, it proposes a kind, if the column is more likely personal than
//! not. Where the rules say `Harmless`, but not with high confidence, it takes the verdict back, if the clues are not far from
//! that and nothing else speaks for the rules ([`FOR_THE_RULES`]). It never makes a column `Harmless`: at each threshold that was
//! tried, columns that it opened were personal.
//!
//! Weights and thresholds are hundredths of the logarithm of the odds, so sums are whole numbers, the same on every machine.

use std::{cmp::Reverse, collections::HashMap, sync::LazyLock};

use super::{
    Confidence::{High, Low, Medium},
    Finding, Kind, Verdict,
    names::Names,
};

/// The weights: a clue of [`Names::clues`], its weight, and for some the kind that it speaks for.
const WEIGHTS: &str = include_str!("weights.txt");

/// From this score on, a column of which the rules are unsure is proposed as personal: a little below even odds. At even odds (11),
/// two in five of these were personal in parts that the model had not seen.
const PERSONAL: i32 = -30;

/// From this score on, such a proposal has medium confidence.
const USUAL: i32 = 150;

/// From this score on, a column that the rules call harmless is unclassified. A personal column that everyone may read is the worst
/// mistake, so the threshold is as low as it can be with less than 15 % unclassified columns in parts `j` to `l`: at -140 instead of
/// -50, about two in a hundred columns more are unclassified.
const DOUBTFUL: i32 = -140;

/// Clues of columns that the rules call harmless and nearly always rightly: a number or a mark, a table about places, machines
/// or a list of things, the name of a thing. Of such columns the model doubts none.
const FOR_THE_RULES: [&str; 6] =
    ["r:catalogue", "r:machines", "r:places", "s:bool", "s:integer", "x:name"];

/// Clues of tables with a column about a person: in others the model doubts no harmless column.
const OF_A_PERSON: [&str; 2] = ["r:rows_about_person", "r:rows_of_person"];

/// How many words a reason names.
const NAMED: usize = 3;

/// What a clue says.
struct Weight {
    weight: i32,
    kind: Option<Kind>,
}

static TABLE: LazyLock<HashMap<&str, Weight>> = LazyLock::new(|| {
    let lines = WEIGHTS.lines().filter(|line| !line.starts_with('#'));
    let weights = lines.filter_map(|line| {
        let mut fields = line.split(' ');
        let (clue, weight) = (fields.next()?, fields.next()?.parse().ok()?);
        let kind = fields.next();
        let kind = kind.and_then(|name| Kind::ALL.into_iter().find(|it| format!("{it:?}") == name));
        Some((clue, Weight { weight, kind }))
    });
    weights.collect()
});

/// What the model makes of a verdict of the rules; `None` if it has nothing against it.
pub(super) fn reconsider(names: &Names, by_rules: &Verdict) -> Option<Verdict> {
    let doubted = by_rules.finding == Finding::Harmless
        && by_rules.confidence < High
        && !names.is_surrogate_key();
    if by_rules.finding != Finding::Unsure && !doubted {
        return None;
    }
    let clues = names.clues();
    let score = score(&clues);
    let has = |some: &[&str]| clues.iter().any(|clue| some.contains(&clue.as_str()));
    if doubted {
        if has(&FOR_THE_RULES) || !has(&OF_A_PERSON) {
            return None;
        }
        let reason = format!("{}, although {}", reason(&clues), by_rules.reason);
        return (score >= DOUBTFUL).then(|| Verdict::new(Finding::Unsure, Low, reason));
    }
    let confidence = if score >= USUAL { Medium } else { Low };
    let personal = || Finding::Personal(kind(names, &clues));
    (score >= PERSONAL).then(|| Verdict::new(personal(), confidence, reason(&clues)))
}

/// The sum of the weights of the clues, in hundredths.
pub(super) fn score(clues: &[String]) -> i32 {
    let known = clues.iter().filter_map(|clue| TABLE.get(clue.as_str()));
    base() + known.map(|it| it.weight).sum::<i32>()
}

/// What a column weighs of which nothing is known.
fn base() -> i32 {
    TABLE.get("base").map_or(0, |it| it.weight)
}

/// The kind that the clues for a personal column speak for, weighed.
fn kind(names: &Names, clues: &[String]) -> Kind {
    let mut sums: HashMap<Kind, i32> = HashMap::new();
    for weight in clues.iter().filter_map(|clue| TABLE.get(clue.as_str())) {
        if let Some(kind) = weight.kind.filter(|_| weight.weight > 0) {
            *sums.entry(kind).or_default() += weight.weight;
        }
    }
    let best = sums.into_iter().max_by_key(|(kind, sum)| (*sum, Reverse(*kind)));
    let written = clues.iter().any(|clue| clue == "x:text");
    let described = match names.context().medical {
        true => Kind::Health,
        false if written => Kind::FreeText,
        false => Kind::Sensitive,
    };
    best.map_or(described, |(kind, _)| kind)
}

/// The words that weigh most for a personal column: of the column, else of the table.
fn reason(clues: &[String]) -> String {
    let heaviest = |groups: [&str; 2]| {
        let mut words: Vec<(i32, &str)> = Vec::new();
        for clue in clues {
            let (group, word) = clue.split_once(':').unwrap_or_default();
            let weight = TABLE.get(clue.as_str()).map_or(0, |it| it.weight);
            if groups.contains(&group) && weight > 0 {
                match words.iter_mut().find(|known| known.1 == word) {
                    Some(known) => known.0 += weight,
                    None => words.push((weight, word)),
                }
            }
        }
        words.sort_by_key(|(weight, word)| (Reverse(*weight), *word));
        let words = words.iter().take(NAMED).map(|(_, word)| format!("`{word}`"));
        words.collect::<Vec<_>>().join(", ")
    };
    let (of_column, of_table) = (heaviest(["w", "e"]), heaviest(["t", "t"]));
    match (of_column.is_empty(), of_table.is_empty()) {
        (false, _) => format!("columns with {of_column} in the name are often personal"),
        (true, false) => {
            format!("columns of tables with {of_table} in the name are often personal")
        }
        (true, true) => "columns of this type, in such tables, are often personal".to_owned(),
    }
}
