//! Splits a file of SQL into statements, each with the line on which it begins.
//!
//! It knows what `pg_dump`, `psql`, `mysqldump` and the client `mysql` write between statements: rows
//! after `COPY … FROM stdin`, commands that begin with a backslash, `DELIMITER`, and comments that
//! MySQL executes (`/*!80016 … */`).

use crate::engine::EngineFamily;

/// A statement of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Its text without the terminator. Comments are spaces; those that MySQL executes are their content.
    pub(super) text: String,
    /// The line of its first character, from 1.
    pub(super) line: u64,
}

/// The statements of a file. One that does not end is returned as well.
pub(super) fn statements(text: &str, family: EngineFamily) -> Vec<Statement> {
    Splitter { rest: text, line: 1, family, delimiter: ";".to_owned() }.all()
}

struct Splitter<'a> {
    rest: &'a str,
    line: u64,
    family: EngineFamily,
    delimiter: String,
}

impl<'a> Splitter<'a> {
    fn all(mut self) -> Vec<Statement> {
        let mut all = Vec::new();
        while !self.rest.is_empty() {
            self.skip_blanks();
            if let Some(statement) = self.included_file() {
                all.push(statement);
                continue;
            }
            if self.client_command() {
                continue;
            }
            let statement = self.next();
            let is_copy = is_copy_from_stdin(&statement.text);
            if !statement.text.trim().is_empty() {
                all.push(statement);
            }
            if is_copy {
                self.skip_rows();
            }
        }
        all
    }

    /// Takes so many bytes, and counts lines.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count() as u64;
        self.rest = rest;
        taken
    }

    /// Takes up to the end of `end`, or everything.
    fn take_through(&mut self, from: usize, end: &str) -> &'a str {
        let found = self.rest[from..].find(end).map(|at| from + at + end.len());
        self.take(found.unwrap_or(self.rest.len()))
    }

    /// Takes white space and comments before a statement or a command of the client.
    fn skip_blanks(&mut self) {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.take(blank);
            if self.is_executed_comment() || !self.comment() {
                break;
            }
        }
    }

    /// Takes a command of psql that reads another file, as a statement: what it contains is not known.
    fn included_file(&mut self) -> Option<Statement> {
        const INCLUDES: [&str; 4] = ["\\i", "\\ir", "\\include", "\\include_relative"];
        let word = self.rest.split_whitespace().next().unwrap_or_default();
        if self.family != EngineFamily::Postgres || !INCLUDES.contains(&word) {
            return None;
        }
        let line = self.line;
        let text = self.take_through(0, "\n").trim_end().to_owned();
        Some(Statement { text, line })
    }

    /// Takes a line that is for the client and not for the server.
    fn client_command(&mut self) -> bool {
        let is_psql = self.family == EngineFamily::Postgres && self.rest.starts_with('\\');
        let delimiter = first_word(self.rest).eq_ignore_ascii_case("delimiter");
        let is_delimiter = self.family == EngineFamily::MySql && delimiter;
        if !is_psql && !is_delimiter {
            return false;
        }
        let line = self.take_through(0, "\n");
        if is_delimiter && let Some(word) = line.split_whitespace().nth(1) {
            self.delimiter = word.to_owned();
        }
        true
    }

    /// The next statement.
    fn next(&mut self) -> Statement {
        let mut text = String::new();
        let mut line = None;
        // Depth of comments that MySQL executes.
        let mut executed = 0_u32;
        while let Some(c) = self.rest.chars().next() {
            if self.rest.starts_with(&self.delimiter) {
                self.take(self.delimiter.len());
                break;
            }
            if executed > 0 && self.rest.starts_with("*/") {
                self.take(2);
                executed -= 1;
                text.push(' ');
                continue;
            }
            if self.is_executed_comment() {
                self.take(if self.rest.starts_with("/*M!") { 4 } else { 3 });
                let digits = self.rest.len()
                    - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                self.take(digits);
                executed += 1;
                text.push(' ');
                continue;
            }
            let before = self.line;
            if self.comment() {
                text.push(' ');
                // Lines within the statement are counted from its text.
                let breaks = if line.is_some() { self.line - before } else { 0 };
                text.extend((0..breaks).map(|_| '\n'));
                continue;
            }
            if !c.is_whitespace() {
                line.get_or_insert(self.line);
            } else if line.is_none() {
                self.take(c.len_utf8());
                continue;
            }
            let quoted = self.quoted();
            match quoted {
                Some(quoted) => text.push_str(quoted),
                None => text.push_str(self.take(c.len_utf8())),
            }
        }
        Statement { text, line: line.unwrap_or(self.line) }
    }

    /// Whether a comment begins here whose content MySQL and MariaDB execute. No server has version
    /// 999999, with which mariadb-dump begins its files.
    fn is_executed_comment(&self) -> bool {
        self.family == EngineFamily::MySql
            && !self.rest.starts_with("/*M!999999")
            && (self.rest.starts_with("/*!") || self.rest.starts_with("/*M!"))
    }

    /// Takes a comment, if one begins here. The line breaks within stay counted.
    fn comment(&mut self) -> bool {
        let is_mysql = self.family == EngineFamily::MySql;
        let is_line = self.rest.starts_with("--") || is_mysql && self.rest.starts_with('#');
        if is_line {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.take(end);
            return true;
        }
        if !self.rest.starts_with("/*") {
            return false;
        }
        if is_mysql {
            self.take_through(2, "*/");
            return true;
        }
        // PostgreSQL's comments nest.
        let mut depth = 0_u32;
        while !self.rest.is_empty() {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.take(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.take(2);
                if depth == 0 {
                    break;
                }
            } else {
                let next = self.rest.chars().next().map_or(1, char::len_utf8);
                self.take(next);
            }
        }
        true
    }

    /// Takes a quoted text or name, if one begins here.
    fn quoted(&mut self) -> Option<&'a str> {
        let is_mysql = self.family == EngineFamily::MySql;
        let first = self.rest.chars().next()?;
        match first {
            '\'' | '"' => Some(self.take_quoted(first, is_mysql)),
            '`' => Some(self.take_quoted(first, false)),
            'E' | 'e' if self.rest[1..].starts_with('\'') && !is_mysql => {
                let length = quoted_length(&self.rest[1..], '\'', true);
                Some(self.take(1 + length))
            }
            '$' if !is_mysql => {
                let tag = dollar_tag(self.rest)?;
                Some(self.take_through(tag.len(), tag))
            }
            // A word at once, so that the `e` of `type'…'` begins no quotation.
            c if c.is_alphanumeric() || c == '_' => {
                let word = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$');
                let word = word.unwrap_or(self.rest.len());
                let is_delimiter = self.rest[..word].contains(&self.delimiter);
                (!is_delimiter).then(|| self.take(word))
            }
            _ => None,
        }
    }

    fn take_quoted(&mut self, mark: char, escapes: bool) -> &'a str {
        let length = quoted_length(self.rest, mark, escapes);
        self.take(length)
    }

    /// Skips the rows after `COPY … FROM stdin`, up to `\.`.
    fn skip_rows(&mut self) {
        self.take_through(0, "\n");
        while !self.rest.is_empty() {
            let line = self.take_through(0, "\n");
            if line.trim_end() == "\\." {
                break;
            }
        }
    }
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

fn is_copy_from_stdin(text: &str) -> bool {
    let lower = text.trim_start().to_ascii_lowercase();
    lower.starts_with("copy ") && lower.contains(" from stdin")
}

/// The tag of a dollar quotation that begins here: `$$` or `$body$`.
fn dollar_tag(text: &str) -> Option<&str> {
    let end = text[1..].find('$')? + 1;
    let name = &text[1..end];
    let is_tag = name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    is_tag.then(|| &text[..=end])
}

/// The length in bytes of a quotation, with both marks; a doubled mark is one inside.
fn quoted_length(text: &str, mark: char, escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == mark {
            if chars.peek().is_some_and(|(_, next)| *next == mark) {
                chars.next();
            } else {
                return at + c.len_utf8();
            }
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, family: EngineFamily) -> Vec<(u64, String)> {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        statements(text, family).into_iter().map(|it| (it.line, words(&it.text))).collect()
    }

    #[test]
    fn what_dumps_of_postgresql_write_between_statements() {
        let text = "-- a dump\n\\restrict abc\n-- a; comment\nCREATE TABLE t (a text DEFAULT 'x;''y', \"b;\" int);\n\
                    COPY t FROM stdin;\n1\tDROP TABLE t;\n\\.\n\n/* outer /* inner; */ */ DO $body$ BEGIN; END; $body$;\n\
                    SELECT E'\\';', $$;$$;\nALTER TABLE t ADD c int";
        let expected = [
            (4, "CREATE TABLE t (a text DEFAULT 'x;''y', \"b;\" int)"),
            (5, "COPY t FROM stdin"),
            (9, "DO $body$ BEGIN; END; $body$"),
            (10, "SELECT E'\\';', $$;$$"),
            (11, "ALTER TABLE t ADD c int"),
        ];
        let expected: Vec<(u64, String)> =
            expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect();
        assert_eq!(shown(text, EngineFamily::Postgres), expected);
    }

    #[test]
    fn what_dumps_of_mysql_write_between_statements() {
        let text = "/*M!999999\\- enable the sandbox mode */ /*!40101 SET NAMES utf8 */;\n# a; comment\nCREATE TABLE `t;` (\n  a int COMMENT 'it\\'s; here' /*!80023 INVISIBLE */\n);\n\
                    DELIMITER ;;\nCREATE TRIGGER x BEGIN SET @a = 1; END ;;\nDELIMITER ;\nDROP TABLE t;";
        let expected = [
            (1, "SET NAMES utf8"),
            (3, "CREATE TABLE `t;` ( a int COMMENT 'it\\'s; here' INVISIBLE )"),
            (7, "CREATE TRIGGER x BEGIN SET @a = 1; END"),
            (9, "DROP TABLE t"),
        ];
        let expected: Vec<(u64, String)> =
            expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect();
        assert_eq!(shown(text, EngineFamily::MySql), expected);
    }

    /// A file that ends anywhere ends no command.
    #[test]
    fn a_file_that_is_cut_at_any_place_is_read() {
        let text = "CREATE TABLE \"표\" (a text DEFAULT E'\\'', b $t$x$t$); /* /* */ */ COPY t FROM stdin;\n1\n\\.\n`x` '값";
        for (at, _) in text.char_indices() {
            for family in [EngineFamily::Postgres, EngineFamily::MySql] {
                let all = statements(&text[..at], family);
                assert!(all.iter().all(|it| it.line <= 4), "{at}");
            }
        }
    }
}
