//! The pages as files, for a bucket. A file is written beside its place and renamed, so a reader never sees half of it.

use std::path::Path;

use landbridge_core::calendar::Day;
use landbridge_ledger::read::incidents;

use crate::history::Mark;
use crate::lang::Lang;
use crate::links::{Links, To, file, folder};
use crate::pages::days::{Asked, GRID_DAYS, PART};
use crate::render::{self, How};
use crate::serve::{ICON, STYLE};
use crate::site::Site;

/// Ended incidents that have a page.
const MAX_ENDED: usize = 100;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Written {
    /// Pages, in all languages.
    pub pages: usize,
    /// Bytes of all files.
    pub bytes: u64,
}

/// Writes all pages below `root`: every table, and the receipts of the newest 14 days.
///
/// # Errors
/// An I/O error of a file, with its path; the sentence of a ledger error.
pub async fn write(site: &Site, root: &Path) -> Result<Written, String> {
    site.refresh(usize::MAX).await.map_err(|error| error.sentence())?;
    let mut written = Written::default();
    for (name, text) in [("console.css", STYLE), ("icon.svg", ICON)] {
        put(&root.join("assets").join(name), text, &mut written)?;
    }
    let history = site.history();
    let all = incidents::all(&site.ledger, MAX_ENDED).await.map_err(|error| error.sentence())?;
    let parts = history.by_urgency(GRID_DAYS, "").len().div_ceil(PART).max(1);
    let mut pages = vec![To::Today, To::Incidents, To::Restore, To::Cost];
    pages.extend((1..=parts).map(To::Days));
    pages.extend(history.tables().map(To::Table));
    pages.extend(all.iter().map(|it| To::Incident(it.number)));
    let days: Vec<Day> = history
        .days()
        .filter(|it| it.line.state != "nothing")
        .map(|it| it.line.day)
        .take(GRID_DAYS)
        .collect();
    for day in &days {
        pages.push(To::Day(*day));
        let Some(marks) = history.day(*day) else { continue };
        let has = |table: &&str| history.cell(marks, table).0 != Mark::None;
        pages.extend(history.tables().filter(has).map(|table| To::Receipt(*day, table)));
    }
    for lang in Lang::ALL {
        for to in &pages {
            one(site, root, lang, *to, &mut written).await?;
        }
    }
    Ok(written)
}

async fn one(
    site: &Site,
    root: &Path,
    lang: Lang,
    to: To<'_>,
    written: &mut Written,
) -> Result<(), String> {
    let name = file(to);
    let links = Links::Files(lang, name.matches('/').count());
    let part = if let To::Days(part) = to { part } else { 1 };
    let asked = Asked { part, name: String::new() };
    let how = How { lang, links, is_still: true, asked };
    let rendered = render::page(site, &how, to).await;
    written.pages += 1;
    put(&root.join(folder(lang)).join(name), &rendered.html, written)
}

fn put(path: &Path, text: &str, written: &mut Written) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    let parent = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(failed)?;
    let beside = path.with_extension("part");
    std::fs::write(&beside, text).map_err(failed)?;
    std::fs::rename(&beside, path).map_err(failed)?;
    written.bytes += text.len() as u64;
    Ok(())
}
