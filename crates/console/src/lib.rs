//! The pages of `landbridge console`: what the ledger says, for people.
//!
//! The pages are rendered on the server, need no build step and no JavaScript, and contain no cell of a table. One model
//! has two outputs: [`serve`] answers a browser, [`write`] makes files for a bucket. `docs/console.md` describes the pages
//! and their safety.
//!
//! | module | responsibility |
//! |---|---|
//! | [`site`] | what all pages need: the files, the ledger, what was read |
//! | [`history`] | how each table's day ended, in memory: states and rows, no receipts |
//! | [`crossing`] | how far one day is: stages, objects, rows, times |
//! | [`outside`] | what only the clouds know; the command answers |
//! | [`pages`] | the pages as HTML |
//! | `draw` | SVG |
//! | [`lang`] | English and Korean |
//! | [`links`], [`names`] | addresses of pages, served and as files |
//! | `guard` | token, Host and Origin headers, security headers |
//! | `render` | from an address to a page: reads what it needs |
//! | [`serve`], [`write`] | the two outputs |

pub mod crossing;
mod draw;
mod guard;
pub mod history;
pub mod lang;
pub mod links;
pub mod names;
pub mod outside;
pub mod pages;
mod render;
pub mod serve;
pub mod site;
pub mod write;

pub use guard::Access;
pub use outside::Outside;
pub use site::Site;
