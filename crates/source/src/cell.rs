//! [`Cell`]: one value of a row.

/// A cell as the server writes it as text, for binary columns its bytes; `None` for NULL.
pub type Cell<'a> = Option<&'a [u8]>;
