//! The tables "what lands" of docs/types.md, which two tests compare with a real server's columns
//! and the receipts of their transfer. `UPDATE_DOCS=1` writes them.

use std::path::Path;
use std::sync::Arc;

use landbridge_core::config;
use landbridge_core::contract::Contract;
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_core::types::ColumnType;
use landbridge_local_database::SourceDatabase;
use landbridge_source::{Column, Database, proposal};

use crate::support::{TestEnvBuilder, at};

/// Ten minutes before the export hour.
const START: &str = "2026-11-20T15:50:00Z";
/// When the day is published.
const END: &str = "2026-11-20T17:50:00Z";
const DAY: &str = "2026-11-21";

/// The proposed contract of a database, and the columns of its table `every_type`.
async fn proposed(url: &str, config: &str) -> (Contract, Vec<Column>) {
    let database = Database::connect(url, None).await.expect("a connection");
    let config = config::parse(config::FILE_NAME, config).expect("a valid configuration");
    let nothing = Contract::propose(&[], &config);
    let proposal = proposal::propose(&database, nothing, &config, None).await.expect("a proposal");
    let tables = database.tables().await.expect("a catalogue");
    let table = tables.into_iter().find(|table| table.name == "every_type").expect("the table");
    (proposal.contract, table.columns)
}

/// Runs a day over the table `every_type` of a source with its proposed contract, asserts that what lands is what
/// docs/types.md says of `engine`, and returns the columns that a reader of the source itself does not compare.
pub(crate) async fn assert_every_type_lands(
    source: Arc<dyn SourceDatabase>,
    url: &str,
    engine: &str,
    table: &str,
) -> String {
    let mut builder = TestEnvBuilder::demo(source);
    builder.start = at(START);
    // The table has one row of values that fit no type, and only a few rows.
    builder.config = builder.config.replace("max_misfit_percent: 0.1", "max_misfit_percent: 100");
    builder.config += "proof: { key: landbridge/shop/proof-key, kept: always }\n";
    let (contract, columns) = proposed(url, &builder.config).await;
    builder.contract = contract.render();
    let env = builder.build().await;
    let failed = env.run_until(END).await;
    assert!(failed.is_empty(), "{failed:#?}");
    assert_documented(engine, &columns, &env.receipts(DAY).await[table]);
    // A reader of its own reads the same values from the server, misfits included.
    crate::proof::source::not_compared(&env, url, "every_type")
}

/// Asserts that the receipt's columns are in the table of docs/types.md that begins after the line
/// `<!-- what lands from <engine> -->`.
fn assert_documented(engine: &str, columns: &[Column], receipt: &Receipt) {
    assert_eq!(receipt.state, ReceiptState::Published, "{receipt:#?}");
    let mut table = String::from("| declared | `source` | lands as |\n|---|---|---|\n");
    for column in columns {
        let landed = receipt.columns.iter().find(|it| it.name == column.name);
        let landed = landed.unwrap_or_else(|| panic!("{} has not landed", column.name));
        let ty = ColumnType { ty: landed.ty, repeated: landed.repeated };
        let declared = match (column.is_domain, column.is_enum) {
            (true, _) => format!("a domain over `{}`", column.declaration),
            (_, true) => "an enumeration".to_owned(),
            _ => format!("`{}`", column.declaration),
        };
        let line = format!("| {declared} | `{}` | {ty} |\n", landed.source);
        // Serial types are integers.
        if !table.contains(&line) {
            table.push_str(&line);
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/types.md");
    let text = std::fs::read_to_string(&path).expect("docs/types.md");
    let begin = format!("<!-- what lands from {engine} -->\n");
    let (before, rest) = text.split_once(&begin).expect("the table's begin");
    let (written, after) = rest.split_once("<!-- end -->").expect("the table's end");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let text = format!("{before}{begin}{table}<!-- end -->{after}");
        std::fs::write(&path, text).expect("docs/types.md can be written");
    } else {
        let help = "docs/types.md differs; UPDATE_DOCS=1 writes it";
        assert_eq!(written, table, "{help}");
    }
}
