//! What each statement does to the tables.

use sqlparser::tokenizer::Token;

use super::tokens::{Result, Tokens};
use super::{DdlColumn, DdlTable, Name, Place, Removed, Schema, UserType, types};
use crate::catalogue::Column;
use crate::engine::EngineFamily;

/// The first words of statements that change no table, one beginning per line.
const OTHERS: &str = include_str!("others.txt");

/// The first words of actions of `ALTER TABLE` that change no column, one per line.
const ACTIONS: &str = include_str!("actions.txt");

/// How many words of a statement are shown.
const SHOWN: usize = 3;

/// The first words of a statement, without its values.
pub(super) fn head(text: &str) -> String {
    let is_word =
        |word: &&str| word.chars().all(|c| c.is_ascii_alphabetic() || c == '_') && !word.is_empty();
    let words = text.split_whitespace().take(SHOWN).take_while(is_word);
    let words: Vec<String> = words.map(str::to_uppercase).collect();
    if words.is_empty() { "a statement".to_owned() } else { words.join(" ") }
}

impl Schema {
    /// Applies a statement.
    ///
    /// # Errors
    /// Why it cannot be read, although it may change a table.
    pub(super) fn apply(&mut self, text: &str, place: &Place) -> Result<()> {
        let Ok(mut tokens) = Tokens::of(text, self.family) else {
            // Bodies of functions need not be SQL of this dialect.
            let begins = text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
            return match is_other(&begins) {
                true => Ok(()),
                false => Err("it is not SQL of this engine".to_owned()),
            };
        };
        if tokens.take("CREATE TABLE") || takes_create_table(&mut tokens) {
            return self.create_table(text, tokens, place);
        }
        if tokens.take("ALTER TABLE") {
            return self.alter_table(tokens, place);
        }
        if tokens.take_any(&["DROP TABLE", "DROP TEMPORARY TABLE"]) {
            return self.drop_tables(tokens, place);
        }
        if tokens.take_any(&["CREATE TYPE", "CREATE DOMAIN"]) {
            return self.create_type(tokens);
        }
        if self.family == EngineFamily::MySql && tokens.take("RENAME TABLE") {
            return self.rename_tables(&tokens, place);
        }
        self.move_names(&mut tokens, text)
    }

    /// Statements about schemas, and those that change no table.
    fn move_names(&mut self, tokens: &mut Tokens, text: &str) -> Result<()> {
        if tokens.take("SET") {
            return self.set(tokens);
        }
        if tokens.take("USE") {
            self.current = tokens.identifier()?;
            return Ok(());
        }
        if tokens.take_any(&["ALTER TYPE", "ALTER DOMAIN", "ALTER SCHEMA"]) {
            let _ = tokens.object_name()?;
            let second = tokens.word_after(1);
            // New values of an enumeration, rules of a domain; another name or schema moves the type of
            // columns, or their tables.
            return match tokens.word().as_str() {
                "ADD" | "OWNER" | "DROP" | "VALIDATE" => Ok(()),
                "SET" if second != "SCHEMA" => Ok(()),
                "RENAME" if matches!(second.as_str(), "VALUE" | "CONSTRAINT") => Ok(()),
                _ => Err("it moves a type or a schema, and its columns are not known".to_owned()),
            };
        }
        if tokens.take("DROP SCHEMA") {
            return match tokens.has("CASCADE") {
                true => Err("its tables are dropped with it".to_owned()),
                false => Ok(()),
            };
        }
        if tokens.take("SELECT") && tokens.has("INTO") {
            return Err("it creates a table from a query, whose types are not known".to_owned());
        }
        let begins = text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
        match is_other(&begins) {
            true => Ok(()),
            false => Err("it may change a table, and what it does is not known".to_owned()),
        }
    }

    /// `SET search_path TO shop, public`.
    fn set(&mut self, tokens: &mut Tokens) -> Result<()> {
        tokens.take_any(&["LOCAL", "SESSION"]);
        if !tokens.take("SEARCH_PATH") {
            return Ok(());
        }
        if !tokens.take("TO") {
            tokens.takes_symbol(&Token::Eq);
        }
        let first = match tokens.text() {
            Some(text) => text,
            None => tokens.identifier()?,
        };
        // `''` in a dump of pg_dump: every name has its schema.
        if !first.is_empty() && first != "$user" {
            self.current = first;
        }
        Ok(())
    }

    fn named(&self, parts: &[String]) -> Name {
        match parts {
            [name] => (self.current.clone(), name.clone()),
            [.., schema, name] => (schema.clone(), name.clone()),
            [] => (self.current.clone(), String::new()),
        }
    }

    fn name(&self, tokens: &mut Tokens) -> Result<Name> {
        Ok(self.named(&tokens.object_name()?))
    }

    /// A type that a file defined.
    pub(super) fn user_type(&self, parts: &[String]) -> Option<&UserType> {
        let plain: Vec<String> = parts
            .iter()
            .map(|part| match part.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
                Some(quoted) => quoted.replace("\"\"", "\""),
                None => part.to_lowercase(),
            })
            .collect();
        let name = self.named(&plain);
        let anywhere = || self.types.iter().find(|((_, it), _)| *it == name.1).map(|it| it.1);
        let in_schema = self.types.get(&name);
        if plain.len() > 1 { in_schema } else { in_schema.or_else(anywhere) }
    }

    fn table_mut(&mut self, name: &Name) -> Result<&mut DdlTable> {
        let is_mysql = self.family == EngineFamily::MySql;
        let found = self.tables.keys().find(|it| {
            *it == name || is_mysql && it.0 == name.0 && it.1.eq_ignore_ascii_case(&name.1)
        });
        let found = found.cloned();
        let shown = format!("{}.{}", name.0, name.1);
        found.and_then(|it| self.tables.get_mut(&it)).ok_or_else(|| {
            format!("no file, contract or database before it has the table `{shown}`")
        })
    }

    fn create_table(&mut self, text: &str, mut tokens: Tokens, place: &Place) -> Result<()> {
        let begins = head(text);
        let keeps = tokens.take("IF NOT EXISTS");
        let name = self.name(&mut tokens)?;
        if keeps && self.tables.contains_key(&name) {
            return Ok(());
        }
        let mut table = DdlTable {
            schema: name.0.clone(),
            name: name.1.clone(),
            columns: Vec::new(),
            place: Some(place.clone()),
            partition_of: None,
            skip_reason: skip_reason(&begins),
        };
        if tokens.take("PARTITION OF") {
            let (schema, of) = self.name(&mut tokens)?;
            table.columns.clone_from(&self.table_mut(&(schema.clone(), of.clone()))?.columns);
            table.partition_of = Some(format!("{schema}.{of}"));
            self.tables.insert(name, table);
            return Ok(());
        }
        if tokens.take("LIKE") {
            let like = self.name(&mut tokens)?;
            table.columns = self.columns_of(&like, place)?;
            self.tables.insert(name, table);
            return Ok(());
        }
        if !tokens.is_symbol(&Token::LParen) {
            return Err("it creates a table from something else than columns".to_owned());
        }
        for piece in tokens.list()? {
            self.add_piece(&mut table, piece, place)?;
        }
        if tokens.take("INHERITS") {
            let mut inherited = Vec::new();
            for mut parent in tokens.list()? {
                let parent = self.name(&mut parent)?;
                inherited.extend(self.columns_of(&parent, place)?);
            }
            inherited
                .retain(|it| !table.columns.iter().any(|own| own.column.name == it.column.name));
            inherited.append(&mut table.columns);
            table.columns = inherited;
        }
        if tokens.has("SELECT") || tokens.has("AS") {
            return Err("it creates a table from a query, whose types are not known".to_owned());
        }
        self.tables.insert(name, table);
        Ok(())
    }

    /// As [`Self::columns_of`], for `LIKE`, with which PostgreSQL forgets the dimensions of arrays.
    fn columns_like(&mut self, like: &Name, place: &Place) -> Result<Vec<DdlColumn>> {
        let mut columns = self.columns_of(like, place)?;
        for it in &mut columns {
            it.column.array_dimensions = 0;
        }
        Ok(columns)
    }

    /// The columns of another table, as columns that are written here.
    fn columns_of(&mut self, other: &Name, place: &Place) -> Result<Vec<DdlColumn>> {
        let columns = self.table_mut(other)?.columns.clone();
        let here = |it: DdlColumn| DdlColumn { place: Some(place.clone()), ..it };
        Ok(columns.into_iter().map(here).collect())
    }

    /// Adds what stands between two commas of a table's definition: a column or a constraint.
    fn add_piece(&mut self, table: &mut DdlTable, mut piece: Tokens, place: &Place) -> Result<()> {
        if piece.take("LIKE") {
            let like = self.name(&mut piece)?;
            table.columns.extend(self.columns_like(&like, place)?);
            return Ok(());
        }
        if self.is_constraint(&piece) {
            return Ok(());
        }
        let column = self.column(&mut piece, place)?;
        table.columns.push(column);
        Ok(())
    }

    /// Whether an index, a key or a constraint is defined, and no column.
    fn is_constraint(&self, piece: &Tokens) -> bool {
        let word = piece.word();
        match word.as_str() {
            "CONSTRAINT" | "PRIMARY" | "UNIQUE" | "CHECK" | "FOREIGN" => true,
            "EXCLUDE" => piece.word_after(1) == "USING" || piece.word_after(1).is_empty(),
            "KEY" | "INDEX" | "FULLTEXT" | "SPATIAL" => self.family == EngineFamily::MySql,
            "VECTOR" | "PERIOD" => {
                self.family == EngineFamily::MySql
                    && matches!(piece.word_after(1).as_str(), "INDEX" | "KEY" | "FOR")
            }
            _ => false,
        }
    }

    /// `name type …`.
    fn column(&self, piece: &mut Tokens, place: &Place) -> Result<DdlColumn> {
        let place = Some(at(place, piece));
        let name = piece.identifier()?;
        let column = self.type_of(&name, piece)?;
        Ok(DdlColumn { column, place })
    }

    fn type_of(&self, name: &str, piece: &mut Tokens) -> Result<Column> {
        let of_column = |why: String| format!("column `{name}`: {why}");
        let ty = piece.data_type().map_err(of_column)?;
        let mut column = types::column(self, name, &ty).map_err(of_column)?;
        // Attributes that the parser leaves for the options of the column.
        let is_unsigned = piece.has("UNSIGNED") || piece.has("ZEROFILL");
        if self.family == EngineFamily::MySql && is_unsigned && !column.data_type.contains(' ') {
            column.data_type.push_str(" unsigned");
        }
        Ok(column)
    }

    fn alter_table(&mut self, mut tokens: Tokens, place: &Place) -> Result<()> {
        let may_be_gone = tokens.take("IF EXISTS");
        tokens.take("ONLY");
        let mut name = self.name(&mut tokens)?;
        tokens.takes_symbol(&Token::Mul);
        match self.table_mut(&name) {
            Ok(table) => name = (table.schema.clone(), table.name.clone()),
            Err(_) if may_be_gone => return Ok(()),
            Err(why) => {
                // Owners, triggers and keys of a view or a sequence change no column.
                return if tokens.split().iter().all(|it| self.changes_no_column(it)) {
                    Ok(())
                } else {
                    Err(why)
                };
            }
        }
        for mut action in tokens.split() {
            name = self.action(name, &mut action, place)?;
        }
        Ok(())
    }

    /// Whether an action of `ALTER TABLE` changes neither columns nor names.
    fn changes_no_column(&self, action: &Tokens) -> bool {
        let (word, second) = (action.word(), action.word_after(1));
        let is_key = |it: &str| {
            matches!(
                it,
                "CONSTRAINT" | "PRIMARY" | "UNIQUE" | "CHECK" | "FOREIGN" | "EXCLUDE" | "PARTITION"
            ) || self.family == EngineFamily::MySql
                && matches!(it, "KEY" | "INDEX" | "FULLTEXT" | "SPATIAL")
        };
        match word.as_str() {
            "ADD" | "DROP" => is_key(&second),
            "RENAME" => {
                second == "CONSTRAINT"
                    || self.family == EngineFamily::MySql
                        && matches!(second.as_str(), "KEY" | "INDEX")
            }
            "SET" => second != "SCHEMA",
            "ALTER" => is_key(&second),
            "ATTACH" | "DETACH" => false,
            other => ACTIONS.lines().any(|it| it == other),
        }
    }

    /// Applies one action of `ALTER TABLE`, which begins at `start`, and returns the name of the table
    /// after it.
    fn action(&mut self, name: Name, action: &mut Tokens, start: &Place) -> Result<Name> {
        if self.changes_no_column(action) {
            return Ok(name);
        }
        let place = &at(start, action);
        if action.take("ADD") {
            self.add_columns(&name, action, start)?;
        } else if action.take("DROP") {
            action.take("COLUMN");
            let may_be_gone = action.take("IF EXISTS");
            let column = action.identifier()?;
            self.drop_column(&name, &column, may_be_gone, place)?;
        } else if action.take("RENAME") {
            return self.rename(name, action, place);
        } else if action.take("SET SCHEMA") {
            let schema = action.identifier()?;
            let to = (schema, name.1.clone());
            return Ok(self.rename_table(&name, to, place));
        } else if action.take("ALTER") {
            self.alter_column(&name, action, place)?;
        } else if action.take("MODIFY") {
            action.take("COLUMN");
            action.take("IF EXISTS");
            let column = self.column(action, start)?;
            let old = column.column.name.clone();
            self.replace(&name, &old, column, place)?;
        } else if action.take("CHANGE") {
            action.take("COLUMN");
            action.take("IF EXISTS");
            let old = action.identifier()?;
            let column = self.column(action, start)?;
            self.replace(&name, &old, column, place)?;
        } else if action.take("ATTACH PARTITION") {
            let part = self.name(action)?;
            self.table_mut(&part)?.partition_of = Some(format!("{}.{}", name.0, name.1));
        } else if action.take("DETACH PARTITION") {
            let part = self.name(action)?;
            self.table_mut(&part)?.partition_of = None;
        } else {
            let word = action.word().to_lowercase();
            return Err(format!("its action `{word}` is not known"));
        }
        Ok(name)
    }

    fn add_columns(&mut self, name: &Name, action: &mut Tokens, place: &Place) -> Result<()> {
        action.take("COLUMN");
        let keeps = action.take("IF NOT EXISTS");
        let pieces = match action.is_symbol(&Token::LParen) {
            true => action.list()?,
            false => vec![action.clone()],
        };
        for mut piece in pieces {
            if self.is_constraint(&piece) {
                continue;
            }
            let added = self.column(&mut piece, place)?;
            let table = self.table_mut(name)?;
            let there = table.columns.iter().position(|it| it.column.name == added.column.name);
            match there {
                Some(_) if keeps => {}
                Some(at) => table.columns[at] = added,
                None => table.columns.push(added),
            }
        }
        Ok(())
    }

    fn position(&mut self, name: &Name, column: &str) -> Result<usize> {
        let is_mysql = self.family == EngineFamily::MySql;
        let table = self.table_mut(name)?;
        let is_it = |it: &DdlColumn| {
            it.column.name == column || is_mysql && it.column.name.eq_ignore_ascii_case(column)
        };
        table.columns.iter().position(is_it).ok_or_else(|| {
            format!("the table `{}.{}` has no column `{column}`", table.schema, table.name)
        })
    }

    fn drop_column(
        &mut self,
        name: &Name,
        column: &str,
        may_be_gone: bool,
        place: &Place,
    ) -> Result<()> {
        let at = match self.position(name, column) {
            Ok(at) => at,
            Err(_) if may_be_gone => return Ok(()),
            Err(why) => return Err(why),
        };
        self.table_mut(name)?.columns.remove(at);
        self.note_removed(name, Some(column), None, place);
        Ok(())
    }

    fn note_removed(&mut self, name: &Name, column: Option<&str>, to: Option<&str>, place: &Place) {
        self.removed.push(Removed {
            table: format!("{}.{}", name.0, name.1),
            column: column.map(str::to_owned),
            to: to.map(str::to_owned),
            place: place.clone(),
        });
    }

    /// Puts a column in the place of another, which may have another name.
    fn replace(&mut self, name: &Name, old: &str, new: DdlColumn, place: &Place) -> Result<()> {
        let at = self.position(name, old)?;
        let to = new.column.name.clone();
        self.table_mut(name)?.columns[at] = new;
        if to != old {
            self.note_removed(name, Some(old), Some(&to), place);
        }
        Ok(())
    }

    fn rename(&mut self, name: Name, action: &mut Tokens, place: &Place) -> Result<Name> {
        if action.take_any(&["TO", "AS"]) {
            let to = action.object_name()?;
            let to = match to.as_slice() {
                [only] => (name.0.clone(), only.clone()),
                _ => self.named(&to),
            };
            return Ok(self.rename_table(&name, to, place));
        }
        action.take("COLUMN");
        let old = action.identifier()?;
        if !action.take("TO") {
            return Err("`TO` is expected after the old name".to_owned());
        }
        let to = action.identifier()?;
        let at = self.position(&name, &old)?;
        let column = &mut self.table_mut(&name)?.columns[at];
        column.column.name.clone_from(&to);
        column.place = Some(place.clone());
        self.note_removed(&name, Some(&old), Some(&to), place);
        Ok(name)
    }

    fn rename_table(&mut self, name: &Name, to: Name, place: &Place) -> Name {
        if let Some(mut table) = self.tables.remove(name) {
            (table.schema, table.name) = to.clone();
            table.place = Some(place.clone());
            self.tables.insert(to.clone(), table);
            self.note_removed(name, None, Some(&format!("{}.{}", to.0, to.1)), place);
        }
        to
    }

    /// `ALTER COLUMN name [SET DATA] TYPE …`; all else changes no type.
    fn alter_column(&mut self, name: &Name, action: &mut Tokens, place: &Place) -> Result<()> {
        action.take("COLUMN");
        let column = action.identifier()?;
        if !action.take_any(&["TYPE", "SET DATA TYPE"]) {
            return Ok(());
        }
        let changed = self.type_of(&column, action)?;
        let new = DdlColumn { column: changed, place: Some(place.clone()) };
        self.replace(name, &column, new, place)
    }

    fn drop_tables(&mut self, mut tokens: Tokens, place: &Place) -> Result<()> {
        let may_be_gone = tokens.take("IF EXISTS");
        for mut name in tokens.split() {
            let name = self.name(&mut name)?;
            match self.table_mut(&name).map(|it| (it.schema.clone(), it.name.clone())) {
                Ok(found) => {
                    self.tables.remove(&found);
                    self.note_removed(&found, None, None, place);
                }
                Err(_) if may_be_gone => {}
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    fn rename_tables(&mut self, tokens: &Tokens, place: &Place) -> Result<()> {
        for mut pair in tokens.split() {
            let from = self.name(&mut pair)?;
            if !pair.take("TO") {
                return Err("`TO` is expected after the old name".to_owned());
            }
            let to = self.name(&mut pair)?;
            let found = self.table_mut(&from).map(|it| (it.schema.clone(), it.name.clone()))?;
            self.rename_table(&found, to, place);
        }
        Ok(())
    }

    fn create_type(&mut self, mut tokens: Tokens) -> Result<()> {
        let name = self.name(&mut tokens)?;
        // Only CREATE DOMAIN goes on with a type.
        let is_as = tokens.take("AS");
        let defined = if is_as && tokens.word() == "ENUM" {
            UserType::Enum
        } else if is_as && (tokens.is_symbol(&Token::LParen) || tokens.word() == "RANGE")
            || tokens.is_symbol(&Token::LParen)
            || tokens.is_empty()
        {
            UserType::Other
        } else {
            UserType::Domain(self.type_of(&name.1, &mut tokens)?)
        };
        self.types.insert(name, defined);
        Ok(())
    }
}

fn takes_create_table(tokens: &mut Tokens) -> bool {
    tokens.take_any(&[
        "CREATE UNLOGGED TABLE",
        "CREATE TEMPORARY TABLE",
        "CREATE TEMP TABLE",
        "CREATE GLOBAL TEMPORARY TABLE",
        "CREATE LOCAL TEMPORARY TABLE",
        "CREATE OR REPLACE TABLE",
    ])
}

/// Where the next token is, in a statement that begins at `start`.
fn at(start: &Place, tokens: &Tokens) -> Place {
    Place { line: start.line + tokens.line() - 1, ..start.clone() }
}

/// Why a snapshot export skips a table, by the words before `TABLE`.
fn skip_reason(begins: &str) -> Option<String> {
    let has = |word: &str| begins.split(' ').any(|it| it == word);
    if has("UNLOGGED") {
        return Some("it is unlogged".to_owned());
    }
    (has("TEMPORARY") || has("TEMP")).then(|| "it is temporary".to_owned())
}

/// Whether a statement, in upper case and with single spaces, begins as one that changes no table.
fn is_other(text: &str) -> bool {
    let begins = |beginning: &str| {
        text.strip_prefix(beginning)
            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    };
    OTHERS.lines().filter(|it| !it.is_empty() && !it.starts_with('#')).any(begins)
}
