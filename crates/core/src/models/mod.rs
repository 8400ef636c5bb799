//! What analysts' models need to know of the tables.
//!
//! | module | contents |
//! |---|---|
//! | `ga4` | whether models can join the GA4 export with the business |
//! | [`laundering`] | whether a model shows values to people who may not see them |
//! | `sources` | `sources.yml` of dbt: tables, columns, types, classes and freshness |
//! | `dashboard` | links that create reports in Data Studio |
//! | `lookml` | LookML views of the tables, for Looker |

mod dashboard;
mod ga4;
pub mod laundering;
mod lookml;

mod sources;

#[cfg(test)]
mod tests;

pub use dashboard::{DashboardLink, dashboard_links};
pub use ga4::ga4_violations;
pub use lookml::lookml;
pub(crate) use sources::bigquery_table;
pub use sources::sources_yaml;
