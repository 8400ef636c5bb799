//! The servers as their callers see them: Google's own clients, and bare HTTP for what those
//! clients never do.

mod cloud;
mod loads;
mod masking;
mod queries;
mod storage;
mod tables;
