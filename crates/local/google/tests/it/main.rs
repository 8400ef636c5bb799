//! Tests of the servers through Google's own clients, and through plain HTTP for requests that those
//! clients do not send.

mod bucket_policies;
mod cloud;
mod discovery;
mod external;
mod jobs;
mod loads;
mod masking;
mod parameters;
mod partitions;
mod queries;
mod row_access;
mod statements;
mod storage;
mod tables;
mod uploads;
mod versions;
mod views;
