//! A statement as tokens of `sqlparser`.

use sqlparser::dialect::{Dialect, MySqlDialect, PostgreSqlDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::engine::EngineFamily;

/// Why a statement cannot be read.
pub(super) type Result<T> = std::result::Result<T, String>;

/// The dialect of an engine.
pub(super) fn dialect(family: EngineFamily) -> &'static dyn Dialect {
    match family {
        EngineFamily::Postgres => &PostgreSqlDialect {},
        EngineFamily::MySql => &MySqlDialect {},
    }
}

/// Tokens that are no white space.
#[derive(Clone, Debug)]
pub(super) struct Tokens {
    family: EngineFamily,
    all: Vec<TokenWithSpan>,
    next: usize,
}

impl Tokens {
    /// The tokens of a statement.
    pub(super) fn of(text: &str, family: EngineFamily) -> Result<Self> {
        let tokens = Tokenizer::new(dialect(family), text).tokenize_with_location();
        // The tokenizer's message may contain text of the statement.
        let mut all = tokens.map_err(|_| "it is not SQL of this engine".to_owned())?;
        all.retain(|it| !matches!(it.token, Token::Whitespace(_) | Token::EOF));
        Ok(Self { family, all, next: 0 })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.next >= self.all.len()
    }

    /// The line of the next token, from 1 within the statement.
    pub(super) fn line(&self) -> u64 {
        let at = self.next.min(self.all.len().saturating_sub(1));
        self.all.get(at).map_or(1, |it| it.span.start.line.max(1))
    }

    fn peek(&self) -> Option<&Token> {
        self.all.get(self.next).map(|it| &it.token)
    }

    /// The next token as a word in upper case, unless it is quoted or no word.
    pub(super) fn word(&self) -> String {
        self.word_after(0)
    }

    /// As [`Self::word`], for a later token.
    pub(super) fn word_after(&self, skipped: usize) -> String {
        match self.all.get(self.next + skipped).map(|it| &it.token) {
            Some(Token::Word(word)) if word.quote_style.is_none() => word.value.to_uppercase(),
            _ => String::new(),
        }
    }

    /// Takes the words if they come next.
    pub(super) fn take(&mut self, words: &str) -> bool {
        let words: Vec<&str> = words.split(' ').collect();
        let matches = words.iter().enumerate().all(|(at, word)| self.word_after(at) == *word);
        if matches {
            self.next += words.len();
        }
        matches
    }

    /// Takes one of the words, if one comes next.
    pub(super) fn take_any(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| self.take(word))
    }

    pub(super) fn takes_symbol(&mut self, symbol: &Token) -> bool {
        let is_next = self.peek() == Some(symbol);
        self.next += usize::from(is_next);
        is_next
    }

    pub(super) fn is_symbol(&self, symbol: &Token) -> bool {
        self.peek() == Some(symbol)
    }

    /// Whether a word comes anywhere, outside of parentheses.
    pub(super) fn has(&self, word: &str) -> bool {
        let mut depth = 0_i32;
        self.all[self.next.min(self.all.len())..].iter().any(|it| {
            match &it.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                Token::Word(found) => {
                    return depth == 0
                        && found.quote_style.is_none()
                        && found.value.eq_ignore_ascii_case(word);
                }
                _ => {}
            }
            false
        })
    }

    /// Lets the parser read something from the next token on.
    fn parse<T>(
        &mut self,
        what: &str,
        read: impl FnOnce(&mut Parser<'_>) -> std::result::Result<T, sqlparser::parser::ParserError>,
    ) -> Result<T> {
        let rest = self.all[self.next.min(self.all.len())..].to_vec();
        let length = rest.len();
        let mut parser = Parser::new(dialect(self.family)).with_tokens_with_locations(rest);
        let value = read(&mut parser).map_err(|_| format!("{what} is expected"))?;
        self.next += parser.index().min(length);
        Ok(value)
    }

    /// A name: PostgreSQL folds one without quotation marks to lower case.
    pub(super) fn identifier(&mut self) -> Result<String> {
        let ident = self.parse("a name", |parser| parser.parse_identifier())?;
        Ok(self.folded(&ident))
    }

    fn folded(&self, ident: &sqlparser::ast::Ident) -> String {
        match (self.family, ident.quote_style) {
            (EngineFamily::Postgres, None) => ident.value.to_lowercase(),
            _ => ident.value.clone(),
        }
    }

    /// A name with or without a schema: the parts.
    pub(super) fn object_name(&mut self) -> Result<Vec<String>> {
        let mut parts = vec![self.identifier()?];
        while self.takes_symbol(&Token::Period) {
            parts.push(self.identifier()?);
        }
        Ok(parts)
    }

    /// A data type.
    pub(super) fn data_type(&mut self) -> Result<sqlparser::ast::DataType> {
        self.parse("a data type", |parser| parser.parse_data_type())
    }

    /// What stands in the parentheses that begin here, split at commas.
    pub(super) fn list(&mut self) -> Result<Vec<Tokens>> {
        if !self.takes_symbol(&Token::LParen) {
            return Err("a list in parentheses is expected".to_owned());
        }
        let mut depth = 0_i32;
        let start = self.next;
        while let Some(token) = self.peek() {
            match token {
                Token::RParen if depth == 0 => {
                    let inner = self.part(start, self.next);
                    self.next += 1;
                    return Ok(inner.split());
                }
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            self.next += 1;
        }
        Err("its parentheses do not end".to_owned())
    }

    fn part(&self, from: usize, to: usize) -> Tokens {
        Tokens { family: self.family, all: self.all[from..to].to_vec(), next: 0 }
    }

    /// The rest, split at commas outside of parentheses and brackets.
    pub(super) fn split(&self) -> Vec<Tokens> {
        let (mut depth, mut start, mut parts) = (0_i32, self.next, Vec::new());
        for (at, it) in self.all.iter().enumerate().skip(self.next) {
            match it.token {
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket => depth -= 1,
                Token::Comma if depth == 0 => {
                    parts.push(self.part(start, at));
                    start = at + 1;
                }
                _ => {}
            }
        }
        parts.push(self.part(start, self.all.len()));
        parts.retain(|part| !part.is_empty());
        parts
    }

    /// A literal text, if one comes next.
    pub(super) fn text(&mut self) -> Option<String> {
        match self.peek() {
            Some(Token::SingleQuotedString(text) | Token::DoubleQuotedString(text)) => {
                let text = text.clone();
                self.next += 1;
                Some(text)
            }
            _ => None,
        }
    }
}
