//! S3. The protocol and the signatures are checked by the `s3s` crate; the
//! store is our own, because conditional writes must be atomic, keys must not
//! have to be file names, and a listing must page in S3's order.
//!
//! | module | what |
//! |---|---|
//! | [`blob`] | bytes of one object, immutable |
//! | [`store`] | buckets, objects, uploads; conditions |
//! | [`list`] | one page of a listing |
//! | [`body`] | reading a request's body, its checksums verified |
//! | [`ops`] | the operations |
//! | [`multipart`] | the operations on parts |
//! | [`serve`] | signatures, access, and the wire |

mod blob;
mod body;
mod list;
mod multipart;
mod ops;
mod serve;
mod store;

pub(crate) use serve::S3Server;
pub(crate) use store::{Condition, Refusal, Store};

pub use store::ObjectView;
