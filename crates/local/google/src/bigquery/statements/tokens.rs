//! Tokens of a statement, with their places in the text, and a cursor over them.
//!
//! The text of queries and expressions is passed on as it is written; this module only finds where they
//! begin and end (GoogleSQL reference, "Lexical structure and syntax").

use crate::error::GoogleError;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword without quotes.
    Word,
    /// A name in backticks.
    Quoted,
    /// A STRING or BYTES literal.
    Text,
    Number,
    /// `@name`, `@@name` or `?`.
    Parameter,
    /// One character of punctuation.
    Mark,
}

/// A token: bytes `start..end` of the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The tokens of a text without blanks and comments.
///
/// # Errors
/// 400 for a literal, a name or a comment that does not end.
pub(super) fn tokenize(sql: &str) -> Result<Vec<Token>, GoogleError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = sql[at..].chars().next() {
        let rest = &sql[at..];
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if let Some(length) = comment_length(rest)? {
            at += length;
            continue;
        }
        let (kind, length) = token_at(rest, first)?;
        tokens.push(Token { kind, start: at, end: at + length });
        at += length;
    }
    Ok(tokens)
}

fn comment_length(rest: &str) -> Result<Option<usize>, GoogleError> {
    if rest.starts_with("--") || rest.starts_with('#') {
        return Ok(Some(rest.find('\n').unwrap_or(rest.len())));
    }
    if rest.starts_with("/*") {
        return match rest.find("*/") {
            Some(end) => Ok(Some(end + 2)),
            None => Err(GoogleError::invalid_query("Syntax error: Unclosed comment")),
        };
    }
    Ok(None)
}

fn token_at(rest: &str, first: char) -> Result<(Kind, usize), GoogleError> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let word_end = |text: &str| text.find(|c| !is_name(c)).unwrap_or(text.len());
    if let Some(length) = text_length(rest)? {
        return Ok((Kind::Text, length));
    }
    if first == '`' {
        let end = rest[1..].find('`').ok_or_else(|| {
            GoogleError::invalid_query("Syntax error: Unclosed identifier literal")
        })?;
        return Ok((Kind::Quoted, end + 2));
    }
    if first.is_ascii_digit() {
        let end = rest.find(|c| !(is_name(c) || c == '.')).unwrap_or(rest.len());
        return Ok((Kind::Number, end));
    }
    if is_name(first) {
        return Ok((Kind::Word, word_end(rest)));
    }
    if first == '@' {
        let marks = rest.len() - rest.trim_start_matches('@').len();
        return Ok((Kind::Parameter, marks + word_end(&rest[marks..])));
    }
    if first == '?' {
        return Ok((Kind::Parameter, 1));
    }
    Ok((Kind::Mark, first.len_utf8()))
}

/// The length of a STRING or BYTES literal, with its prefix, at the start of `rest`.
fn text_length(rest: &str) -> Result<Option<usize>, GoogleError> {
    let prefix = rest.bytes().take(3).take_while(u8::is_ascii_alphabetic).count();
    let is_prefix =
        ["", "r", "b", "rb", "br"].contains(&rest[..prefix].to_ascii_lowercase().as_str());
    let body = &rest[prefix..];
    let Some(quote) = body.chars().next().filter(|it| is_prefix && "'\"".contains(*it)) else {
        return Ok(None);
    };
    let triple = quote.to_string().repeat(3);
    let close = if body.starts_with(&triple) { triple } else { quote.to_string() };
    let mut at = close.len();
    while !body[at..].starts_with(&close) {
        let mut chars = body[at..].chars();
        let next = chars.next().filter(|it| close.len() == 3 || *it != '\n');
        let next = next
            .ok_or_else(|| GoogleError::invalid_query("Syntax error: Unclosed string literal"))?;
        at += next.len_utf8();
        if next == '\\' {
            at += chars.next().map_or(0, char::len_utf8);
        }
    }
    Ok(Some(prefix + at + close.len()))
}

/// A place in the tokens of a statement.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    pub(super) sql: &'a str,
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(sql: &'a str, tokens: &'a [Token]) -> Self {
        Self { sql, tokens, at: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// The next token.
    pub(super) fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    /// The text of the next token; empty at the end.
    pub(super) fn peek_text(&self) -> &'a str {
        self.peek().map_or("", |it| &self.sql[it.start..it.end])
    }

    fn text_at(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |it| &self.sql[it.start..it.end])
    }

    /// Whether these words or marks come next. The case of words does not matter.
    pub(super) fn is_next(&self, words: &[&str]) -> bool {
        (words.iter().enumerate())
            .all(|(nr, word)| self.text_at(self.at + nr).eq_ignore_ascii_case(word))
    }

    /// Whether a clause begins with this word: `IS DISTINCT FROM` begins none.
    pub(super) fn is_clause(&self, word: &str) -> bool {
        let before = self.at.checked_sub(1).map_or("", |it| self.text_at(it));
        self.is_next(&[word]) && !before.eq_ignore_ascii_case("DISTINCT")
    }

    /// Consumes `words` if they come next.
    pub(super) fn accepts(&mut self, words: &[&str]) -> bool {
        let found = self.is_next(words);
        if found {
            self.at += words.len();
        }
        found
    }

    /// Consumes `words`.
    ///
    /// # Errors
    /// 400 unless they come next.
    pub(super) fn expect(&mut self, words: &[&str]) -> Result<(), GoogleError> {
        if self.accepts(words) { Ok(()) } else { Err(self.unexpected(&words.join(" "))) }
    }

    /// Consumes the next token.
    pub(super) fn next(&mut self) -> Option<Token> {
        let token = self.peek();
        self.at += usize::from(token.is_some());
        token
    }

    /// The error for a statement that does not continue with `expected`.
    pub(super) fn unexpected(&self, expected: &str) -> GoogleError {
        let place = self.peek().map_or(self.sql.len(), |it| it.start);
        let before = &self.sql[..place];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let found = match self.peek().map(|it| it.kind) {
            None => "end of statement".to_owned(),
            Some(Kind::Text) => "a literal".to_owned(),
            Some(_) => format!("\"{}\"", self.peek_text()),
        };
        GoogleError::invalid_query(format!(
            "Syntax error: Expected {expected} but got {found} at [{line}:{column}]"
        ))
    }

    /// # Errors
    /// 400 unless all tokens were consumed.
    pub(super) fn expect_end(&self) -> Result<(), GoogleError> {
        if self.is_at_end() { Ok(()) } else { Err(self.unexpected("end of statement")) }
    }

    /// A single name.
    pub(super) fn name(&mut self) -> Result<String, GoogleError> {
        match self.peek() {
            Some(Token { kind: Kind::Word, .. }) => {
                let name = self.peek_text().to_owned();
                self.at += 1;
                Ok(name)
            }
            Some(Token { kind: Kind::Quoted, .. }) => {
                let name = self.peek_text().trim_matches('`').to_owned();
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    /// A name with periods, as its parts. The name may be quoted as a whole or in parts, and a
    /// project's name may have dashes without quotes.
    pub(super) fn path(&mut self) -> Result<Vec<String>, GoogleError> {
        let mut path = String::new();
        loop {
            path.push_str(&self.name()?);
            while self.is_next(&["-"]) && self.is_adjacent(self.at) {
                self.at += 1;
                path.push('-');
                path.push_str(self.peek_text());
                self.at += 1;
            }
            if !self.accepts(&["."]) {
                return Ok(path.split('.').map(str::to_owned).collect());
            }
            path.push('.');
        }
    }

    /// Whether token `at` touches the tokens before and behind it.
    fn is_adjacent(&self, at: usize) -> bool {
        let touches = |one: Option<&Token>, other: Option<&Token>| {
            one.zip(other).is_some_and(|(one, other)| one.end == other.start)
        };
        let before = at.checked_sub(1).and_then(|it| self.tokens.get(it));
        touches(before, self.tokens.get(at))
            && touches(self.tokens.get(at), self.tokens.get(at + 1))
    }

    /// Consumes tokens up to the first one outside parentheses and CASE expressions for which `ends` is true, or to the
    /// end, and returns their text. `ends` gets the cursor at a token.
    pub(super) fn text_until(&mut self, ends: impl Fn(&Self) -> bool) -> &'a str {
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(token) = self.peek() {
            if depth == 0 && ends(self) {
                break;
            }
            if token.kind == Kind::Mark {
                match self.peek_text() {
                    "(" | "[" => depth += 1,
                    ")" | "]" if depth == 0 => break,
                    ")" | "]" => depth -= 1,
                    _ => {}
                }
            } else if self.is_next(&["CASE"]) {
                depth += 1;
            } else if self.is_next(&["END"]) {
                depth = depth.saturating_sub(1);
            }
            self.at += 1;
        }
        self.text_from(start)
    }

    /// The text of all remaining tokens, which are consumed.
    pub(super) fn rest(&mut self) -> &'a str {
        let start = self.at;
        self.at = self.tokens.len();
        self.text_from(start)
    }

    fn text_from(&self, start: usize) -> &'a str {
        match (self.tokens.get(start), self.at.checked_sub(1).and_then(|it| self.tokens.get(it))) {
            (Some(first), Some(last)) if start < self.at => &self.sql[first.start..last.end],
            _ => "",
        }
    }

    /// Consumes `( … )` and returns a cursor over what is between.
    pub(super) fn parenthesised(&mut self) -> Result<Cursor<'a>, GoogleError> {
        self.expect(&["("])?;
        let start = self.at;
        self.text_until(|_| false);
        let inner = Cursor { sql: self.sql, tokens: &self.tokens[start..self.at], at: 0 };
        self.expect(&[")"])?;
        Ok(inner)
    }

    /// The comma-separated texts of the remaining tokens. Angle brackets do not protect a comma.
    pub(super) fn list(&mut self) -> Vec<&'a str> {
        let mut items = Vec::new();
        while !self.is_at_end() {
            items.push(self.text_until(|it| it.is_next(&[","])));
            if !self.accepts(&[","]) {
                break;
            }
        }
        items
    }
}

/// Whether a text is one literal of the kind.
pub(crate) fn is_literal(text: &str, kind: Kind) -> bool {
    tokenize(text).is_ok_and(|it| it.len() == 1 && it[0].kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        tokenize(sql).expect("tokens").iter().map(|it| &sql[it.start..it.end]).collect()
    }

    #[test]
    fn literals_names_and_comments_are_found() {
        let sql =
            "SELECT r'\\', 'it''s', \"a;b\", '''x'y''' -- ;\n, `p-1.d`.t /* ; */ # ;\n, @x, ?";
        let want = [
            "SELECT",
            "r'\\'",
            ",",
            "'it'",
            "'s'",
            ",",
            "\"a;b\"",
            ",",
            "'''x'y'''",
            ",",
            "`p-1.d`",
            ".",
            "t",
            ",",
            "@x",
            ",",
            "?",
        ];
        // A raw literal keeps its backslash, but the quote behind it still does not end the literal.
        assert!(tokenize("r'\\'").is_err());
        assert_eq!(texts(&sql.replace("r'\\'", "r'\\\\'")).len(), want.len());
        for open in ["'a", "`a", "/* a", "'a\nb'"] {
            assert!(tokenize(open).is_err(), "{open}");
        }
    }

    #[test]
    fn a_path_may_be_quoted_in_parts_and_have_dashes() {
        for (sql, want) in [
            ("a.b.c", vec!["a", "b", "c"]),
            ("`my-p.d.t`", vec!["my-p", "d", "t"]),
            ("`my-p`.d.`t`", vec!["my-p", "d", "t"]),
            ("my-p-1.d.t x", vec!["my-p-1", "d", "t"]),
        ] {
            let tokens = tokenize(sql).expect("tokens");
            assert_eq!(Cursor::new(sql, &tokens).path().expect("a path"), want, "{sql}");
        }
    }

    #[test]
    fn a_text_ends_outside_parentheses() {
        let sql = "a = IF(x, (SELECT 1 FROM y), 2) FROM t";
        let tokens = tokenize(sql).expect("tokens");
        let mut cursor = Cursor::new(sql, &tokens);
        assert_eq!(
            cursor.text_until(|it| it.is_next(&["FROM"])),
            "a = IF(x, (SELECT 1 FROM y), 2)"
        );
        assert_eq!(cursor.rest(), "FROM t");
    }
}
