//! Which tables and columns a query names. This is no parser of GoogleSQL: it finds the places where a
//! table can stand, and counts every other name as the name of a column.
//!
//! Refused, because it could read columns that it does not name: more than one statement, statements
//! other than queries, pipe syntax, functions of a dataset, also of the job's default dataset, and
//! `EXTERNAL_QUERY`.

use std::collections::BTreeSet;

use super::tokens::{Token, tokens};

/// A query, as far as it is understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// The tables that it names, without its own subqueries.
    pub(super) tables: Vec<TableReference>,
    /// The names by which it calls tables.
    pub(super) aliases: BTreeSet<String>,
    /// Whether it calls a function of `AI` or `ML`: what it reads becomes part of a trained model, or leaves
    /// BigQuery in a prompt.
    pub(super) learns: bool,
}

/// A table, and the names and stars that can be its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableReference {
    /// Its path, such as project, dataset, table.
    pub(super) path: Vec<String>,
    /// What the query calls it.
    pub(super) alias: String,
    /// Whether it can also be an array of a table before it: `FROM t, t.tags`.
    pub(super) may_be_array: bool,
    /// The `*` of the SELECT that reads it. A whole row counts as one.
    pub(super) stars: Vec<Star>,
    /// The names in the SELECT that reads it, and in the subqueries of that SELECT.
    pub(super) names: Vec<Name>,
}

/// A name that can be a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// What is before its dot.
    pub(super) of: Option<String>,
    pub(super) name: String,
    /// Whether it has no dot on either side.
    is_alone: bool,
}

/// `*`, with the columns that `EXCEPT` leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Star {
    /// The name before its dot, in lower case.
    of: Option<String>,
    pub(super) except: Vec<String>,
}

/// Reserved words, so none of them is an alias (GoogleSQL reference, "Reserved keywords").
const NO_ALIAS: [&str; 33] = [
    "AS",
    "CROSS",
    "EXCEPT",
    "EXISTS",
    "FOR",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "INNER",
    "INTERSECT",
    "JOIN",
    "LEFT",
    "LIMIT",
    "NATURAL",
    "NOT",
    "ON",
    "ORDER",
    "OUTER",
    "PARTITION",
    "QUALIFY",
    "RIGHT",
    "ROWS",
    "SELECT",
    "SET",
    "THEN",
    "UNION",
    "UNNEST",
    "USING",
    "WHERE",
    "WINDOW",
    "WITH",
    "WHEN",
];
/// Words that end the FROM clause.
const AFTER_FROM: [&str; 10] = [
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "QUALIFY",
    "WINDOW",
    "UNION",
    "INTERSECT",
    "EXCEPT",
];
/// Names before a dot and a function that are no dataset (GoogleSQL reference, "Function calls").
const FUNCTION_NAMESPACES: [&str; 9] =
    ["SAFE", "NET", "HLL_COUNT", "KLL_QUANTILES", "AEAD", "KEYS", "DETERMINISTIC", "ML", "AI"];
/// Functions after FROM that read nothing but the tables, models, arrays and subqueries in their arguments
/// (GoogleSQL reference, "Table functions (built in)", "Time series functions", "Search functions"). Others can
/// read more: GRAPH_TABLE reads the tables of a property graph.
const TABLE_FUNCTIONS: [&str; 6] =
    ["UNNEST", "APPENDS", "CHANGES", "GAP_FILL", "RANGE_SESSIONIZE", "VECTOR_SEARCH"];

/// One SELECT, or what is between two parentheses and has none.
#[derive(Default)]
struct Scope {
    /// Whether it has a SELECT, so that FROM is followed by a table and not by a date.
    selects: bool,
    /// Whether the next name after a comma is a table.
    in_from: bool,
    stars: Vec<Star>,
    /// `t.*` in the subqueries, where t can be a table of this SELECT: `(SELECT AS STRUCT t.*)`.
    inner_stars: Vec<Star>,
    names: Vec<Name>,
    tables: Vec<TableReference>,
    /// What it calls its tables and the subqueries with a name, in lower case.
    aliases: BTreeSet<String>,
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    scopes: Vec<Scope>,
    /// Names that the query gives to its own subqueries.
    subqueries: BTreeSet<String>,
    query: Query,
}

/// Reads a query.
///
/// # Errors
/// A sentence about what is not understood.
pub(super) fn parse(sql: &str) -> Result<Query, String> {
    let mut all = tokens(sql)?;
    while all.last().is_some_and(|last| last.is_symbol(';')) {
        all.pop();
    }
    if all.iter().any(|token| token.is_symbol(';')) {
        return Err("it has more than one statement; only a single query is checked".to_owned());
    }
    let first = all.iter().find(|token| !token.is_symbol('('));
    if !first.is_some_and(|token| token.is("SELECT") || token.is("WITH")) {
        return Err("it does not begin with SELECT or WITH; only a query is checked".to_owned());
    }
    for (keyword, why) in [
        ("SYSTEM_TIME", "it reads former rows (FOR SYSTEM_TIME), which is not checked"),
        ("LATERAL", "it uses LATERAL, which is not checked"),
    ] {
        if all.iter().any(|token| token.is(keyword)) {
            return Err(why.to_owned());
        }
    }
    let subqueries = named_subqueries(&all);
    let learns = calls_function_of(&all, &["AI", "ML"]);
    let scopes = vec![Scope::default()];
    let query = Query { learns, ..Query::default() };
    let mut reader = Reader { tokens: all, at: 0, scopes, subqueries, query };
    reader.read()?;
    while !reader.scopes.is_empty() {
        reader.close_scope();
    }
    Ok(reader.query)
}

/// Whether there is `NAMESPACE.NAME(` for one of the namespaces, with or without backticks.
fn calls_function_of(tokens: &[Token], namespaces: &[&str]) -> bool {
    let is_namespace = |name: &str| namespaces.iter().any(|it| name.eq_ignore_ascii_case(it));
    let is_name = |token: &Token| matches!(token, Token::Word(_) | Token::Quoted(_));
    tokens.windows(4).any(|window| match &window[0] {
        Token::Word(name) | Token::Quoted(name) => {
            is_namespace(name)
                && window[1].is_symbol('.')
                && is_name(&window[2])
                && window[3].is_symbol('(')
        }
        _ => false,
    }) || tokens.windows(2).any(|window| match &window[0] {
        // `ML.PREDICT` as one quoted name.
        Token::Quoted(path) => {
            let namespace = path.split_once('.').map(|(namespace, _)| namespace);
            window[1].is_symbol('(') && namespace.is_some_and(is_namespace)
        }
        _ => false,
    })
}

/// The functions of GoogleSQL, and the words that can stand before a parenthesis (GoogleSQL reference,
/// "Function reference"; BigQuery's functions of its own). One is written per line.
const BUILT_IN: &str = include_str!("functions.txt");

fn is_built_in(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    BUILT_IN.lines().any(|it| it == name)
}

/// The names in `WITH name AS (` and `, name AS (`.
fn named_subqueries(tokens: &[Token]) -> BTreeSet<String> {
    let named = tokens.windows(4).filter_map(|window| {
        let begins = window[0].is("WITH") || window[0].is("RECURSIVE") || window[0].is_symbol(',');
        match &window[1] {
            Token::Word(name) | Token::Quoted(name)
                if begins && window[2].is("AS") && window[3].is_symbol('(') =>
            {
                Some(name.to_lowercase())
            }
            _ => None,
        }
    });
    named.collect()
}

impl Reader {
    fn token(&self, offset: isize) -> Option<&Token> {
        self.tokens.get(self.at.checked_add_signed(offset)?)
    }

    fn is(&self, offset: isize, keyword: &str) -> bool {
        self.token(offset).is_some_and(|token| token.is(keyword))
    }

    fn is_symbol(&self, offset: isize, symbol: char) -> bool {
        self.token(offset).is_some_and(|token| token.is_symbol(symbol))
    }

    fn is_name(&self, offset: isize) -> bool {
        match self.token(offset) {
            Some(Token::Quoted(_)) => true,
            Some(Token::Word(word)) => !NO_ALIAS.iter().any(|it| word.eq_ignore_ascii_case(it)),
            _ => false,
        }
    }

    fn scope(&mut self) -> &mut Scope {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    fn read(&mut self) -> Result<(), String> {
        while let Some(token) = self.token(0).cloned() {
            match token {
                Token::Symbol('(') => {
                    self.scopes.push(Scope::default());
                    self.at += 1;
                }
                Token::Symbol(')') => {
                    self.close_scope();
                    self.at += 1;
                }
                Token::Symbol('*') => self.star(),
                Token::Symbol('|') if self.is_symbol(1, '>') => {
                    let why = "it uses pipe syntax, which is not checked; write SELECT … FROM";
                    return Err(why.to_owned());
                }
                Token::Symbol(',') => {
                    self.at += 1;
                    if self.scope().in_from {
                        self.table()?;
                    }
                }
                Token::Symbol(_) | Token::Literal => self.at += 1,
                Token::Word(_) | Token::Quoted(_) => self.word(&token)?,
            }
        }
        Ok(())
    }

    fn word(&mut self, token: &Token) -> Result<(), String> {
        if token.is("SELECT") {
            // The SELECT after UNION is another one.
            if self.scope().selects {
                self.close_scope();
                self.scopes.push(Scope::default());
            }
            self.scope().selects = true;
            self.at += 1;
            return Ok(());
        }
        let is_distinct = self.is(-1, "DISTINCT") && (self.is(-2, "IS") || self.is(-2, "NOT"));
        if token.is("FROM") && self.scope().selects && !is_distinct {
            self.scope().in_from = true;
            self.at += 1;
            return self.table();
        }
        if token.is("FROM") && self.is_symbol(-1, '(') {
            let why = "a subquery begins with FROM, which is not checked; write SELECT … FROM";
            return Err(why.to_owned());
        }
        if token.is("JOIN") {
            if !self.scope().in_from {
                return Err(
                    "it has a join in parentheses, which is not checked; leave them out".to_owned()
                );
            }
            self.at += 1;
            return self.table();
        }
        if (token.is("TABLE") || token.is("MODEL")) && self.is_name(1) {
            return self.argument(token.is("TABLE"));
        }
        if AFTER_FROM.iter().any(|keyword| token.is(keyword)) {
            self.scope().in_from = false;
        }
        if (token.is("PIVOT") || token.is("UNPIVOT")) && self.scope().in_from {
            // Its result has, or is grouped by, every column that it does not name.
            self.scope().stars.push(Star::default());
        }
        if token.is("AS") {
            // A name after AS is given, not read; AS STRUCT and AS VALUE are followed by more.
            self.at += 1;
            let continues = self.is(0, "STRUCT") || self.is(0, "VALUE");
            self.at += usize::from(self.is_name(0) && !continues && !self.is_symbol(1, '.'));
            return Ok(());
        }
        let path = self.path(false);
        self.check_function(&path)?;
        self.add_names(&path);
        Ok(())
    }

    /// Every part of a path can be a column, for example of a struct.
    fn add_names(&mut self, path: &[String]) {
        let is_alone = path.len() == 1 && !self.is_symbol(0, '(') && !self.is_symbol(0, '.');
        let mut of = None;
        for part in path {
            let name = part.to_lowercase();
            self.scope().names.push(Name { of: of.clone(), name: name.clone(), is_alone });
            of = Some(name);
        }
    }

    /// A function of a dataset, or of another database, can read what it does not name.
    fn check_function(&self, path: &[String]) -> Result<(), String> {
        if !self.is_symbol(0, '(') {
            return Ok(());
        }
        if let [name] = path {
            if name.eq_ignore_ascii_case("EXTERNAL_QUERY") {
                return Err("it calls EXTERNAL_QUERY, which reads another database".to_owned());
            }
            return match is_built_in(name) {
                true => Ok(()),
                // The job that runs the model can have a default dataset with functions.
                false => Err(format!(
                    "it calls `{name}`, which is no function of GoogleSQL; write its text as a part of the query"
                )),
            };
        }
        let is_namespace = FUNCTION_NAMESPACES.iter().any(|it| path[0].eq_ignore_ascii_case(it));
        if path.len() == 2 && is_namespace {
            return Ok(());
        }
        let name = path.join(".");
        Err(format!("it calls `{name}`, whose text is not known; write it as a part of the query"))
    }

    /// The path that begins here: names with dots between them. Only in a table's path can a project
    /// have dashes without backticks.
    fn path(&mut self, of_table: bool) -> Vec<String> {
        let mut path: Vec<String> = Vec::new();
        let mut project = String::new();
        while let Some(token) = self.token(0).cloned() {
            match token {
                Token::Quoted(name) => path.extend(name.split('.').map(str::to_owned)),
                Token::Word(name) => path.push(std::mem::take(&mut project) + &name),
                Token::Symbol(_) | Token::Literal => break,
            }
            self.at += 1;
            let names_follow = matches!(self.token(1), Some(Token::Word(_) | Token::Quoted(_)));
            if self.is_symbol(0, '-') && of_table && path.len() == 1 && names_follow {
                project = path.remove(0) + "-";
            } else if !(self.is_symbol(0, '.') && names_follow) {
                break;
            }
            self.at += 1;
        }
        path
    }

    /// The place of a table: after FROM, JOIN or a comma.
    fn table(&mut self) -> Result<(), String> {
        if !matches!(self.token(0), Some(Token::Word(_) | Token::Quoted(_))) {
            let mut inner = self.tokens.iter().skip(self.at).filter(|it| !it.is_symbol('('));
            let is_query = inner.next().is_some_and(|it| it.is("SELECT") || it.is("WITH"));
            return match is_query {
                true => Ok(()),
                false => {
                    Err("what is read after FROM, JOIN or a comma is not understood".to_owned())
                }
            };
        }
        let path = self.path(true);
        if self.is_symbol(0, '(') {
            // UNNEST(…), or a table function with its arguments.
            self.check_function(&path)?;
            let is_known = |name: &String| {
                TABLE_FUNCTIONS.iter().any(|known| name.eq_ignore_ascii_case(known))
            };
            return match path.as_slice() {
                [name] if !is_known(name) => {
                    Err(format!("it reads from {name}(…), which is not checked"))
                }
                _ => Ok(()),
            };
        }
        let alias = self.alias();
        self.add_table(path, alias);
        Ok(())
    }

    /// `TABLE t` or `MODEL m` as an argument: every column. It can also be a column with this name.
    fn argument(&mut self, is_table: bool) -> Result<(), String> {
        let keyword = self.path(false);
        self.add_names(&keyword[..1]);
        let path = self.path(true);
        let first = path.first().map(|it| it.to_lowercase()).unwrap_or_default();
        let is_subquery = path.len() == 1 && self.subqueries.contains(&first);
        if path.len() > 1 || is_table && !is_subquery {
            let (stars, names) = (vec![Star::default()], Vec::new());
            let reference =
                TableReference { path, alias: String::new(), may_be_array: false, stars, names };
            self.query.tables.push(reference);
        }
        Ok(())
    }

    fn add_table(&mut self, path: Vec<String>, alias: Option<String>) {
        let first = path.first().map(|it| it.to_lowercase()).unwrap_or_default();
        // Only what this SELECT, or one around it, reads before can have an array.
        let may_be_array =
            path.len() > 1 && self.scopes.iter().any(|scope| scope.aliases.contains(&first));
        let alias = alias.or_else(|| path.last().cloned()).unwrap_or_default().to_lowercase();
        self.scope().aliases.insert(alias.clone());
        if path.len() == 1 && self.subqueries.contains(&first) {
            return;
        }
        if may_be_array {
            self.add_names(&path);
        }
        self.query.aliases.insert(alias.clone());
        let (stars, names) = (Vec::new(), Vec::new());
        self.scope().tables.push(TableReference { path, alias, may_be_array, stars, names });
    }

    fn alias(&mut self) -> Option<String> {
        if self.is(0, "AS") {
            self.at += 1;
        }
        let is_operator = self.is_symbol(1, '(')
            && ["PIVOT", "UNPIVOT", "TABLESAMPLE"].iter().any(|word| self.is(0, word));
        if !self.is_name(0) || is_operator {
            return None;
        }
        let name = match self.token(0)? {
            Token::Quoted(name) | Token::Word(name) => name.clone(),
            Token::Symbol(_) | Token::Literal => return None,
        };
        self.at += 1;
        Some(name)
    }

    /// `*` in a list of columns; a product, or the argument of COUNT(*), is none.
    fn star(&mut self) {
        let after = ["SELECT", "DISTINCT", "ALL", "STRUCT", "VALUE"];
        let is_list = after.iter().any(|word| self.is(-1, word))
            || self.is_symbol(-1, ',')
            || self.is_symbol(-1, '.')
            || self.is_symbol(1, ',')
            || ["FROM", "EXCEPT", "REPLACE"].iter().any(|word| self.is(1, word))
            || self.token(1).is_none();
        let of = match (self.is_symbol(-1, '.'), self.token(-2)) {
            (true, Some(Token::Word(name) | Token::Quoted(name))) => Some(name.to_lowercase()),
            // `(…).*`: every column of what is in the parentheses, which names its columns itself.
            _ => None,
        };
        self.at += 1;
        if !is_list {
            return;
        }
        let mut except = Vec::new();
        if self.is(0, "EXCEPT") && self.is_symbol(1, '(') && !self.is(2, "SELECT") {
            self.at += 2;
            while let Some(token) = self.token(0).cloned() {
                self.at += 1;
                match token {
                    Token::Word(name) | Token::Quoted(name) => except.push(name),
                    Token::Symbol(')') => break,
                    Token::Symbol(_) | Token::Literal => {}
                }
            }
        }
        self.scope().stars.push(Star { of, except });
    }

    /// Ends a SELECT: its names and stars can be columns of its tables, its names also columns of the
    /// tables of the SELECT around it.
    fn close_scope(&mut self) {
        let Some(scope) = self.scopes.pop() else { return };
        for mut table in scope.tables {
            table.stars.extend(scope.stars.iter().cloned());
            let of_table = |star: &&Star| star.of.as_ref() == Some(&table.alias);
            table.stars.extend(scope.inner_stars.iter().filter(of_table).cloned());
            // A whole row: `SELECT t FROM people AS t`, `TO_JSON_STRING(t)`.
            if scope.names.iter().any(|name| name.is_alone && name.name == table.alias) {
                table.stars.push(Star::default());
            }
            table.names.clone_from(&scope.names);
            self.query.tables.push(table);
        }
        if let Some(outer) = self.scopes.last_mut() {
            outer.names.extend(scope.names);
            let stars = scope.stars.into_iter().chain(scope.inner_stars);
            outer.inner_stars.extend(stars.filter(|star| star.of.is_some()));
        }
    }
}
