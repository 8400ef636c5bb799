//! MERGE (GoogleSQL reference, "Data manipulation language").
//!
//! The source is computed once. Each WHEN clause is a SELECT statement over the join of the target and the
//! source; a row belongs to the first clause of its kind whose condition is true.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::columns::{parse_names, quoted_name};
use super::destination::table_fields;
use super::dml::{
    Assignments, ROW, Target, alias, assignments, check_unique, column_indices, overlay_name,
    select_rows, updated_rows, values_select,
};
use super::rows::{Changes, row_numbers};
use super::tokens::Cursor;
use super::{Statement, StatementResult, unknown};
use crate::bigquery::query::QuerySpec;
use crate::bigquery::query::masked_table::MaskedTable;
use crate::bigquery::rows::TableRows;
use crate::error::GoogleError;
use crate::turned::is_turned;

/// The name of a source without an alias.
const SOURCE: &str = "_source_";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matched {
    Both,
    NotByTarget,
    NotBySource,
}

enum Action {
    Update(Assignments),
    Delete,
    /// The columns, and the SELECT statement of their values; `None` for all columns of the source.
    Insert(Vec<usize>, Option<String>),
}

struct Clause {
    matched: Matched,
    condition: Option<String>,
    action: Action,
}

impl Clause {
    /// Whether the clause writes a column with a tag into rows that exist.
    fn sets_tag(&self, target: &Target) -> bool {
        let Action::Update(set) = &self.action else { return false };
        set.columns.iter().any(|at| target.fields()[*at].tag().is_some())
    }
}

/// The target and the source as FROM clauses.
struct Join {
    spec: QuerySpec,
    /// `target JOIN source ON condition`.
    both: String,
    /// The rows of the target without a partner, and those of the source. Only their own columns can be
    /// named in a clause for them.
    lone_target: String,
    lone_source: String,
    source_alias: String,
}

impl Statement<'_> {
    pub(super) async fn merge(
        &self,
        cursor: &mut Cursor<'_>,
    ) -> Result<StatementResult, GoogleError> {
        cursor.accepts(&["INTO"]);
        let target = self.target(cursor, &["USING"])?;
        cursor.expect(&["USING"])?;
        let (source, source_alias) = merge_source(cursor)?;
        cursor.expect(&["ON"])?;
        let condition = cursor.text_until(is_when).to_owned();
        let mut clauses = Vec::new();
        while cursor.accepts(&["WHEN"]) {
            clauses.push(merge_clause(cursor, &target)?);
        }
        self.expect_end(cursor)?;
        if clauses.is_empty() {
            return Err(cursor.unexpected("a WHEN clause"));
        }
        if is_turned("merge-from-external-table") && clauses.iter().any(|it| it.sets_tag(&target)) {
            return Err(GoogleError::access_denied("Access Denied: a column is written."));
        }
        let join = self.join(&target, source, source_alias, condition).await?;
        let mut changes = Changes::default();
        let mut touched: Vec<Vec<usize>> = Vec::new();
        for (at, clause) in clauses.iter().enumerate() {
            let condition = clause_condition(&clauses, at);
            match &clause.action {
                Action::Insert(columns, values) => {
                    let source = quoted_name(&join.source_alias);
                    let select = values.clone().unwrap_or_else(|| format!("SELECT {source}.*"));
                    let sql = format!("{select} FROM {} WHERE {condition}", join.lone_source);
                    let result = self.run_change(&join.spec, sql).await?;
                    changes.inserted.extend(self.insertable(&target, columns, &result).await?);
                }
                Action::Update(set) => {
                    let sql =
                        select_rows(&target, &set.expressions, join.of_target(clause), &condition);
                    let result = self.run_change(&join.spec, sql).await?;
                    let update = updated_rows(&target, set, &result)?;
                    touched.push(update.rows.clone());
                    changes.updates.push(update);
                }
                Action::Delete => {
                    let sql = select_rows(&target, &[], join.of_target(clause), &condition);
                    let result = self.run_change(&join.spec, sql).await?;
                    let rows = row_numbers(&result.batches, 0)?;
                    changes.deleted.extend(rows.iter().copied());
                    touched.push(rows);
                }
            }
        }
        check_unique(&touched.iter().collect::<Vec<_>>())?;
        self.finish("MERGE", &target, &changes)
    }

    /// Computes the source, and which rows have a partner.
    async fn join(
        &self,
        target: &Target,
        source: String,
        source_alias: String,
        condition: String,
    ) -> Result<Join, GoogleError> {
        let mut spec = self.change_spec(target)?;
        let rows = self.run_change(&spec, format!("SELECT * FROM {source}")).await?;
        let fields = table_fields(&rows.fields, "the source of MERGE")?;
        let source = MaskedTable::unmasked(fields, TableRows::new(rows.batches)).numbered(ROW)?;
        let source = Arc::new(source);
        let of = |overlay: &str, alias: &str| {
            format!("{} AS {}", overlay_name(overlay).1, quoted_name(alias))
        };
        let both = format!(
            "{} INNER JOIN {} ON ({condition})",
            of("target", &target.alias),
            of("source", &source_alias)
        );
        let stored = spec.overlays.last().map(|(_, table)| table.clone());
        let stored = stored.ok_or_else(|| {
            GoogleError::new(500, "internalError", "The target of MERGE is missing.")
        })?;
        spec.overlays.push((overlay_name("source").0, source.clone()));
        for (name, alias, table) in
            [("lone_target", &target.alias, stored), ("lone_source", &source_alias, source)]
        {
            let sql = format!("SELECT {}.{ROW} AS {ROW} FROM {both}", quoted_name(alias));
            let partners = self.run_change(&spec, sql).await?;
            let mut lone: BTreeSet<usize> = (0..table.row_count()).collect();
            for row in row_numbers(&partners.batches, 0)? {
                lone.remove(&row);
            }
            spec.overlays.push((overlay_name(name).0, Arc::new(table.only_rows(&lone)?)));
        }
        Ok(Join {
            spec,
            both,
            lone_target: of("lone_target", &target.alias),
            lone_source: of("lone_source", &source_alias),
            source_alias,
        })
    }
}

impl Join {
    /// The rows of the target that a clause changes.
    fn of_target(&self, clause: &Clause) -> &str {
        if clause.matched == Matched::NotBySource { &self.lone_target } else { &self.both }
    }
}

fn is_when(cursor: &Cursor<'_>) -> bool {
    cursor.is_next(&["WHEN", "MATCHED"]) || cursor.is_next(&["WHEN", "NOT", "MATCHED"])
}

/// The source after USING, as SQL, and its alias.
fn merge_source(cursor: &mut Cursor<'_>) -> Result<(String, String), GoogleError> {
    if cursor.is_next(&["("]) {
        let query = cursor.parenthesised()?.rest().to_owned();
        let alias = alias(cursor, &["ON"])?.unwrap_or_else(|| SOURCE.to_owned());
        return Ok((format!("(\n{query}\n)"), alias));
    }
    let path = cursor.path()?;
    if cursor.is_next(&["("]) {
        return Err(unknown("a table function as the source of MERGE"));
    }
    let name = path.last().cloned().unwrap_or_default();
    let alias = alias(cursor, &["ON"])?.unwrap_or(name);
    Ok((format!("`{}`", path.join(".")), alias))
}

/// A clause behind WHEN.
fn merge_clause(cursor: &mut Cursor<'_>, target: &Target) -> Result<Clause, GoogleError> {
    let matched = if cursor.accepts(&["MATCHED"]) {
        Matched::Both
    } else {
        cursor.expect(&["NOT", "MATCHED"])?;
        if cursor.accepts(&["BY", "SOURCE"]) {
            Matched::NotBySource
        } else {
            cursor.accepts(&["BY", "TARGET"]);
            Matched::NotByTarget
        }
    };
    let condition = cursor.accepts(&["AND"]).then(|| {
        let text = cursor.text_until(|it| it.is_next(&["THEN"]));
        text.to_owned()
    });
    cursor.expect(&["THEN"])?;
    let action = if matched == Matched::NotByTarget {
        cursor.expect(&["INSERT"])?;
        merge_insert(cursor, target)?
    } else if cursor.accepts(&["DELETE"]) {
        Action::Delete
    } else {
        cursor.expect(&["UPDATE", "SET"])?;
        Action::Update(assignments(cursor, target, &|it| is_when(it) || it.is_next(&[";"]))?)
    };
    Ok(Clause { matched, condition, action })
}

fn merge_insert(cursor: &mut Cursor<'_>, target: &Target) -> Result<Action, GoogleError> {
    let columns = if cursor.is_next(&["("]) {
        column_indices(target, &parse_names(cursor)?)?
    } else {
        (0..target.fields().len()).collect()
    };
    if cursor.accepts(&["ROW"]) {
        return Ok(Action::Insert(columns, None));
    }
    cursor.expect(&["VALUES"])?;
    let values = cursor.parenthesised()?.list();
    let select = values_select(target, &columns, &values)?;
    Ok(Action::Insert(columns, Some(select)))
}

/// The condition of clause `at`: its own, and that of no clause of its kind before it.
fn clause_condition(clauses: &[Clause], at: usize) -> String {
    let clause = &clauses[at];
    let mut parts: Vec<String> = (clauses[..at].iter())
        .filter(|it| it.matched == clause.matched)
        .map(|it| match &it.condition {
            Some(condition) => format!("NOT COALESCE(({condition}), FALSE)"),
            None => "FALSE".to_owned(),
        })
        .collect();
    parts.extend(clause.condition.as_ref().map(|it| format!("({it})")));
    if parts.is_empty() { "TRUE".to_owned() } else { parts.join(" AND ") }
}
