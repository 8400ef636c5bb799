//! The words of a GoogleSQL query (GoogleSQL reference, "Lexical structure and syntax").

use crate::names::is_same;

/// A word of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// An identifier or a keyword.
    Word(String),
    /// An identifier in backticks.
    Quoted(String),
    /// A string or a number: it names nothing.
    Literal,
    /// Any other character.
    Symbol(char),
}

impl Token {
    /// Whether this is the keyword, which an identifier in backticks never is.
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// Whether this is a name, or a part of a quoted one.
    pub(super) fn is_name(&self, name: &str) -> bool {
        match self {
            Self::Word(word) => is_same(word, name),
            Self::Quoted(path) => path.split('.').any(|part| is_same(part, name)),
            Self::Literal | Self::Symbol(_) => false,
        }
    }

    pub(super) fn is_symbol(&self, symbol: char) -> bool {
        *self == Self::Symbol(symbol)
    }
}

/// Splits a query into words, without comments.
///
/// # Errors
/// A sentence: the text is a template, or a string or comment does not end.
pub(super) fn tokens(sql: &str) -> Result<Vec<Token>, String> {
    let chars: Vec<char> = sql.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied().unwrap_or('\0');
        if c.is_whitespace() {
            at += 1;
        } else if c == '#' || c == '-' && next == '-' {
            at = end_of_line(&chars, at);
        } else if c == '/' && next == '*' {
            at = end_of_comment(&chars, at + 2)?;
        } else if matches!((c, next), ('{', '{' | '%' | '#') | ('$', '{')) {
            return Err("it is a template, not the compiled query; compile it first (`dbt compile`, `dataform compile --json`)".to_owned());
        } else if c == '`' {
            let (name, end) = quoted_name(&chars, at + 1)?;
            tokens.push(Token::Quoted(name));
            at = end;
        } else if let Some(start) = string_start(&chars, at) {
            at = end_of_string(&chars, start)?;
            tokens.push(Token::Literal);
        } else if c.is_ascii_digit() {
            at = end_of_number(&chars, at);
            tokens.push(Token::Literal);
        } else if c.is_alphabetic() || c == '_' {
            let end = (at..chars.len())
                .find(|i| !(chars[*i].is_alphanumeric() || chars[*i] == '_'))
                .unwrap_or(chars.len());
            tokens.push(Token::Word(chars[at..end].iter().collect()));
            at = end;
        } else {
            tokens.push(Token::Symbol(c));
            at += 1;
        }
    }
    Ok(tokens)
}

/// Whether a `*` can stand for all columns: after SELECT, DISTINCT, a comma or a dot, not in `COUNT(*)` or
/// a product.
pub(super) fn selects_star(tokens: &[Token]) -> bool {
    tokens.windows(2).any(|pair| {
        let before = &pair[0];
        let may = ["SELECT", "DISTINCT", "ALL", "STRUCT"].iter().any(|it| before.is(it));
        pair[1].is_symbol('*') && (may || before.is_symbol(',') || before.is_symbol('.'))
    })
}

fn end_of_line(chars: &[char], at: usize) -> usize {
    (at..chars.len()).find(|i| matches!(chars[*i], '\n' | '\r')).unwrap_or(chars.len())
}

fn end_of_comment(chars: &[char], at: usize) -> Result<usize, String> {
    let end = (at..chars.len()).find(|i| chars[*i] == '*' && chars.get(i + 1) == Some(&'/'));
    end.map(|end| end + 2).ok_or_else(|| "a comment does not end".to_owned())
}

/// The name in backticks that begins at `at`, and the place after it.
fn quoted_name(chars: &[char], mut at: usize) -> Result<(String, usize), String> {
    let mut name = String::new();
    while let Some(&c) = chars.get(at) {
        match c {
            '`' => return Ok((name, at + 1)),
            // An escape can spell any character, so the name could be one that is looked for.
            '\\' => {
                return Err(
                    "a name in backticks contains an escape; write the character".to_owned()
                );
            }
            c => name.push(c),
        }
        at += 1;
    }
    Err("a name in backticks does not end".to_owned())
}

/// A string literal that begins here: the place of its quote, and whether it is raw.
fn string_start(chars: &[char], at: usize) -> Option<(usize, bool)> {
    for prefix in 0..=2 {
        let letters = chars.get(at..at + prefix)?;
        let quote = chars.get(at + prefix)?;
        if matches!(quote, '\'' | '"') && letters.iter().all(|it| "rRbB".contains(*it)) {
            return Some((at + prefix, letters.iter().any(|it| "rR".contains(*it))));
        }
    }
    None
}

/// The place after a string. In a raw string, a backslash also keeps the next quote from ending it.
fn end_of_string(chars: &[char], (start, _raw): (usize, bool)) -> Result<usize, String> {
    let quote = chars[start];
    let is_triple = chars.get(start + 1) == Some(&quote) && chars.get(start + 2) == Some(&quote);
    let length = if is_triple { 3 } else { 1 };
    let mut at = start + length;
    while at < chars.len() {
        if chars[at] == '\\' {
            at += 2;
        } else if (0..length).all(|i| chars.get(at + i) == Some(&quote)) {
            return Ok(at + length);
        } else if chars[at] == '\n' && !is_triple {
            break;
        } else {
            at += 1;
        }
    }
    Err("a string does not end".to_owned())
}

/// The place after a number such as `1`, `1.5e-3` or `0xFF`. A path such as `1.x` does not exist.
fn end_of_number(chars: &[char], at: usize) -> usize {
    let is_part = |i: usize| {
        let c = chars[i];
        c.is_ascii_alphanumeric()
            || c == '.' && chars.get(i + 1).is_some_and(char::is_ascii_digit)
            || "+-".contains(c)
                && matches!(chars[i - 1], 'e' | 'E')
                && chars.get(i + 1).is_some_and(char::is_ascii_digit)
    };
    (at + 1..chars.len()).find(|i| !is_part(*i)).unwrap_or(chars.len())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    /// Words as they are, names in backticks with them, `L` for a literal.
    fn shown(sql: &str) -> String {
        let one = |token: Token| match token {
            Token::Word(word) => word,
            Token::Quoted(name) => format!("`{name}`"),
            Token::Literal => "L".to_owned(),
            Token::Symbol(symbol) => symbol.to_string(),
        };
        match tokens(sql) {
            Ok(tokens) => tokens.into_iter().map(one).collect::<Vec<_>>().join(" "),
            Err(why) => why.split(',').next().unwrap_or_default().to_owned(),
        }
    }

    /// What a reader of GoogleSQL takes as text or as a comment names no column, and nothing else is
    /// left out.
    #[test]
    fn what_ends_where() {
        let table: String = [
            "a/* x * / y */b",
            "a/**/b/***/c",
            "a/*/b*/c",
            "a / b",
            "a /* b",
            "a--b\nc",
            "a#b\rc",
            "a-b",
            "a -- b",
            "'a''b' c",
            r"'a\'b' c",
            r"'a\\' c",
            r"r'a\' b",
            r"r'a\'b' c",
            r#""a'b" c"#,
            r#""""a"b""" c"#,
            r#""""a""b\"""" c"#,
            "'''a\nb''' c",
            "'' c",
            "'''''' c",
            "''' c",
            "'a\nb'",
            r"'a\",
            "rb'x' c",
            "Br\"x\" c",
            "abr'x' c",
            "x'y' c",
            "1 x",
            "1.5 x",
            "1.5e-3 x",
            "1e+5-2 x",
            "1E-3+x",
            "0xFF+1",
            "1.x",
            "1.",
            "1e-x",
            "1e-",
            "1-2",
            "f-1",
            "a1 _b 값",
            "{{ x }}",
            "{% x %}",
            "{# x #}",
            "${x}",
            "{x} $y",
            "`a b`.c",
            "`a",
            r"`a\x`",
        ]
        .map(|sql| format!("{sql:?} | {}\n", shown(sql)))
        .concat();
        expect![[r#"
            "a/* x * / y */b" | a b
            "a/**/b/***/c" | a b c
            "a/*/b*/c" | a c
            "a / b" | a / b
            "a /* b" | a comment does not end
            "a--b\nc" | a c
            "a#b\rc" | a c
            "a-b" | a - b
            "a -- b" | a
            "'a''b' c" | L L c
            "'a\\'b' c" | L c
            "'a\\\\' c" | L c
            "r'a\\' b" | a string does not end
            "r'a\\'b' c" | L c
            "\"a'b\" c" | L c
            "\"\"\"a\"b\"\"\" c" | L c
            "\"\"\"a\"\"b\\\"\"\"\" c" | L c
            "'''a\nb''' c" | L c
            "'' c" | L c
            "'''''' c" | L c
            "''' c" | a string does not end
            "'a\nb'" | a string does not end
            "'a\\" | a string does not end
            "rb'x' c" | L c
            "Br\"x\" c" | L c
            "abr'x' c" | abr L c
            "x'y' c" | x L c
            "1 x" | L x
            "1.5 x" | L x
            "1.5e-3 x" | L x
            "1e+5-2 x" | L - L x
            "1E-3+x" | L + x
            "0xFF+1" | L + L
            "1.x" | L . x
            "1." | L .
            "1e-x" | L - x
            "1e-" | L -
            "1-2" | L - L
            "f-1" | f - L
            "a1 _b 값" | a1 _b 값
            "{{ x }}" | it is a template
            "{% x %}" | it is a template
            "{# x #}" | it is a template
            "${x}" | it is a template
            "{x} $y" | { x } $ y
            "`a b`.c" | `a b` . c
            "`a" | a name in backticks does not end
            "`a\\x`" | a name in backticks contains an escape; write the character
        "#]]
        .assert_eq(&table);
    }
}
