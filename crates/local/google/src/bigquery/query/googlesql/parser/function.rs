//! `CREATE TEMP FUNCTION`.

use super::Parser;
use crate::bigquery::query::googlesql::error::{Result, SqlError};
use crate::bigquery::query::googlesql::types::Type;
use crate::bigquery::query::googlesql::user_function::UserFunction;

/// Parses one CREATE TEMP FUNCTION statement.
pub(crate) fn parse_function(sql: &str) -> Result<UserFunction> {
    let mut parser = Parser::new(sql)?;
    let function = parser.function()?;
    parser.eat_op(";");
    parser.end()?;
    function.check()
}

impl Parser<'_> {
    fn function(&mut self) -> Result<UserFunction> {
        self.expect_word("CREATE")?;
        let _ = self.eat_words(&["OR", "REPLACE"]);
        if !self.eat_word("TEMP") {
            self.expect_word("TEMPORARY")?;
        }
        self.expect_word("FUNCTION")?;
        let _ = self.eat_words(&["IF", "NOT", "EXISTS"]);
        let name = self.name()?.to_uppercase();
        let parameters = self.parameters()?;
        let returns = if self.eat_word("RETURNS") { Some(self.data_type()?) } else { None };
        for language in ["LANGUAGE", "REMOTE", "DETERMINISTIC", "NOT"] {
            if self.is_word(language) {
                return Err(SqlError::unknown(format!(
                    "functions in another language than SQL ({name})"
                )));
            }
        }
        self.expect_word("AS")?;
        self.expect_op("(")?;
        let body = self.expr()?;
        self.expect_op(")")?;
        if self.is_word("OPTIONS") {
            return Err(SqlError::unknown(format!("the options of a temporary function ({name})")));
        }
        Ok(UserFunction { name, parameters, returns, body })
    }

    fn parameters(&mut self) -> Result<Vec<(String, Option<Type>)>> {
        self.expect_op("(")?;
        let mut parameters = Vec::new();
        if self.eat_op(")") {
            return Ok(parameters);
        }
        loop {
            let name = self.name()?;
            let any = self.eat_words(&["ANY", "TYPE"]);
            parameters.push((name, if any { None } else { Some(self.data_type()?) }));
            if !self.eat_op(",") {
                break;
            }
        }
        self.expect_op(")")?;
        Ok(parameters)
    }
}
