//! What the learned model sees of a column: words of its names, what the vocabulary knows of them, its type, its table.

use super::{
    super::{
        Rows,
        vocabulary::{
            ABOUT_PEOPLE, BUSINESS_DATES, CATALOGUES, GOODS, HARMLESS_HEADS, INTIMATE, MACHINES,
            MEDICAL, NAME_WORDS, NEUTRAL_TAILS, PAY, PEOPLE, PLACES, RECORDS, REMEDIES, SETTINGS,
            TEXT_HEADS, THINGS, VALUATIONS, VALUE_TAILS, WRITTEN, Words,
        },
        words::hangul_pieces,
    },
    Names, Shape, ends_as_key, find, has, is_known,
};

/// The lists of the vocabulary, each with the name that its clues have.
const LISTS: [(&str, &Words); 21] = [
    ("people", &PEOPLE),
    ("things", &THINGS),
    ("name", &NAME_WORDS),
    ("harmless", &HARMLESS_HEADS),
    ("text", &TEXT_HEADS),
    ("value", &VALUE_TAILS),
    ("neutral", &NEUTRAL_TAILS),
    ("business_date", &BUSINESS_DATES),
    ("medical", &MEDICAL),
    ("intimate", &INTIMATE),
    ("valuation", &VALUATIONS),
    ("remedy", &REMEDIES),
    ("pay", &PAY),
    ("record", &RECORDS),
    ("place", &PLACES),
    ("machine", &MACHINES),
    ("goods", &GOODS),
    ("catalogue", &CATALOGUES),
    ("setting", &SETTINGS),
    ("written", &WRITTEN),
    ("about_people", &ABOUT_PEOPLE),
];

impl Names {
    /// The clues of a column, sorted, each once. A clue is a group, a colon and what was found:
    ///
    /// | group | contents |
    /// |---|---|
    /// | `w` | a word of the column, of a compound in Hangul its pieces too |
    /// | `e` | its last word |
    /// | `b` | two words side by side |
    /// | `t` | a word of the table |
    /// | `v`, `x`, `y` | a list of the vocabulary that has a word of the column, its last word, a word of the table |
    /// | `p` | the kind that a phrase of the name indicates |
    /// | `s` | the type, alone and with what is known of table and last word |
    /// | `r` | what is known of the table |
    pub(in crate::personal) fn clues(&self) -> Vec<String> {
        let mut clues = self.of_words();
        clues.extend(self.of_lists());
        clues.extend(self.of_table());
        clues.sort();
        clues.dedup();
        clues
    }

    fn of_words(&self) -> Vec<String> {
        let mut clues: Vec<String> = self.pieces().map(|piece| format!("w:{piece}")).collect();
        clues.push(format!("e:{}", self.last()));
        for pair in self.column.windows(2) {
            clues.push(format!("b:{}_{}", pair[0], pair[1]));
        }
        clues.extend(self.table.words().map(|word| format!("t:{word}")));
        clues
    }

    fn of_lists(&self) -> Vec<String> {
        let mut clues = Vec::new();
        for (name, list) in LISTS {
            if self.pieces().any(|piece| has(list, piece)) {
                clues.push(format!("v:{name}"));
            }
            let last = self.last();
            if has(list, last) || hangul_pieces(last).last().is_some_and(|piece| has(list, piece)) {
                clues.push(format!("x:{name}"));
            }
            if self.table.has(list) {
                clues.push(format!("y:{name}"));
            }
        }
        if let Some(hit) = find(&self.column) {
            let kind = hit.kind.map_or("none".to_owned(), |kind| format!("{kind:?}"));
            clues.push(format!("p:{kind}"));
            clues.push(format!("p:{kind}_{}", hit.confidence.name()));
            if hit.rest == 0 {
                clues.push(format!("p:{kind}_last"));
            }
        }
        let unknown = self.column.iter().filter(|word| !is_known(word)).count();
        clues.push(format!("p:unknown_{}", unknown.min(2)));
        clues.push(format!("p:words_{}", self.column.len().min(4)));
        clues
    }

    fn of_table(&self) -> Vec<String> {
        let shape = match self.shape {
            Shape::Text => "text",
            Shape::Integer => "integer",
            Shape::Decimal => "decimal",
            Shape::Bool => "bool",
            Shape::Date | Shape::Instant => "date",
            Shape::Uuid => "uuid",
            Shape::Network => "network",
            Shape::Place => "place",
            Shape::Json => "json",
            Shape::Bytes => "bytes",
            Shape::Other => "other",
        };
        let rows = match self.rows {
            Rows::Unknown => "unknown",
            Rows::Impersonal => "impersonal",
            Rows::OfPerson => "of_person",
            Rows::AboutPerson => "about_person",
        };
        let mut facts = vec![format!("rows_{rows}")];
        let all = [
            ("people", self.table.of_people() == Some(true)),
            ("things", self.table.of_people() == Some(false)),
            ("about_people", self.is_about_people()),
            ("medical", self.is_medical()),
            ("protected", self.is_protected()),
            ("catalogue", self.table.is_catalogue()),
            ("places", self.table.is_of_places()),
            ("machines", self.table.is_of_machines()),
            ("written", self.table.is_written()),
        ];
        facts.extend(all.iter().filter(|fact| fact.1).map(|fact| fact.0.to_owned()));
        let mut clues = vec![format!("s:{shape}"), format!("s:{shape}_{}", self.last())];
        if ends_as_key(&self.column) {
            clues.push(format!("s:key_{shape}"));
        }
        for fact in facts {
            clues.push(format!("s:{shape}_{fact}"));
            clues.push(format!("r:{fact}"));
        }
        clues
    }
}
