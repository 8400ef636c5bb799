//! Addresses of pages: of a server, and of files in a folder.

use landbridge_core::calendar::Day;

use crate::lang::Lang;
use crate::names::slug;

/// A page, or a file that pages use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To<'a> {
    /// Today.
    Today,
    /// The grid of tables and days; its part, from 1.
    Days(usize),
    /// One day: its crossing and all its tables.
    Day(Day),
    /// A table, by its name in the source.
    Table(&'a str),
    /// Who sees and who reads a table now.
    Access(&'a str),
    /// A receipt.
    Receipt(Day, &'a str),
    /// All incidents.
    Incidents,
    /// One incident.
    Incident(u32),
    /// Restore points.
    Restore,
    /// The cost of the month.
    Cost,
    /// A query of the local cloud.
    Query,
    /// A file beside the pages.
    Asset(&'static str),
}

/// How pages name each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// Paths of a server; with the language if it was chosen by the address.
    Served(Option<Lang>),
    /// Relative paths of files, from a page of this language that is so many folders deep.
    Files(Lang, usize),
}

impl Links {
    /// The address of a page.
    pub fn href(self, to: To<'_>) -> String {
        match self {
            Self::Served(lang) => {
                let path = format!("/{}", path(to, ""));
                match (lang, to) {
                    (Some(lang), to) if !matches!(to, To::Asset(_)) => {
                        let joint = if path.contains('?') { '&' } else { '?' };
                        format!("{path}{joint}lang={}", lang.tag())
                    }
                    _ => path,
                }
            }
            Self::Files(lang, depth) => {
                let up = "../".repeat(depth);
                match to {
                    // Once for all languages.
                    To::Asset(name) if lang == Lang::En => format!("{up}assets/{name}"),
                    To::Asset(name) => format!("{up}../assets/{name}"),
                    to => format!("{up}{}", file(to)),
                }
            }
        }
    }

    /// The same page in another language.
    pub fn in_language(self, to: To<'_>, other: Lang) -> String {
        match self {
            Self::Served(_) => Self::Served(Some(other)).href(to),
            Self::Files(lang, depth) => {
                let up = "../".repeat(depth + usize::from(lang != Lang::En));
                format!("{up}{}{}", folder(other), file(to))
            }
        }
    }

    /// Whether these are files: no page can be asked for anything then.
    pub fn are_files(self) -> bool {
        matches!(self, Self::Files(..))
    }
}

/// The folder of a language's files, with a slash unless it is the first one.
pub fn folder(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "",
        Lang::Ko => "ko/",
    }
}

/// The file of a page, below the folder of its language.
pub fn file(to: To<'_>) -> String {
    match to {
        To::Today => "index.html".to_owned(),
        To::Days(1) => "days.html".to_owned(),
        To::Days(part) => format!("days-{part}.html"),
        to => path(to, ".html"),
    }
}

fn path(to: To<'_>, end: &str) -> String {
    match to {
        To::Today => String::new(),
        To::Days(0 | 1) => "days".to_owned(),
        To::Days(part) => format!("days?part={part}"),
        To::Day(day) => format!("days/{day}{end}"),
        To::Table(table) => format!("tables/{}{end}", slug(table)),
        To::Access(table) => format!("tables/{}/access{end}", slug(table)),
        To::Receipt(day, table) => format!("receipts/{day}/{}{end}", slug(table)),
        To::Incidents => format!("incidents{end}"),
        To::Incident(number) => format!("incidents/{number}{end}"),
        To::Restore => format!("restore{end}"),
        To::Cost => format!("cost{end}"),
        To::Query => format!("query{end}"),
        To::Asset(name) => format!("assets/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn served_pages_keep_a_chosen_language_and_files_are_relative() {
        let day: Day = "2026-11-21".parse().expect("a day");
        let chosen = Links::Served(Some(Lang::Ko));
        assert_eq!(Links::Served(None).href(To::Today), "/");
        assert_eq!(chosen.href(To::Days(2)), "/days?part=2&lang=ko");
        assert_eq!(chosen.href(To::Asset("console.css")), "/assets/console.css");
        let deep = Links::Files(Lang::Ko, 2);
        assert_eq!(deep.href(To::Table("a<b")), "../../tables/a~3cb.html");
        assert_eq!(deep.href(To::Asset("console.css")), "../../../assets/console.css");
        let receipt = To::Receipt(day, "public.a");
        assert_eq!(
            deep.in_language(receipt, Lang::En),
            "../../../receipts/2026-11-21/public.a.html"
        );
        let english = Links::Files(Lang::En, 2);
        assert_eq!(
            english.in_language(receipt, Lang::Ko),
            "../../ko/receipts/2026-11-21/public.a.html"
        );
    }
}
