//! The statements of row-level security (GoogleSQL's data definition language): `CREATE ROW ACCESS
//! POLICY`, `DROP ROW ACCESS POLICY` and `DROP ALL ROW ACCESS POLICIES`.

use super::NewPolicy;
use crate::access::Principal;
use crate::bigquery::BigQuery;
use crate::bigquery::job::QueryResult;
use crate::bigquery::names::TableName;
use crate::bigquery::query::QuerySpec;
use crate::error::GoogleError;

/// A statement. Names of tables are as written.
pub(in crate::bigquery) enum PolicyStatement {
    Create { table: String, new: NewPolicy, unless_exists: bool },
    Drop { table: String, id: String, if_exists: bool },
    DropAll { table: String },
}

impl PolicyStatement {
    /// Parses a statement; `None` if the SQL is another one.
    ///
    /// # Errors
    /// 400 for a syntax error in a statement on row access policies.
    pub(in crate::bigquery) fn parse(sql: &str) -> Result<Option<Self>, GoogleError> {
        let tokens = tokens(sql);
        let words: Vec<&str> = tokens.iter().map(String::as_str).collect();
        let is_definition = words.first().is_some_and(|it| is(it, "CREATE") || is(it, "DROP"));
        if !is_definition || !words.iter().any(|it| is(it, "ACCESS")) {
            return Ok(None);
        }
        let mut rest = Words(&words);
        let statement = rest.statement().filter(|_| rest.0.is_empty());
        statement.map(Some).ok_or_else(|| {
            GoogleError::invalid_query(
                "Syntax error in a statement on row access policies. Expected CREATE ROW ACCESS \
                 POLICY name ON table GRANT TO (\"member\", …) FILTER USING (TRUE), or DROP ROW \
                 ACCESS POLICY name ON table.",
            )
        })
    }
}

fn is(token: &str, word: &str) -> bool {
    token.eq_ignore_ascii_case(word)
}

/// Splits SQL into words, texts (with their quotes) and punctuation. A name in backticks loses them.
fn tokens(sql: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = sql.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' | '"' | '`' => rest[1..].find(first).map_or(rest.len(), |at| at + 2),
            c if is_name(c) => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token.trim_matches('`').to_owned());
        rest = after.trim_start();
    }
    if tokens.last().is_some_and(|it| it == ";") {
        tokens.pop();
    }
    tokens
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || "_-.".contains(c)
}

/// The tokens that are still to be parsed.
struct Words<'a>(&'a [&'a str]);

impl Words<'_> {
    /// Consumes `words` if they come next.
    fn accepts(&mut self, words: &[&str]) -> bool {
        let matches = self.0.len() >= words.len()
            && words.iter().zip(self.0).all(|(word, token)| is(token, word));
        if matches {
            self.0 = &self.0[words.len()..];
        }
        matches
    }

    fn expect(&mut self, words: &[&str]) -> Option<()> {
        self.accepts(words).then_some(())
    }

    fn next(&mut self) -> Option<String> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some((*first).to_owned())
    }

    fn statement(&mut self) -> Option<PolicyStatement> {
        if self.accepts(&["DROP", "ALL", "ROW", "ACCESS", "POLICIES", "ON"]) {
            return Some(PolicyStatement::DropAll { table: self.next()? });
        }
        if self.accepts(&["DROP", "ROW", "ACCESS", "POLICY"]) {
            let if_exists = self.accepts(&["IF", "EXISTS"]);
            let id = self.next()?;
            self.expect(&["ON"])?;
            return Some(PolicyStatement::Drop { table: self.next()?, id, if_exists });
        }
        self.expect(&["CREATE"])?;
        let may_replace = self.accepts(&["OR", "REPLACE"]);
        self.expect(&["ROW", "ACCESS", "POLICY"])?;
        let unless_exists = self.accepts(&["IF", "NOT", "EXISTS"]);
        let id = self.next()?;
        self.expect(&["ON"])?;
        let table = self.next()?;
        let mut grantees = Vec::new();
        if self.accepts(&["GRANT", "TO", "("]) {
            loop {
                let text = self.next()?;
                let quote = text.chars().next().filter(|it| "\"'".contains(*it))?;
                grantees.push(text.strip_prefix(quote)?.strip_suffix(quote)?.to_owned());
                if !self.accepts(&[","]) {
                    break;
                }
            }
            self.expect(&[")"])?;
        }
        self.expect(&["FILTER", "USING", "("])?;
        let (end, filter) = self.0.split_last()?;
        let filter = filter.join(" ");
        (*end == ")").then_some(())?;
        self.0 = &[];
        let new = NewPolicy { id, filter, grantees, may_replace };
        Some(PolicyStatement::Create { table, new, unless_exists })
    }
}

impl BigQuery {
    /// Runs a statement. It returns no rows.
    pub(in crate::bigquery) fn run_policy_statement(
        &self,
        caller: &Principal,
        spec: &QuerySpec,
        statement: PolicyStatement,
        dry_run: bool,
    ) -> Result<QueryResult, GoogleError> {
        if dry_run {
            return Ok(QueryResult::default());
        }
        match statement {
            PolicyStatement::Create { table, new, unless_exists } => {
                match self.create_row_policy(caller, &self.policy_table(spec, &table)?, new) {
                    Err(error) if error.status == 409 && unless_exists => {}
                    other => drop(other?),
                }
            }
            PolicyStatement::Drop { table, id, if_exists } => {
                let name = self.policy_table(spec, &table)?;
                match self.delete_row_policies(caller, &name, Some(&id), false) {
                    Err(error) if error.status == 404 && if_exists => {}
                    other => other?,
                }
            }
            PolicyStatement::DropAll { table } => {
                let name = self.policy_table(spec, &table)?;
                self.delete_row_policies(caller, &name, None, true)?;
            }
        }
        Ok(QueryResult::default())
    }

    /// The table that a statement names.
    fn policy_table(&self, spec: &QuerySpec, name: &str) -> Result<TableName, GoogleError> {
        match (name.split('.').collect::<Vec<_>>().as_slice(), &spec.default_dataset) {
            ([project, dataset, table], _) => Ok(TableName::new(project, dataset, table)),
            ([dataset, table], _) => Ok(TableName::new(&self.project, dataset, table)),
            ([table], Some((project, dataset))) => Ok(TableName::new(project, dataset, table)),
            _ => Err(GoogleError::invalid(format!(
                "Table \"{name}\" must be qualified with a dataset (e.g. dataset.table)."
            ))),
        }
    }
}
