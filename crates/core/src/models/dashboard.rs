//! Links that create reports in Data Studio (formerly Looker Studio).
//!
//! Source: Google's documentation, "Linking API": a URL with the report's name and one data source,
//! whose alias may be left out; without `c.reportId` the report is blank.

use crate::config::Config;

const CREATE: &str = "https://lookerstudio.google.com/reporting/create";

/// A report, and the tables of the models dataset on which it stands.
const REPORTS: [(&str, &[(&str, &str)]); 2] = [
    (
        "business report",
        &[
            ("bookings_daily", "bookings per day, country and status"),
            ("payouts_daily", "payouts per day and currency"),
            ("user_journey", "from the first visit to links, bookings and payouts"),
        ],
    ),
    ("data health", &[("data_health", "the newest receipt of each table")]),
];

/// A link that creates a report on one table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DashboardLink {
    /// The report to which the table belongs.
    pub report: &'static str,
    /// The table of the models dataset.
    pub table: &'static str,
    /// What the table says.
    pub about: &'static str,
    /// The link.
    pub url: String,
}

/// The links for the models in `dataset`. A link holds names only: who opens it sees in the report
/// what they may read, as long as the data source uses the viewer's credentials.
pub fn dashboard_links(config: &Config, dataset: &str) -> Vec<DashboardLink> {
    let link = |report, table, about| {
        let name = format!("{} {report}: {table}", config.source.name);
        let parameters = [
            ("c.mode", "edit"),
            ("r.reportName", &name),
            ("ds.connector", "bigQuery"),
            ("ds.datasourceName", table),
            ("ds.type", "TABLE"),
            ("ds.projectId", &config.warehouse.project),
            ("ds.billingProjectId", &config.warehouse.project),
            ("ds.datasetId", dataset),
            ("ds.tableId", table),
        ];
        let query: Vec<String> =
            parameters.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        DashboardLink { report, table, about, url: format!("{CREATE}?{}", query.join("&")) }
    };
    REPORTS
        .iter()
        .flat_map(|(report, tables)| {
            tables.iter().map(move |(table, about)| (*report, *table, *about))
        })
        .map(|(report, table, about)| link(report, table, about))
        .collect()
}

/// Percent-encodes a value of a URL's query (RFC 3986, "unreserved" stays).
fn encoded(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
