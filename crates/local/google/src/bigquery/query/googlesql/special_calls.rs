//! Functions that the allow-list does not have, because the analysis makes expressions of their own of them.

/// Functions that evaluate only some of their arguments, with their signatures.
pub(crate) const CONDITIONAL: [(&str, &str); 4] = [
    ("COALESCE", "T... -> T"),
    ("IF", "BOOL, T, T -> T"),
    ("IFNULL", "T, T -> T"),
    ("NULLIF", "T, T -> T"),
];

/// The functions that take a lambda.
pub(crate) const WITH_LAMBDA: [&str; 2] = ["ARRAY_FILTER", "ARRAY_TRANSFORM"];
