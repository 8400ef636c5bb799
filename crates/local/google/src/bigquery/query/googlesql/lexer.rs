//! Tokens of GoogleSQL.
//!
//! Semantics: GoogleSQL reference, "Lexical structure and syntax".

use super::error::{Result, SqlError};

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tok {
    /// A name or keyword without quotes.
    Word(String),
    /// A name in backticks.
    Quoted(String),
    Text(String),
    Bytes(Vec<u8>),
    /// Digits, decimal or `0x…`.
    Int(String),
    Float(String),
    /// `@name`.
    Param(String),
    /// `@@name`.
    SystemVariable(String),
    Op(&'static str),
    End,
}

/// A token and its bytes in the statement.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) tok: Tok,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Operators, the longer ones first.
const OPERATORS: [&str; 35] = [
    "<<", ">>", "<=", ">=", "<>", "!=", "||", "=>", "->", "|>", "(", ")", "[", "]", "{", "}", ",",
    ".", ";", "+", "-", "*", "/", "=", "<", ">", "&", "|", "^", "~", "?", ":", "%", "!", "#",
];

/// The tokens of a statement; the last one is [`Tok::End`].
pub(crate) fn tokenize(sql: &str) -> Result<Vec<Token>> {
    let mut lexer = Lexer { sql, at: 0, tokens: Vec::new() };
    while lexer.next()? {}
    let end = sql.len();
    lexer.tokens.push(Token { tok: Tok::End, start: end, end });
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    sql: &'a str,
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.sql[self.at..]
    }

    fn skip_blank(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            if blank > 0 {
                self.at += blank;
            } else if rest.starts_with("--") || rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                match rest.find("*/") {
                    Some(end) => self.at += end + 2,
                    None => return Err(SqlError::invalid("Syntax error: Unclosed comment")),
                }
            } else {
                return Ok(());
            }
        }
    }

    /// Reads a token; `false` at the end.
    fn next(&mut self) -> Result<bool> {
        self.skip_blank()?;
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok(false) };
        let tok = if let Some((prefix, raw, bytes)) = self.literal_prefix() {
            self.at += prefix;
            self.quoted(raw, bytes)?
        } else if first == '`' {
            self.backticks()?
        } else if first.is_alphabetic() || first == '_' {
            Tok::Word(self.take_while(|it| it.is_alphanumeric() || it == '_'))
        } else if first.is_ascii_digit() || (first == '.' && self.digit_after_dot()) {
            self.number()?
        } else if first == '@' {
            self.parameter()?
        } else {
            let operator = OPERATORS.iter().find(|it| self.rest().starts_with(**it));
            let Some(operator) = operator else {
                return Err(SqlError::invalid(format!(
                    "Syntax error: Illegal input character {first:?}"
                )));
            };
            self.at += operator.len();
            Tok::Op(operator)
        };
        self.tokens.push(Token { tok, start, end: self.at });
        Ok(true)
    }

    fn take_while(&mut self, test: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let end = rest.find(|it| !test(it)).unwrap_or(rest.len());
        let taken = rest[..end].to_owned();
        self.at += end;
        taken
    }

    /// `.5` is a number; `a.5` is not.
    fn digit_after_dot(&self) -> bool {
        let digit = self.rest()[1..].starts_with(|it: char| it.is_ascii_digit());
        let after_name = self.tokens.last().is_some_and(|it| {
            it.end == self.at
                && matches!(it.tok, Tok::Word(_) | Tok::Quoted(_) | Tok::Op(")" | "]"))
        });
        digit && !after_name
    }

    /// The length of a literal's prefix (`r`, `b`, `rb`, `br`), whether it is raw and whether it is
    /// BYTES.
    fn literal_prefix(&self) -> Option<(usize, bool, bool)> {
        let rest = self.rest().as_bytes();
        let letters = rest.iter().take(3).take_while(|it| it.is_ascii_alphabetic()).count();
        if letters > 2 || !matches!(rest.get(letters), Some(b'\'' | b'"')) {
            return None;
        }
        match self.rest()[..letters].to_ascii_lowercase().as_str() {
            "" => Some((0, false, false)),
            "r" => Some((1, true, false)),
            "b" => Some((1, false, true)),
            "rb" | "br" => Some((2, true, true)),
            _ => None,
        }
    }

    fn quoted(&mut self, raw: bool, bytes: bool) -> Result<Tok> {
        let quote = &self.rest()[..1];
        let triple = quote.repeat(3);
        let close = if self.rest().starts_with(&triple) { triple } else { quote.to_owned() };
        self.at += close.len();
        let start = self.at;
        loop {
            let rest = self.rest();
            if rest.starts_with(&close) {
                break;
            }
            let Some(next) = rest.chars().next() else {
                return Err(SqlError::invalid("Syntax error: Unclosed string literal"));
            };
            if next == '\n' && close.len() == 1 {
                return Err(SqlError::invalid("Syntax error: Unclosed string literal"));
            }
            self.at += next.len_utf8();
            if next == '\\' {
                let escaped = self.rest().chars().next().map_or(0, char::len_utf8);
                self.at += escaped;
            }
        }
        let body = self.sql[start..self.at].replace("\r\n", "\n");
        self.at += close.len();
        let value = if raw { body.into_bytes() } else { unescape(&body, bytes)? };
        if bytes {
            return Ok(Tok::Bytes(value));
        }
        let text = String::from_utf8(value);
        Ok(Tok::Text(text.map_err(|_| illegal_escape())?))
    }

    fn backticks(&mut self) -> Result<Tok> {
        let rest = &self.rest()[1..];
        let mut escaped = false;
        let end = rest.find(|it: char| {
            let ends = it == '`' && !escaped;
            escaped = it == '\\' && !escaped;
            ends
        });
        let Some(end) = end else {
            return Err(SqlError::invalid("Syntax error: Unclosed identifier literal"));
        };
        if end == 0 {
            return Err(SqlError::invalid("Syntax error: Invalid empty identifier"));
        }
        let name = String::from_utf8(unescape(&rest[..end], false)?);
        self.at += end + 2;
        Ok(Tok::Quoted(name.map_err(|_| illegal_escape())?))
    }

    fn parameter(&mut self) -> Result<Tok> {
        let system = self.rest().starts_with("@@");
        self.at += if system { 2 } else { 1 };
        let name = match self.rest().starts_with('`') {
            true => match self.backticks()? {
                Tok::Quoted(name) => name,
                _ => String::new(),
            },
            false => self.take_while(|it| it.is_alphanumeric() || it == '_' || system && it == '.'),
        };
        if name.is_empty() {
            return Err(SqlError::invalid("Syntax error: Unexpected \"@\""));
        }
        Ok(if system { Tok::SystemVariable(name) } else { Tok::Param(name) })
    }

    fn number(&mut self) -> Result<Tok> {
        let start = self.at;
        let rest = self.rest();
        if rest.starts_with("0x") || rest.starts_with("0X") {
            self.at += 2;
            self.take_while(|it| it.is_ascii_hexdigit());
            return Ok(Tok::Int(self.sql[start..self.at].to_owned()));
        }
        let mut float = false;
        self.take_while(|it| it.is_ascii_digit());
        if self.rest().starts_with('.') {
            float = true;
            self.at += 1;
            self.take_while(|it| it.is_ascii_digit());
        }
        if self.rest().starts_with(['e', 'E']) {
            let sign = usize::from(self.rest()[1..].starts_with(['+', '-']));
            if self.rest()[1 + sign..].starts_with(|it: char| it.is_ascii_digit()) {
                float = true;
                self.at += 1 + sign;
                self.take_while(|it| it.is_ascii_digit());
            }
        }
        if self.rest().starts_with(|it: char| it.is_alphanumeric() || it == '_') {
            return Err(SqlError::invalid(
                "Syntax error: Missing whitespace between literal and alias",
            ));
        }
        let text = self.sql[start..self.at].to_owned();
        Ok(if float { Tok::Float(text) } else { Tok::Int(text) })
    }
}

fn illegal_escape() -> SqlError {
    SqlError::invalid("Syntax error: Illegal escape sequence in a literal")
}

/// Replaces escape sequences.
fn unescape(body: &str, bytes: bool) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    let mut chars = body.chars();
    while let Some(next) = chars.next() {
        if next != '\\' {
            out.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escape = chars.next().ok_or_else(illegal_escape)?;
        let code = |chars: &mut std::str::Chars<'_>, start: Option<char>, length: usize, radix| {
            let digits: String = start.into_iter().chain(chars.by_ref().take(length)).collect();
            let complete = digits.len() == length + usize::from(start.is_some());
            let plain = digits.chars().all(|it| it.is_digit(radix));
            u32::from_str_radix(&digits, radix).ok().filter(|_| complete && plain)
        };
        let simple = match escape {
            'a' => Some(7),
            'b' => Some(8),
            'f' => Some(12),
            'n' => Some(b'\n'),
            'r' => Some(b'\r'),
            't' => Some(b'\t'),
            'v' => Some(11),
            '\\' | '?' | '"' | '\'' | '`' => Some(escape as u8),
            _ => None,
        };
        if let Some(simple) = simple {
            out.push(simple);
            continue;
        }
        let value = match escape {
            'x' | 'X' => code(&mut chars, None, 2, 16),
            '0'..='3' => code(&mut chars, Some(escape), 2, 8),
            'u' if !bytes => code(&mut chars, None, 4, 16),
            'U' if !bytes => code(&mut chars, None, 8, 16),
            _ => None,
        };
        let value = value.ok_or_else(illegal_escape)?;
        match u8::try_from(value) {
            Ok(byte) if bytes => out.push(byte),
            _ => {
                let char = char::from_u32(value).ok_or_else(illegal_escape)?;
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(sql: &str) -> Tok {
        let tokens = tokenize(sql).expect(sql);
        assert_eq!(tokens.len(), 2, "{sql}");
        tokens[0].tok.clone()
    }

    #[test]
    fn literals_have_googlesqls_escapes() {
        for (sql, want) in [
            (r"'a\'b'", "a'b"),
            (r#""it's""#, "it's"),
            (r"r'\d'", r"\d"),
            ("'''a\n'b'''", "a\n'b"),
            (r"'\x41\101\u00e9\U0001F600'", "AAé😀"),
            (r"'\n\t\\'", "\n\t\\"),
        ] {
            assert_eq!(only(sql), Tok::Text(want.to_owned()), "{sql}");
        }
        assert_eq!(only(r"b'\xff\x00a'"), Tok::Bytes(vec![255, 0, b'a']));
        assert_eq!(only(r"Rb'\xff'"), Tok::Bytes(br"\xff".to_vec()));
        for wrong in [r"'\d'", "'a", "'a\nb'", r"'\ud800'", r"b'\u0041'", r"'\400'", "1a"] {
            assert!(tokenize(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_and_comments_are_read() {
        assert_eq!(only("0xFF -- comment"), Tok::Int("0xFF".to_owned()));
        assert_eq!(only("/* a */ 1.5e-3 # b"), Tok::Float("1.5e-3".to_owned()));
        assert_eq!(only(".5"), Tok::Float(".5".to_owned()));
        assert_eq!(only("@a"), Tok::Param("a".to_owned()));
    }
}
