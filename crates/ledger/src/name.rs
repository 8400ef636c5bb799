//! The name of a record. Its type says in which scope the record is and what its value is, so a
//! record cannot be read as another one.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The scope of [`SourceLedger`](crate::SourceLedger).
#[derive(Clone, Copy, Debug)]
pub enum SourceScope {}

/// The scope of [`DayLedger`](crate::DayLedger).
#[derive(Clone, Copy, Debug)]
pub enum DayScope {}

/// The name of a record that outlives days.
pub type SourceName<T> = Name<SourceScope, T>;

/// The name of a record of one day.
pub type DayName<T> = Name<DayScope, T>;

/// The name of a record with value `T` in scope `S`, relative to the scope: `items/orders/00001.json`.
pub struct Name<S, T> {
    path: Cow<'static, str>,
    of: PhantomData<fn() -> (S, T)>,
}

impl<S, T> Name<S, T> {
    pub(crate) const fn fixed(path: &'static str) -> Self {
        Self { path: Cow::Borrowed(path), of: PhantomData }
    }

    /// A name that only its caller knows, for records whose type is declared elsewhere.
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: Cow::Owned(path.into()), of: PhantomData }
    }

    /// The path below the scope.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl<S, T> fmt::Display for Name<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

impl<S, T> fmt::Debug for Name<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.path, f)
    }
}
