//! The syntax tree of a query, as the parser reads it.

use std::sync::Arc;

use super::types::Type;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer that only NUMERIC or FLOAT64 can hold.
    /// A number, and how it is written: a decimal type keeps every digit.
    Float(f64, Arc<str>),
    Text(String),
    Bytes(Vec<u8>),
    /// `DATE '2026-01-01'`.
    Typed(Type, String),
    /// `a.b.c`: a column, a table or their fields.
    Path(Vec<String>),
    /// `(…).field`, also `(…).*` of a struct in a select list.
    Field(Box<Expr>, String),
    Param(String),
    /// The index of a `?`.
    Positional(usize),
    /// A call of the function with this name; operators have names such as `$add`.
    Call(Box<Call>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Is {
        value: Box<Expr>,
        what: Is,
        not: bool,
    },
    DistinctFrom {
        left: Box<Expr>,
        right: Box<Expr>,
        not: bool,
    },
    InList {
        value: Box<Expr>,
        list: Vec<Expr>,
        not: bool,
    },
    InQuery {
        value: Box<Expr>,
        query: Box<Query>,
        not: bool,
    },
    InArray {
        value: Box<Expr>,
        array: Box<Expr>,
        not: bool,
    },
    /// `LIKE ANY (…)`, `LIKE ALL (…)`.
    LikeList {
        value: Box<Expr>,
        patterns: Vec<Expr>,
        all: bool,
        not: bool,
    },
    /// `LIKE ANY UNNEST(…)`, `LIKE ALL (SELECT …)`.
    LikeArray {
        value: Box<Expr>,
        patterns: Box<Expr>,
        all: bool,
        not: bool,
    },
    Case {
        operand: Option<Box<Expr>>,
        whens: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Cast {
        value: Box<Expr>,
        to: Type,
        safe: bool,
        format: Option<Box<Expr>>,
        zone: Option<Box<Expr>>,
    },
    Extract {
        part: String,
        value: Box<Expr>,
        zone: Option<Box<Expr>>,
    },
    /// `INTERVAL value part [TO part]`.
    Interval {
        value: Box<Expr>,
        part: String,
        to: Option<String>,
    },
    Array {
        element: Option<Type>,
        items: Vec<Expr>,
    },
    ArrayQuery(Box<Query>),
    Struct {
        fields: Option<Vec<(String, Type)>>,
        items: Vec<(Expr, Option<String>)>,
        tuple: bool,
    },
    Exists(Box<Query>),
    Scalar(Box<Query>),
    /// `array[OFFSET(i)]`; the kind is empty for `array[i]`.
    Index {
        value: Box<Expr>,
        kind: String,
        index: Box<Expr>,
    },
    /// The `*` of `COUNT(*)`.
    Star,
    /// `e -> body` or `(e, i) -> body`, an argument of ARRAY_FILTER and ARRAY_TRANSFORM.
    Lambda {
        parameters: Vec<String>,
        body: Box<Expr>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Is {
    Null,
    True,
    False,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Call {
    /// In upper case, without the prefix `SAFE.`.
    pub(crate) name: String,
    pub(crate) safe: bool,
    pub(crate) args: Vec<Expr>,
    /// `name => value`.
    pub(crate) named: Vec<(String, Expr)>,
    pub(crate) distinct: bool,
    /// `Some(true)`: IGNORE NULLS.
    pub(crate) ignore_nulls: Option<bool>,
    /// `HAVING MAX expr`; `true` for MAX.
    pub(crate) having: Option<(bool, Box<Expr>)>,
    pub(crate) order_by: Vec<OrderItem>,
    pub(crate) limit: Option<Box<Expr>>,
    pub(crate) over: Option<Window>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Window {
    /// A named window.
    pub(crate) base: Option<String>,
    pub(crate) partition_by: Vec<Expr>,
    pub(crate) order_by: Vec<OrderItem>,
    pub(crate) frame: Option<Frame>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    /// ROWS, otherwise RANGE.
    pub(crate) rows: bool,
    pub(crate) start: Bound<Expr>,
    pub(crate) end: Bound<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Bound<E> {
    UnboundedPreceding,
    Preceding(Box<E>),
    CurrentRow,
    Following(Box<E>),
    UnboundedFollowing,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OrderItem {
    pub(crate) expr: Expr,
    pub(crate) descending: bool,
    pub(crate) nulls_first: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Query {
    pub(crate) recursive: bool,
    pub(crate) with: Vec<(String, Query)>,
    pub(crate) body: SetExpr,
    pub(crate) order_by: Vec<OrderItem>,
    pub(crate) limit: Option<Expr>,
    pub(crate) offset: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SetExpr {
    Select(Box<Select>),
    Query(Box<Query>),
    Op { op: SetOp, all: bool, names: Option<ByName>, left: Box<SetExpr>, right: Box<SetExpr> },
}

/// `BY NAME` or `CORRESPONDING` of a set operation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ByName {
    pub(crate) kept: Kept,
    /// `ON (…)`: only these columns.
    pub(crate) columns: Option<Vec<String>>,
}

/// Which columns a set operation by name keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Both sides have the same columns.
    Same,
    /// The columns that both sides have.
    Common,
    /// The columns of the left side.
    Left,
    /// The columns of either side.
    All,
}

impl Default for SetExpr {
    fn default() -> Self {
        Self::Select(Box::default())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetOp {
    Union,
    Intersect,
    Except,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SelectAs {
    #[default]
    Row,
    Struct,
    Value,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Select {
    pub(crate) distinct: bool,
    pub(crate) kind: SelectAs,
    pub(crate) items: Vec<SelectItem>,
    pub(crate) from: Option<From>,
    pub(crate) filter: Option<Expr>,
    pub(crate) group_by: GroupBy,
    pub(crate) having: Option<Expr>,
    pub(crate) qualify: Option<Expr>,
    pub(crate) windows: Vec<(String, Window)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum GroupBy {
    #[default]
    None,
    All,
    /// The expressions, and the sets of their indices. A plain GROUP BY has one set.
    Sets {
        keys: Vec<Expr>,
        sets: Vec<Vec<usize>>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SelectItem {
    Expr {
        expr: Expr,
        alias: Option<String>,
    },
    Star {
        of: Option<Expr>,
        except: Vec<String>,
        replace: Vec<(Expr, String)>,
        /// Columns and their new names.
        rename: Vec<(String, String)>,
    },
}

/// A table's name in a query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TableRef {
    pub(crate) path: Vec<String>,
    /// The text after FOR SYSTEM_TIME AS OF.
    pub(crate) as_of: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum From {
    Table { table: TableRef, alias: Option<String>, offset: Option<String>, with_offset: bool },
    Unnest { array: Expr, alias: Option<String>, offset: Option<String>, with_offset: bool },
    Query { query: Box<Query>, alias: Option<String> },
    Join { kind: JoinKind, left: Box<From>, right: Box<From>, on: Option<Expr>, using: Vec<String> },
    Pivot { input: Box<From>, pivot: Box<Pivot>, alias: Option<String> },
    Unpivot { input: Box<From>, unpivot: Box<Unpivot>, alias: Option<String> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JoinKind {
    Cross,
    Inner,
    Left,
    Right,
    Full,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pivot {
    pub(crate) aggregates: Vec<(Expr, Option<String>)>,
    pub(crate) input: Expr,
    pub(crate) values: Vec<(Expr, Option<String>)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unpivot {
    pub(crate) include_nulls: bool,
    pub(crate) values: Vec<String>,
    pub(crate) name: String,
    /// Columns, and the value of `name` for them.
    pub(crate) columns: Vec<(Vec<String>, Option<Expr>)>,
}
