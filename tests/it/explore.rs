//! The explorer: handwritten histories, each of which showed what a former version left readable,
//! and a sample of drawn ones.

mod histories;
