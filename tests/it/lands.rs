//! The tables "what lands" of docs/types.md, which two tests compare with a real server's columns
//! and the receipts of their transfer. `UPDATE_DOCS=1` writes them.

use std::path::Path;

use landbridge_core::config;
use landbridge_core::contract::Contract;
use landbridge_core::receipt::{Receipt, ReceiptState};
use landbridge_core::types::ColumnType;
use landbridge_source::{Column, Database, proposal};

/// The proposed contract of a database, and the columns of its table `every_type`.
pub(crate) async fn proposed(url: &str, config: &str) -> (Contract, Vec<Column>) {
    let database = Database::connect(url, None).await.expect("a connection");
    let config = config::parse(config::FILE_NAME, config).expect("a valid configuration");
    let nothing = Contract::propose(&[], &config);
    let proposal = proposal::propose(&database, nothing, &config, None).await.expect("a proposal");
    let tables = database.tables().await.expect("a catalogue");
    let table = tables.into_iter().find(|table| table.name == "every_type").expect("the table");
    (proposal.contract, table.columns)
}

/// Asserts that the receipt's columns are in the table of docs/types.md that begins after the line
/// `<!-- what lands from <engine> -->`.
pub(crate) fn assert_documented(engine: &str, columns: &[Column], receipt: &Receipt) {
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
