//! Rewriting: only the columns that something happens to are decoded, all others are copied
//! as bytes.
//!
//! | module | what |
//! |---|---|
//! | here | [`Rewriter`]: a plan and its key, applied to sources |
//! | [`stream`] | the same from ranged reads into a stream of bytes, with no file between |
//! | `engine` | one output file: pieces copied, columns converted, a new footer |
//! | `whole` | a file to which nothing happens |
//! | `schema` | which column of the output comes from where |
//! | `column`, `convert`, `text` | one column: text read, converted, counted where it does not fit |
//! | `write` | a chunk of the output: values, levels, pages, statistics |
//! | `pages`, `values`, `hybrid`, `thrift` | pages of the source, read so that forged ones cost nothing |
//! | `indexes` | page indexes and bloom filters of copied columns |
//! | `cut` | which row groups go into which output |
//! | `token`, `key` | the format of tokens, and of the key they are made with |
//! | `report` | what happened |
//! | `source`, `trouble` | positioned reads; what goes wrong |
//!
//! What is absent: no page of a copied column is ever looked into; no value of a cell is in an
//! error; no buffer grows with a row group or a file.

mod column;
mod convert;
mod cut;
mod engine;
mod error;
mod hybrid;
mod indexes;
mod key;
mod pages;
mod report;
mod schema;
mod source;
pub mod stream;
mod text;
mod thrift;
mod token;
mod values;
mod whole_file;
mod write;

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use landbridge_core::rewrite::{Action, RewritePlan};
use landbridge_core::types::ParquetColumn;
use landbridge_core::{Error, ErrorKind, Result};
use parquet::file::reader::ChunkReader;

pub use cut::{Cut, MIN_PART_BYTES, cut_row_groups};
pub use key::{MAX_KEY_BYTES, TOKEN_KEY_PREFIX};
pub use report::{ColumnReport, RewriteReport};
pub use source::{LocalFile, LocalRead};
pub use token::{LENGTH as TOKEN_LENGTH, MIN_KEY_BYTES, PREFIX as TOKEN_PREFIX, TokenKey};

use engine::Input;
use schema::Layout;

use crate::Footer;

/// The largest page of a converted column that is read, compressed or not, in bytes. Writers
/// make pages of 1 MiB; only a single huge value makes a larger one.
pub const DEFAULT_PAGE_LIMIT: usize = 32 * 1024 * 1024;

/// A plan, ready to be applied to any number of files, by any number of threads.
#[derive(Clone, Debug)]
pub struct Rewriter {
    plan: RewritePlan,
    key: Option<TokenKey>,
    page_limit: usize,
}

/// Applies a plan that makes no tokens to a file: [`Rewriter::rewrite`] in one call.
///
/// # Errors
/// As [`Rewriter::new`] and [`Rewriter::rewrite`].
pub fn rewrite<R: ChunkReader, W: Write + Send>(
    source: &R,
    sink: W,
    plan: &RewritePlan,
    row_groups: Option<&[usize]>,
) -> Result<RewriteReport> {
    Rewriter::new(plan.clone())?.rewrite(source, "", sink, row_groups)
}

impl Rewriter {
    /// A rewriter of this plan.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the plan makes no sense by itself.
    pub fn new(plan: RewritePlan) -> Result<Self> {
        plan.validate()?;
        Ok(Self { plan, key: None, page_limit: DEFAULT_PAGE_LIMIT })
    }

    /// The same with the key that tokens are made with.
    #[must_use]
    pub fn with_key(mut self, key: TokenKey) -> Self {
        self.key = Some(key);
        self
    }

    /// The same with another limit for pages than [`DEFAULT_PAGE_LIMIT`], in bytes. What a rewrite
    /// needs is about four times as much at the worst, and a few MiB as a rule.
    #[must_use]
    pub fn with_page_limit(mut self, bytes: usize) -> Self {
        self.page_limit = bytes;
        self
    }

    /// The plan.
    pub fn plan(&self) -> &RewritePlan {
        &self.plan
    }

    /// The columns that the output of a file with this footer has, where no column stays text
    /// for its misfits.
    ///
    /// # Errors
    /// As [`Self::rewrite`], for plans that do not suit the file.
    pub fn columns(&self, footer: &Footer, name: &str) -> Result<Vec<ParquetColumn>> {
        let layout = self.layout(footer, &BTreeSet::new(), name)?;
        let fields = layout.schema.root_schema().get_fields();
        Ok(fields.iter().map(|field| crate::footer::column(field)).collect())
    }

    /// Counts the misfits of every retyped column of a file and writes nothing: for a plan that
    /// keeps text, whose decision must be the same for all files of a table. Merge the reports
    /// of all files, then [`Self::with_scan_result`].
    ///
    /// # Errors
    /// As [`Self::rewrite`].
    pub fn scan<R: ChunkReader>(&self, source: &R, name: &str) -> Result<RewriteReport> {
        let footer = source::footer(source, name)?;
        let layout = self.layout(&footer, &BTreeSet::new(), name)?;
        let input = self.input(source, &footer, name);
        let mut report = RewriteReport { rows: footer.rows(), ..RewriteReport::default() };
        for column in &layout.columns {
            report.columns.push(input.scan(column)?);
        }
        Ok(report)
    }

    /// The same rewriter with the decision made: a column that keeps text on a misfit, and has
    /// one by `scanned`, stays text from now on; none looks at its values beforehand any more.
    #[must_use]
    pub fn with_scan_result(mut self, scanned: &RewriteReport) -> Self {
        for name in schema::may_keep_text(&self.plan) {
            let misfits =
                scanned.columns.iter().any(|it| it.name == name && !it.misfits.is_empty());
            if let Some(action) = self.plan.columns.get_mut(&name) {
                if misfits {
                    *action = Action::Keep;
                } else if let Action::Retype { on_misfit, .. } = action {
                    *on_misfit = Some(landbridge_core::rewrite::OnMisfit::SetNull);
                }
            }
        }
        self
    }

    /// Writes a file of these row groups of `source`, of all of them when none are named. The
    /// same arguments always give the same bytes. `name` is the source's, for errors.
    ///
    /// A column that keeps text on misfits is read twice: first in all row groups of the file
    /// whatever is asked for, so that all parts of it decide alike, then as what it becomes.
    ///
    /// # Errors
    /// [`ErrorKind::Held`] when more values than the plan allows do not fit, or when the plan does
    /// not suit the columns that are there; [`ErrorKind::Corrupt`] when the file is not as it should
    /// be; [`ErrorKind::Rejected`] when a converted column is stored in a way that cannot be read;
    /// [`ErrorKind::Config`] when tokens lack their key; [`ErrorKind::Transient`], or what the source
    /// says, when reading or writing fails. On an error, what has been written is no Parquet
    /// file: discard it.
    pub fn rewrite<R: ChunkReader, W: Write + Send>(
        &self,
        source: &R,
        name: &str,
        sink: W,
        row_groups: Option<&[usize]>,
    ) -> Result<RewriteReport> {
        let footer = source::footer(source, name)?;
        let input = self.input(source, &footer, name);
        let (layout, scanned) = self.decide(&input)?;
        let all: Vec<usize> = (0..footer.metadata.num_row_groups()).collect();
        let groups = row_groups.unwrap_or(&all);
        let mut report =
            engine::write(&input, &layout, groups, self.plan.compression, sink, |report| {
                report.judge(self.plan.max_misfit_share, name)
            })?;
        tell(&mut report, scanned);
        Ok(report)
    }

    /// Writes one file per part, on `threads` threads, into the sinks that `open` gives for
    /// their numbers. The report is of all together, and so is the share of misfits.
    ///
    /// # Errors
    /// As [`Self::rewrite`], and those of `open`. On an error, discard every output: some may
    /// be complete by themselves.
    pub fn rewrite_parts<R: ChunkReader, W: Write + Send>(
        &self,
        source: &R,
        name: &str,
        parts: &[Vec<usize>],
        threads: usize,
        open: impl Fn(usize) -> Result<W> + Sync,
    ) -> Result<RewriteReport> {
        let footer = source::footer(source, name)?;
        let input = self.input(source, &footer, name);
        let (layout, scanned) = self.decide(&input)?;
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Ok(Vec::new()));
        let work = || {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(groups) = parts.get(place) else { return };
                let written = open(place).and_then(|sink| {
                    engine::write(&input, &layout, groups, self.plan.compression, sink, |_| Ok(()))
                });
                let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                match (written, done.as_mut()) {
                    (Ok(report), Ok(reports)) => reports.push((place, report)),
                    (Err(error), Ok(_)) => *done = Err(error),
                    (_, Err(_)) => {}
                }
                if done.is_err() {
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.clamp(1, parts.len().max(1)) {
                scope.spawn(work);
            }
            work();
        });
        let mut reports = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)?;
        reports.sort_by_key(|(place, _)| *place);
        let mut report = RewriteReport::default();
        for (_, part) in reports {
            report.merge(part)?;
        }
        report.judge(self.plan.max_misfit_share, name)?;
        tell(&mut report, scanned);
        Ok(report)
    }

    fn input<'a, R>(&self, source: &'a R, footer: &'a Footer, name: &'a str) -> Input<'a, R> {
        Input { source, name, footer, page_limit: self.page_limit }
    }

    fn layout(&self, footer: &Footer, text: &BTreeSet<String>, name: &str) -> Result<Layout> {
        Layout::new(footer, &self.plan, self.key.as_ref(), text, name)
    }

    /// Which columns stay text, and how the output looks by that.
    fn decide<R: ChunkReader>(&self, input: &Input<'_, R>) -> Result<(Layout, Vec<ColumnReport>)> {
        let asked = schema::may_keep_text(&self.plan);
        let mut layout = self.layout(input.footer, &BTreeSet::new(), input.name)?;
        let mut scanned = Vec::new();
        for column in layout.columns.iter().filter(|column| asked.contains(&column.name)) {
            let report = input.scan(column)?;
            if !report.misfits.is_empty() {
                scanned.push(report);
            }
        }
        if !scanned.is_empty() {
            let text = scanned.iter().map(|report| report.name.clone()).collect();
            layout = self.layout(input.footer, &text, input.name)?;
        }
        Ok((layout, scanned))
    }
}

/// Adds why columns stayed text.
fn tell(report: &mut RewriteReport, scanned: Vec<ColumnReport>) {
    for scanned in scanned {
        if let Some(column) = report.columns.iter_mut().find(|column| column.name == scanned.name) {
            column.values = scanned.values;
            column.misfits = scanned.misfits;
        }
    }
}

/// A task that ended without an answer: the runtime stopped, or it panicked.
fn lost(name: &str) -> Error {
    Error::new(ErrorKind::Transient, "a rewrite was stopped", name)
}
