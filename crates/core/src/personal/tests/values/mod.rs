//! Invented column values for the labelled set of database columns.
//!
//! [`generate`] returns the sample of one column. The text of each value is what PostgreSQL
//! prints for it (`t`/`f` for a boolean, `{a,b}` for an array, `\x…` for bytes). A value belongs
//! to no real person: addresses end in a reserved domain, telephone numbers come from reserved
//! ranges where a country has one, and the rest is random.
//!
//! A generator is a name, then parameters after `:`, then modifiers after `+`:
//!
//! | modifier | effect |
//! |---|---|
//! | none | the seed chooses a NULL share of 0, 5 or 20 % |
//! | `+full` | no NULL |
//! | `+sparse` | 60 % NULL |
//! | `+empty` | no NULL, 35 % empty strings, as a MySQL column `NOT NULL DEFAULT ''` has |
//!
//! Parametrised generators: `oneof:a,b,c` (`oneof:{a,b}|{c}` where a choice holds a comma),
//! `int:low:high`, `dec:low:high:decimals`, `digits:n`.

mod business;
#[cfg(test)]
mod checks;
mod choices;
mod digital;
mod numbers;
mod people;
mod texts;
mod words;

/// The sample of one column: `count` values of `generator`, `None` for NULL.
///
/// The same three arguments give the same values in every run.
///
/// # Panics
/// On a generator or a modifier that does not exist.
pub(super) fn generate(generator: &str, seed: u64, count: usize) -> Vec<Option<String>> {
    let (name, modifier) = match generator.rsplit_once('+') {
        Some((name, modifier)) => (name, Some(modifier)),
        None => (generator, None),
    };
    let mut rng = Rng::new(seed ^ fingerprint(generator));
    let (null_share, empty_share) = match modifier {
        None if name == "seq" => (0, 0),
        None => (*rng.pick(&[0, 0, 5, 20]), 0),
        Some("full") => (0, 0),
        Some("sparse") => (60, 0),
        Some("empty") => (0, 35),
        Some(other) => panic!("the generator {generator:?} has the unknown modifier {other:?}"),
    };
    (0..count)
        .map(|row| {
            if rng.chance(null_share) {
                None
            } else if rng.chance(empty_share) {
                Some(String::new())
            } else {
                Some(value(name, &mut rng, row))
            }
        })
        .collect()
}

/// One value. Each module answers `None` for a generator that another module owns.
fn value(name: &str, rng: &mut Rng, row: usize) -> String {
    parametrised(name, rng)
        .or_else(|| choices::value(name, rng))
        .or_else(|| people::value(name, rng))
        .or_else(|| people::place(name, rng))
        .or_else(|| numbers::value(name, rng))
        .or_else(|| digital::identifier(name, rng))
        .or_else(|| digital::secret(name, rng))
        .or_else(|| digital::system(name, rng))
        .or_else(|| digital::software(name, rng))
        .or_else(|| business::value(name, rng, row))
        .or_else(|| business::named(name, rng))
        .or_else(|| business::moment(name, rng))
        .or_else(|| texts::health(name, rng))
        .or_else(|| texts::value(name, rng))
        .unwrap_or_else(|| panic!("no generator is called {name:?}"))
}

/// Generators that take parameters: `oneof:a,b,c`, `int:low:high`, `dec:low:high:decimals`,
/// `digits:n`.
fn parametrised(name: &str, rng: &mut Rng) -> Option<String> {
    let (kind, rest) = name.split_once(':')?;
    let number = |text: &str| -> i64 {
        text.parse().unwrap_or_else(|_| panic!("{text:?} in the generator {name:?} is no number"))
    };
    let parts: Vec<&str> = rest.split(':').collect();
    match (kind, parts.as_slice()) {
        ("oneof", _) => {
            let separator = if rest.contains('|') { '|' } else { ',' };
            let choices: Vec<&str> = rest.split(separator).collect();
            Some((*rng.pick(&choices)).to_owned())
        }
        ("int", [low, high]) => Some(rng.between(number(low), number(high)).to_string()),
        ("dec", [low, high, decimals]) => {
            let decimals = usize::try_from(number(decimals)).unwrap_or(0);
            Some(rng.decimal(number(low), number(high), decimals))
        }
        ("digits", [length]) => Some(rng.digits(usize::try_from(number(length)).unwrap_or(0))),
        _ => None,
    }
}

/// FNV-1a of the generator's text, so that two columns with one seed have different values.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A splitmix64 generator: small, and the same on every platform.
struct Rng {
    state: u64,
}

impl Rng {
    fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not zero.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A number from `low` to `high`, both included.
    fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low).expect("low is not above high") + 1;
        low + i64::try_from(self.below(span)).expect("a span fits i64")
    }

    /// True in `percent` of the calls.
    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let count = u64::try_from(choices.len()).expect("a length fits u64");
        &choices[usize::try_from(self.below(count)).expect("an index fits usize")]
    }

    /// `length` decimal digits; the first may be zero.
    fn digits(&mut self, length: usize) -> String {
        self.letters("0123456789", length)
    }

    /// `length` lowercase hexadecimal digits.
    fn hex(&mut self, length: usize) -> String {
        self.letters("0123456789abcdef", length)
    }

    /// `length` characters, each from `alphabet`.
    fn letters(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| *self.pick(&alphabet)).collect()
    }

    /// A number from `low` to just above `high`, with `decimals` digits after the point.
    fn decimal(&mut self, low: i64, high: i64, decimals: usize) -> String {
        let whole = self.between(low, high);
        if decimals == 0 { whole.to_string() } else { format!("{whole}.{}", self.digits(decimals)) }
    }
}

/// The alphabet of tokens and keys.
const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
