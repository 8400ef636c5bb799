//! What analysts' models need to know of the tables.
//!
//! | module | contents |
//! |---|---|
//! | `sources` | `sources.yml` of dbt: tables, columns, types, classes and freshness |

mod sources;

#[cfg(test)]
mod tests;

pub use sources::sources_yaml;
