//! The arguments of `landbridge verify`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use landbridge_cli_support::args::{FileArgs, OutputArgs, number_between};
use landbridge_core::calendar::Day;
use landbridge_core::proof::source::Against as Side;

use crate::failure::Result;

/// BigQuery's list price on demand in the US, in dollars per TiB. Other locations cost more.
pub(crate) const PRICE_PER_TIB: f64 = 6.25;

/// Prove that BigQuery has the values that were transferred, column by column
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  landbridge verify
  landbridge verify --table orders --yes
  landbridge verify --day 2026-11-21 --yes --output json
  SHOP_URL=postgres://reader:secret@host/shop landbridge verify --against source --database-url-env SHOP_URL
  landbridge verify --against export --table orders

The command reads the figures that the transfer recorded of each column, computes the same figures in
BigQuery, and names the first column that differs. It first shows how many bytes BigQuery will process
and what they cost, and asks. docs/proof.md says what is compared, and what cannot be.

With `--against source`, the command also reads all rows of the tables from the database whose URL is in
that environment variable, one row at a time, and compares them with what was transferred. Use a database
that was restored from the day's snapshot: a source that goes on changing differs. Rows of a table with a
primary key of the class `none` are named.

With `--against export`, it reads the Parquet files of the day's export in S3 instead, while they exist. It needs
`s3:GetObject` on them and `kms:Decrypt` on their key. An export has no
keys: rows are named by the key that `audits.tables` declares, or by a column `id`.

It queries BigQuery with your own rights. Of a masked column, it compares what you see: through the mask
if you are a masked reader. It needs `proof` in landbridge.yaml, and the right to read the secret
`proof.key`. For the local cloud:
  . .landbridge/local.env

Exit codes: 0 no column differs; 1 a column or a number of rows differs; 3 access denied; 4 no column
differs, but a table could not be compared, or none of its columns could be proven.")]
pub(crate) struct VerifyArgs {
    /// Compare with this day; a table that has the rows of another day is not compared. Without it, each
    /// table is compared with the day of its rows
    #[arg(long)]
    pub(super) day: Option<Day>,
    /// Only this table: its name in BigQuery or in the source; repeat it for several
    #[arg(long = "table", value_name = "TABLE")]
    pub(super) tables: Vec<String>,
    /// Compare with the rows of this too, and name the rows that differ
    #[arg(long, value_name = "WHAT")]
    pub(super) against: Option<Against>,
    /// The environment variable with the URL of the source database, or of a copy restored from the day's snapshot
    #[arg(
        long,
        value_name = "VARIABLE",
        requires = "against",
        required_if_eq("against", "source")
    )]
    pub(super) database_url_env: Option<String>,
    /// A PEM file with the CA certificates that the database's certificate is verified with, for example
    /// AWS's global-bundle.pem. Without it, the connection is not encrypted
    #[arg(long, value_name = "FILE", requires = "against")]
    pub(super) ca: Option<PathBuf>,
    /// Name so many differing rows per table at most
    #[arg(long, value_name = "N", requires = "against", default_value_t = 20, value_parser = row_limit)]
    pub(super) rows: usize,
    /// Do not ask for confirmation
    #[arg(long)]
    pub(super) yes: bool,
    /// BigQuery's price on demand in your location, in dollars per TiB
    #[arg(long, value_name = "USD", default_value_t = PRICE_PER_TIB, value_parser = price)]
    pub(super) price_per_tib: f64,
    #[command(flatten)]
    pub(super) files: FileArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// What tables are compared with beside the figures of the transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Against {
    /// The rows of the source database
    Source,
    /// The Parquet files of the day's export in S3
    Export,
}

impl From<Against> for Side {
    fn from(against: Against) -> Self {
        match against {
            Against::Source => Self::Source,
            Against::Export => Self::Export,
        }
    }
}

fn row_limit(text: &str) -> Result<usize, String> {
    let number: Option<usize> = text.parse().ok();
    number.filter(|it| (1..=1000).contains(it)).ok_or("must be a number from 1 to 1000".to_owned())
}

fn price(text: &str) -> Result<f64, String> {
    number_between(text, 0.0, 1000.0)
}
