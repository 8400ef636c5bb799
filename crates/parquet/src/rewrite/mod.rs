//! Rewrites a file: decodes only the columns that the plan converts, and copies all others as bytes.
//!
//! | module | responsibility |
//! |---|---|
//! | here | [`Rewriter`]: applies a plan and its token key to sources |
//! | [`stream`] | rewrites from ranged reads into a stream of bytes, without a local file |
//! | `engine` | writes one output file: copied ranges, converted columns, a new footer |
//! | `whole_file` | copies a file that the plan does not change |
//! | `input` | a source file with its footer |
//! | `schema` | maps the columns of the source to those of the output |
//! | `footer_out` | the bytes of the new footer |
//! | `column`, `convert`, `text` | converts one column and counts the values that do not fit |
//! | `relax`, `prepend` | copies a REQUIRED column as an OPTIONAL one: puts levels before the values of a page, without decompressing it |
//! | `recompress`, `plain` | copies a chunk with its pages compressed again, where that saves enough |
//! | `write`, `page_buffer` | writes a chunk of the output: values, levels, pages, statistics |
//! | `pages`, `values`, `hybrid` | reads pages of the source, with bounded memory for forged pages |
//! | `copy`, `walk` | copies chunks, and checks that each ends where its pages end |
//! | `indexes` | page indexes and bloom filters of copied columns |
//! | `cut` | decides which row groups go into which output file |
//! | [`proof`] | the figures of columns, by which their values in BigQuery can be proven |
//! | [`sample`] | a few values of a text column, to see what they look like |
//! | `token`, `key` | the format of tokens and of the token key |
//! | `report` | the report of a rewrite |
//! | `source`, `error` | positioned reads; the internal error |
//!
//! Invariants: of a copied column, only the headers of its pages are read, and no value of a column that
//! becomes OPTIONAL or is compressed again. No error contains the value of a cell. No buffer grows with a row group or a file.

mod column;
mod convert;
mod copy;
mod cut;
mod engine;
mod epoch;
mod error;
mod footer_out;
#[cfg(test)]
mod forged;
mod hybrid;
mod indexes;
mod input;
pub mod judge;
mod key;
mod local_time;
mod page_buffer;
mod pages;
mod plain;
mod prepend;
pub mod proof;
mod recompress;
mod relax;
mod report;
pub mod sample;
mod schema;
mod source;
pub mod stream;
mod text;
mod token;
mod values;
mod walk;
mod whole_file;
mod write;

/// The version of what a rewrite makes of a file, and counts of it. Raise the number behind the release when the same
/// plan makes other values, or other statistics, of the same file: tables that are unchanged by
/// `transfer.unchanged: skip` are transferred once more then, as they are after each release.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "/1");

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use landbridge_core::rewrite::{Action, RewritePlan};
use landbridge_core::types::ParquetColumn;
use landbridge_core::{Error, ErrorKind, Result};
use parquet::file::reader::ChunkReader;

pub use cut::{Cut, MIN_PART_BYTES, cut_row_groups};
pub use key::{MAX_KEY_BYTES, PROOF_KEY_PREFIX, TOKEN_KEY_PREFIX};
pub use proof::{AuditKey, ProofKey, ProofPlan};
pub use report::{ColumnReport, RewriteReport};
pub use source::{LocalFile, LocalFileReader};
pub use token::{LENGTH as TOKEN_LENGTH, MIN_KEY_BYTES, PREFIX as TOKEN_PREFIX, TokenKey};

use input::Input;
use schema::OutputLayout;

use crate::Footer;

/// The default limit for a page of a converted column, compressed and uncompressed, in bytes. Writers
/// make pages of 1 MiB; only a single very large value makes a larger one.
pub const DEFAULT_PAGE_LIMIT: usize = 32 * 1024 * 1024;

/// Applies a plan to any number of files. Any number of threads can use it.
#[derive(Clone, Debug)]
pub struct Rewriter {
    plan: RewritePlan,
    key: Option<TokenKey>,
    page_limit: usize,
    proof: Option<ProofPlan>,
}

/// Rewrites one file by a plan without tokens, as [`Rewriter::rewrite`] does.
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
    /// A rewriter for this plan.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the plan is invalid.
    pub fn new(plan: RewritePlan) -> Result<Self> {
        plan.validate()?;
        Ok(Self { plan, key: None, page_limit: DEFAULT_PAGE_LIMIT, proof: None })
    }

    /// Sets the key for tokens.
    #[must_use]
    pub fn with_key(mut self, key: TokenKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Sets the page limit in bytes; see [`DEFAULT_PAGE_LIMIT`]. A rewrite needs about four times as
    /// much memory in the worst case, and usually a few MiB.
    #[must_use]
    pub fn with_page_limit(mut self, bytes: usize) -> Self {
        self.page_limit = bytes;
        self
    }

    /// Computes figures of columns: [`ColumnReport::proof`]. The output is the same.
    #[must_use]
    pub fn with_proof(mut self, proof: ProofPlan) -> Self {
        self.proof = Some(proof);
        self
    }

    /// The same without compressing copied columns again.
    #[must_use]
    pub fn without_recompression(mut self) -> Self {
        self.plan.recompress = None;
        self
    }

    /// The plan.
    pub fn plan(&self) -> &RewritePlan {
        &self.plan
    }

    /// The columns of the output for a file with this footer, if no column stays text because of
    /// misfits.
    ///
    /// # Errors
    /// As [`Self::rewrite`], for a plan that does not match the file.
    pub fn columns(&self, footer: &Footer, name: &str) -> Result<Vec<ParquetColumn>> {
        let layout = self.layout(footer, &BTreeSet::new(), name)?;
        let fields = layout.schema.root_schema().get_fields();
        Ok(fields.iter().map(|field| crate::footer::column(field)).collect())
    }

    /// Counts the misfits of every converted column of a file, and writes nothing. For a plan with
    /// `keep_text`, all files of a table must decide alike: merge the reports of all files, and pass
    /// the result to [`Self::with_scan_result`].
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

    /// Decides by a merged scan which columns with `keep_text` stay text: those that have a misfit in
    /// `scanned`. The rewriter then reads no column in advance.
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

    /// Writes one file that consists of `row_groups` of `source`, or of all row groups. The same
    /// arguments always give the same bytes. `name` is the source's, for error messages.
    ///
    /// A column with `keep_text` is read twice: first in all row groups of the file, so that all
    /// parts decide alike, and then to convert or copy it.
    ///
    /// # Errors
    /// [`ErrorKind::Held`] if more values than the plan allows do not fit, or the plan does not match
    /// the columns of the file; [`ErrorKind::Corrupt`] if the file is malformed;
    /// [`ErrorKind::Rejected`] if a converted column has an unsupported codec or encoding, or exceeds
    /// the page limit; [`ErrorKind::Config`] if the plan makes tokens and no key is set;
    /// [`ErrorKind::Transient`], or the error of the source, if reading or writing fails. After an
    /// error, the output is not a complete Parquet file: discard it.
    pub fn rewrite<R: ChunkReader, W: Write + Send>(
        &self,
        source: &R,
        name: &str,
        sink: W,
        row_groups: Option<&[usize]>,
    ) -> Result<RewriteReport> {
        let footer = source::footer(source, name)?;
        let input = self.input(source, &footer, name);
        let (layout, scanned) = self.plan_layout(&input)?;
        let all: Vec<usize> = (0..footer.metadata.num_row_groups()).collect();
        let groups = row_groups.unwrap_or(&all);
        let mut report = engine::write(&input, &layout, groups, &self.plan, sink, |report| {
            report.check_misfits(self.plan.max_misfit_share, name)
        })?;
        add_scan_results(&mut report, scanned);
        Ok(report)
    }

    /// Writes one file per part on `threads` threads. `open` returns the sink for the part with this
    /// index. The report, and the check of misfits, cover all parts together.
    ///
    /// # Errors
    /// As [`Self::rewrite`], and any error of `open`. After an error, discard all outputs: some may be
    /// complete Parquet files.
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
        let (layout, scanned) = self.plan_layout(&input)?;
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Ok(Vec::new()));
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(groups) = parts.get(index) else { return };
                let written = open(index).and_then(|sink| {
                    engine::write(&input, &layout, groups, &self.plan, sink, |_| Ok(()))
                });
                let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                match (written, done.as_mut()) {
                    (Ok(report), Ok(reports)) => reports.push((index, report)),
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
        reports.sort_by_key(|(index, _)| *index);
        let mut report = RewriteReport::default();
        for (_, part) in reports {
            report.merge(part)?;
        }
        report.check_misfits(self.plan.max_misfit_share, name)?;
        add_scan_results(&mut report, scanned);
        Ok(report)
    }

    fn input<'a, R>(&'a self, source: &'a R, footer: &'a Footer, name: &'a str) -> Input<'a, R> {
        Input { source, name, footer, page_limit: self.page_limit, proof: self.proof.as_ref() }
    }

    fn layout(&self, footer: &Footer, text: &BTreeSet<String>, name: &str) -> Result<OutputLayout> {
        OutputLayout::new(footer, &self.plan, self.key.as_ref(), text, name)
    }

    /// Decides which columns stay text, and lays out the output. Also returns the scan reports of the
    /// columns that stay text.
    fn plan_layout<R: ChunkReader>(
        &self,
        input: &Input<'_, R>,
    ) -> Result<(OutputLayout, Vec<ColumnReport>)> {
        let keep_text = schema::may_keep_text(&self.plan);
        let mut layout = self.layout(input.footer, &BTreeSet::new(), input.name)?;
        let mut scanned = Vec::new();
        for column in layout.columns.iter().filter(|column| keep_text.contains(&column.name)) {
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

/// Adds the misfits of columns that stayed text.
fn add_scan_results(report: &mut RewriteReport, scanned: Vec<ColumnReport>) {
    for scanned in scanned {
        if let Some(column) = report.columns.iter_mut().find(|column| column.name == scanned.name) {
            column.values = scanned.values;
            column.misfits = scanned.misfits;
        }
    }
}

/// The error for a task that ended without a result: the runtime stopped, or the task panicked.
fn task_lost(name: &str) -> Error {
    Error::new(ErrorKind::Transient, "a rewrite was stopped", name)
}
