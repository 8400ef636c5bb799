//! The text of a script as a tree.

use super::{Execute, Leave, Loop, LoopKind, Node, is_function, is_query, unknown};
use crate::bigquery::query::googlesql::UserFunction;
use crate::bigquery::statements::columns::{parse_names, parse_type};
use crate::bigquery::statements::tokens::Cursor;
use crate::error::GoogleError;

/// Words at which a list of statements ends.
const ENDS: [&str; 6] = ["END", "ELSE", "ELSEIF", "EXCEPTION", "WHEN", "UNTIL"];
/// Words with which a statement begins that may also stand alone.
const STATEMENTS: [&str; 8] =
    ["CREATE", "DROP", "ALTER", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"];

/// Parses statements up to END, ELSE and its like, or the end of the script.
pub(super) fn parse_block(cursor: &mut Cursor<'_>) -> Result<Vec<Node>, GoogleError> {
    let mut nodes: Vec<Node> = Vec::new();
    loop {
        while cursor.accepts(&[";"]) {}
        if cursor.is_at_end() || ENDS.iter().any(|it| cursor.is_next(&[it])) {
            return Ok(nodes);
        }
        let is_late = nodes.iter().any(|it| !matches!(it, Node::Declare { .. }));
        if cursor.is_next(&["DECLARE"]) && is_late {
            return Err(GoogleError::invalid_query(
                "Variable declarations are allowed only at the start of a block or script",
            ));
        }
        nodes.push(parse_node(cursor)?);
        if !cursor.is_at_end() {
            cursor.expect(&[";"])?;
        }
    }
}

fn text_to_end(cursor: &mut Cursor<'_>) -> String {
    cursor.text_until(|it| it.is_next(&[";"])).to_owned()
}

fn parse_node(cursor: &mut Cursor<'_>) -> Result<Node, GoogleError> {
    if cursor.accepts(&["BEGIN", "TRANSACTION"]) {
        return Ok(Node::Begin);
    }
    if cursor.is_next(&["BEGIN", ";"]) {
        cursor.next();
        return Ok(Node::Begin);
    }
    for (word, node) in [("COMMIT", Node::Commit), ("ROLLBACK", Node::Rollback)] {
        if cursor.accepts(&[word]) {
            cursor.accepts(&["TRANSACTION"]);
            return Ok(node);
        }
    }
    let word = cursor.peek_text().to_ascii_uppercase();
    match word.as_str() {
        "BEGIN" => parse_begin(cursor),
        "DECLARE" => parse_declare(cursor),
        "SET" => parse_set(cursor),
        "IF" => parse_if(cursor),
        "CASE" => parse_case(cursor),
        "WHILE" | "LOOP" | "REPEAT" | "FOR" => parse_loop(cursor, &word).map(Node::Loop),
        "BREAK" | "LEAVE" => leave(cursor, Leave::Break),
        "CONTINUE" | "ITERATE" => leave(cursor, Leave::Continue),
        "RETURN" => leave(cursor, Leave::Return),
        "RAISE" => {
            cursor.next();
            let has_message = cursor.accepts(&["USING", "MESSAGE", "="]);
            Ok(Node::Raise { message: has_message.then(|| text_to_end(cursor)) })
        }
        "EXECUTE" => parse_execute(cursor).map(Node::Execute),
        "ASSERT" => {
            cursor.next();
            let condition = cursor.text_until(|it| it.is_next(&[";"]) || it.is_next(&["AS"]));
            let condition = condition.to_owned();
            text_to_end(cursor);
            Ok(Node::Assert { condition })
        }
        _ if is_function(cursor) => Ok(Node::Function(UserFunction::parse(&text_to_end(cursor))?)),
        _ if is_query(cursor) || STATEMENTS.contains(&word.as_str()) => {
            Ok(Node::Statement(text_to_end(cursor)))
        }
        _ => Err(unknown(&format!("the statement {word} in a script"))),
    }
}

fn leave(cursor: &mut Cursor<'_>, leave: Leave) -> Result<Node, GoogleError> {
    cursor.next();
    if !cursor.is_at_end() && !cursor.is_next(&[";"]) {
        return Err(unknown("labels of blocks and loops"));
    }
    Ok(Node::Leave(leave))
}

fn parse_begin(cursor: &mut Cursor<'_>) -> Result<Node, GoogleError> {
    cursor.expect(&["BEGIN"])?;
    let body = parse_block(cursor)?;
    let mut exception = None;
    if cursor.accepts(&["EXCEPTION"]) {
        cursor.expect(&["WHEN", "ERROR", "THEN"])?;
        exception = Some(parse_block(cursor)?);
    }
    cursor.expect(&["END"])?;
    Ok(Node::Block { body, exception })
}

fn parse_declare(cursor: &mut Cursor<'_>) -> Result<Node, GoogleError> {
    cursor.expect(&["DECLARE"])?;
    let mut names = vec![cursor.name()?];
    while cursor.accepts(&[","]) {
        names.push(cursor.name()?);
    }
    let field = if cursor.is_next(&["DEFAULT"]) { None } else { Some(parse_type(cursor)?) };
    let default = cursor.accepts(&["DEFAULT"]).then(|| text_to_end(cursor));
    if field.is_none() && default.is_none() {
        return Err(cursor.unexpected("a type or DEFAULT"));
    }
    Ok(Node::Declare { names, field, default })
}

fn parse_set(cursor: &mut Cursor<'_>) -> Result<Node, GoogleError> {
    cursor.expect(&["SET"])?;
    let names = if cursor.is_next(&["("]) { parse_names(cursor)? } else { vec![cursor.name()?] };
    cursor.expect(&["="])?;
    Ok(Node::Set { names, value: text_to_end(cursor) })
}

fn parse_if(cursor: &mut Cursor<'_>) -> Result<Node, GoogleError> {
    cursor.expect(&["IF"])?;
    let mut branches = Vec::new();
    loop {
        let condition = cursor.text_until(|it| it.is_next(&["THEN"])).to_owned();
        cursor.expect(&["THEN"])?;
        branches.push((condition, parse_block(cursor)?));
        if !cursor.accepts(&["ELSEIF"]) {
            break;
        }
    }
    let otherwise = if cursor.accepts(&["ELSE"]) { parse_block(cursor)? } else { Vec::new() };
    cursor.expect(&["END", "IF"])?;
    Ok(Node::If { branches, otherwise })
}

/// CASE with and without an operand, as IF.
fn parse_case(cursor: &mut Cursor<'_>) -> Result<Node, GoogleError> {
    cursor.expect(&["CASE"])?;
    let operand = cursor.text_until(|it| it.is_next(&["WHEN"])).to_owned();
    let mut branches = Vec::new();
    while cursor.accepts(&["WHEN"]) {
        let test = cursor.text_until(|it| it.is_next(&["THEN"])).to_owned();
        cursor.expect(&["THEN"])?;
        let test = if operand.is_empty() { test } else { format!("({operand}) = ({test})") };
        branches.push((test, parse_block(cursor)?));
    }
    if branches.is_empty() {
        return Err(cursor.unexpected("WHEN"));
    }
    let otherwise = if cursor.accepts(&["ELSE"]) { parse_block(cursor)? } else { Vec::new() };
    cursor.expect(&["END", "CASE"])?;
    Ok(Node::If { branches, otherwise })
}

fn parse_loop(cursor: &mut Cursor<'_>, word: &str) -> Result<Loop, GoogleError> {
    cursor.expect(&[word])?;
    let mut kind = match word {
        "WHILE" => {
            let condition = cursor.text_until(|it| it.is_next(&["DO"])).to_owned();
            cursor.expect(&["DO"])?;
            LoopKind::While(condition)
        }
        "FOR" => {
            let variable = cursor.name()?;
            cursor.expect(&["IN"])?;
            let query = cursor.parenthesised()?.rest().to_owned();
            cursor.expect(&["DO"])?;
            LoopKind::Rows { variable, query }
        }
        _ => LoopKind::Endless,
    };
    let body = parse_block(cursor)?;
    if word == "REPEAT" {
        cursor.expect(&["UNTIL"])?;
        kind = LoopKind::Until(cursor.text_until(|it| it.is_next(&["END", "REPEAT"])).to_owned());
    }
    cursor.expect(&["END", word])?;
    Ok(Loop { kind, body })
}

fn parse_execute(cursor: &mut Cursor<'_>) -> Result<Execute, GoogleError> {
    cursor.expect(&["EXECUTE", "IMMEDIATE"])?;
    let ends =
        |it: &Cursor<'_>| it.is_next(&[";"]) || it.is_next(&["INTO"]) || it.is_next(&["USING"]);
    let sql = cursor.text_until(ends).to_owned();
    let mut into = Vec::new();
    if cursor.accepts(&["INTO"]) {
        into.push(cursor.name()?);
        while cursor.accepts(&[","]) {
            into.push(cursor.name()?);
        }
    }
    let mut using = Vec::new();
    if cursor.accepts(&["USING"]) {
        loop {
            let ends =
                |it: &Cursor<'_>| it.is_next(&[";"]) || it.is_next(&[","]) || it.is_next(&["AS"]);
            let value = cursor.text_until(ends).to_owned();
            let name = if cursor.accepts(&["AS"]) { Some(cursor.name()?) } else { None };
            using.push((value, name));
            if !cursor.accepts(&[","]) {
                break;
            }
        }
    }
    Ok(Execute { sql, into, using })
}
