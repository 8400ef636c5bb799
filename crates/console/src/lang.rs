//! English and Korean. Each language is one file of lines `key = text`; `{name}` in a text is replaced.

use std::collections::HashMap;
use std::sync::OnceLock;

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

type Texts = HashMap<&'static str, &'static str>;

static EN: OnceLock<Texts> = OnceLock::new();
static KO: OnceLock<Texts> = OnceLock::new();

impl Lang {
    /// Both.
    pub const ALL: [Self; 2] = [Self::En, Self::Ko];

    /// The language tag, as in `lang=""` and `?lang=`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ko => "ko",
        }
    }

    /// The language's own name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Ko => "한국어",
        }
    }

    /// The language with this tag.
    pub fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.tag() == tag)
    }

    /// The first language of an `Accept-Language` header that there is, by its weights (RFC 9110, section 12.5.4).
    pub fn accepted(header: &str) -> Self {
        let mut best = (0.0, Self::En);
        for part in header.split(',') {
            let (tag, weight) = part.split_once(";q=").unwrap_or((part, "1"));
            let weight: f32 = weight.trim().parse().unwrap_or(0.0);
            let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            if let Some(lang) = Self::parse(&primary)
                && weight > best.0
            {
                best = (weight, lang);
            }
        }
        best.1
    }

    fn file(self) -> &'static str {
        match self {
            Self::En => include_str!("../text/en.txt"),
            Self::Ko => include_str!("../text/ko.txt"),
        }
    }

    fn texts(self) -> &'static Texts {
        let texts = match self {
            Self::En => &EN,
            Self::Ko => &KO,
        };
        texts.get_or_init(|| lines(self.file()).collect())
    }

    /// The text of a key. An unknown key is its own text; a test finds them.
    pub fn text(self, key: &'static str) -> &'static str {
        self.texts().get(key).copied().unwrap_or(key)
    }

    /// The same of a key that is only known at run time, such as the name of a state.
    pub fn word(self, key: &str) -> String {
        self.texts().get(key).map_or_else(|| key.to_owned(), |text| (*text).to_owned())
    }

    /// The text of a key with its places filled.
    pub fn fill(self, key: &'static str, values: &[(&str, &str)]) -> String {
        let mut text = self.text(key).to_owned();
        for (name, value) in values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }
}

fn lines(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(" = "))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    use super::*;

    /// The names in braces of a text.
    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|it| it.0).collect()
    }

    #[test]
    fn both_languages_have_all_texts_with_the_same_places() {
        let [en, ko] = Lang::ALL.map(|lang| lines(lang.file()).collect::<BTreeMap<_, _>>());
        let keys =
            |of: &BTreeMap<&'static str, &'static str>| of.keys().copied().collect::<BTreeSet<_>>();
        assert_eq!(keys(&en), keys(&ko));
        for (key, text) in &en {
            assert_eq!(places(text), places(ko[key]), "{key}");
            assert!(!text.trim().is_empty() && !ko[key].trim().is_empty(), "{key}");
        }
        for lang in Lang::ALL {
            let all = lang.file().lines().filter(|it| !it.is_empty() && !it.starts_with('#'));
            assert_eq!(
                all.count(),
                en.len(),
                "{}: a key twice, or a line without a text",
                lang.tag()
            );
        }
    }

    /// `t("…")`, `fill("…"` and `word("…` in the sources name keys that exist, and every key is named.
    #[test]
    fn every_text_is_used_and_every_used_text_exists() {
        let mut sources = String::new();
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => sources += &std::fs::read_to_string(path).expect("a source"),
                }
            }
        }
        let en = Lang::En.texts();
        for marker in [".t(\"", ".text(\"", ".fill(\"", ".word(\""] {
            for part in sources.split(marker).skip(1) {
                let key = part.split('"').next().unwrap_or_default();
                let is_key = key.contains('.')
                    && key.chars().all(|c| c.is_ascii_lowercase() || "._".contains(c));
                assert!(!is_key || en.contains_key(key), "{key} has no text");
            }
        }
        // Keys whose last part is only known at run time.
        let by_name =
            ["state.", "day.", "mark.", "check.", "outcome.", "proof.", "eyes.", "incident.state."];
        for key in en.keys() {
            let is_named = sources.contains(&format!("\"{key}\""));
            assert!(is_named || by_name.iter().any(|it| key.starts_with(it)), "{key} is not used");
        }
    }

    #[test]
    fn the_language_follows_the_weights_of_the_browser() {
        for (header, lang) in [
            ("", Lang::En),
            ("ko-KR,ko;q=0.9,en-US;q=0.8", Lang::Ko),
            ("en-GB,en;q=0.9,ko;q=0.8", Lang::En),
            ("de,ko;q=0.5,en;q=0.7", Lang::En),
            ("*", Lang::En),
            ("ko;q=x,,;", Lang::En),
        ] {
            assert_eq!(Lang::accepted(header), lang, "{header}");
        }
    }
}
