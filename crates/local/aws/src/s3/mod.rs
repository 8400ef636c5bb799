//! S3. The `s3s` crate implements the protocol and verifies signatures. The object store is our
//! own: conditional writes must be atomic, keys must not need to be file names, and a listing
//! must page in S3's order.
//!
//! | module | responsibility |
//! |---|---|
//! | [`blob`] | the immutable bytes of one object |
//! | [`store`] | buckets, objects, multipart uploads; atomic conditions |
//! | [`page`] | one page of a listing |
//! | [`protocol`] | conversions between the store and the types of the protocol |
//! | [`body`] | reads the body of a request and verifies its checksums |
//! | [`buckets`], [`objects`], [`listings`], [`multipart`] | the operations |
//! | [`operations`] | implements the trait of `s3s` with them |
//! | [`serve`] | signatures, access to buckets, HTTP |

mod blob;
mod body;
mod buckets;
mod listings;
mod multipart;
mod objects;
mod operations;
mod page;
mod protocol;
mod serve;
mod store;

pub(crate) use serve::{BeforeRequest, S3Server};
pub(crate) use store::{Condition, Store};

pub use store::ObjectView;
