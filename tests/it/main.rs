//! Tests of the complete pipeline: the real function binaries on the local cloud, and
//! parts of the pipeline with third-party servers and clients.
//!
//! | module | what |
//! |---|---|
//! | `command` | the programs of this workspace as processes |
//! | `three_days` | the main job |
//! | `crash` | a process dies, or a response is lost, at every external call |
//! | `repeats` | ticks repeated, late, concurrent, out of order |
//! | `redo` | a day that is done again: what readers see, what is refused, crashes |
//! | `squeeze` | copied columns that are compressed again before they leave AWS |
//! | `delta` | tables of which only the rows that changed leave AWS |
//! | `unchanged` | tables that keep their rows, because their export has the same content |
//! | `fan_out` | objects that workers carry: messages that are lost, doubled, late, superseded; workers that die |
//! | `incidents` | one message per cause, one when it is over, a line a day; crashes, refusals, two ticks at once |
//! | `quiet` | which alarms ring in the first two weeks of a deployment |
//! | `busy` | a database that is busy, exports that end late, refusals that end by themselves |
//! | `protection` | policy tags follow the deployed contract; what is reported about it |
//! | `described` | the descriptions of tables and columns: class, mask and day beside a person's text |
//! | `judged` | a column that everyone may read gets personal values: no reader sees one of them |
//! | `tightening` | a contract that hides more is in force five minutes after its deployment, at any hour |
//! | `federation` | exchanging an AWS role's signature for a Google access token: who is accepted, who is refused |
//! | `google` | answers of the real Google Cloud that differ from the simple case |
//! | `faults` | bad input and refusals: one clear error message, the earlier rows stay |
//! | `rewrite` | text converted to types, tokens, dropped columns, misfits |
//! | `arrays` | the types of arrays' elements, NULLs in arrays, several dimensions |
//! | `audits` | a table that an audit blocks, accepts or warns of; what the records reveal |
//! | `bounds` | the smallest and largest values of columns: where they may be written |
//! | `names` | names of tables and columns: every one lands, and keeps its class |
//! | `drift` | schema changes, unusual exports, every type |
//! | `explore` | nobody reads what the contract hides, at no call of any history |
//! | `probe_export` | `landbridge probe aws` on an export of the local cloud |
//! | `many` | several databases in one configuration and deployment |
//! | `postgres`, `mariadb` | a real PostgreSQL and a real MariaDB database, transferred completely |
//! | `lands` | compares the tables of docs/types.md with what lands from these servers |
//! | `tpch`, `reconcile` | test data, and a comparison cell by cell |
//! | `scale` | many tables: what a tick calls, how it ends when its time ends, load jobs that run at once |
//! | `objects` | tables of many objects: what a load job reads, and how many round trips a tick makes |
//! | `ops` | `landbridge_ops`: tables and views, every row once, and no day that waits for them |
//! | `operator`, `package` | what a deployment needs besides Terraform: `init`, `doctor`, `cost`; the zip files |
//! | `access` | who sees what by the live policies, and who reads what |
//! | `restore` | the commands of the on-call engineer: restore, swap, drill, the runbook |
//! | `chaos` | silent faults, and which check sees them |
//! | `clients` | boto3 and Google's Python clients against the local cloud |
//! | `models` | the analysts' models: compiled by dbt, run in Google's GoogleSQL engine |
//! | `dbt` | `dbt build` and `landbridge models run` on the local cloud, against the sample's GA4 export |
//! | `moto` | the stages against moto's RDS and S3 |
//! | `terraform` | the modules and IAM documents: applied, planned, checked |
//! | `uploads`, `testbench` | interrupted uploads: on the local Cloud Storage, and by hand on Google's test server |
//! | `upgrade` | today's functions continue what an earlier version left: recorded days, and a day on its way |
//! | `console` | the pages of `landbridge console` in a browser: every page, a query by three people, a day that is watched |
//! | `contracts` | the GitHub Action of `contract check`; other formats of the contract |
//! | `conditions` | one test suite for conditional writes, run against two servers |
//! | `queues` | one test suite for SQS, run against two servers |
//! | `secrets` | one test suite for Secrets Manager, run against two servers; `landbridge key create` |
#![allow(unreachable_pub, missing_docs, clippy::unwrap_used)]

mod access;
mod arrays;
mod audits;
mod bill;
mod bounds;
mod busy;
mod chaos;
mod checksums;
mod clients;
mod command;
mod conditions;
mod console;
mod contracts;
mod crash;
mod dbt;
mod delta;
mod described;
mod drift;
mod explore;
mod fan_out;
mod faults;
mod federation;
mod forget;
mod google;
mod googlesql;
mod history;
mod hours;
mod incidents;
mod judged;
mod lands;
mod leaves;
mod many;
mod mariadb;
mod models;
mod moto;
mod names;
mod objects;
mod operator;
mod ops;
mod package;
mod postgres;
mod probe_export;
mod proof;
mod protection;
mod python;
mod queues;
mod quiet;
mod reconcile;
mod recover;
mod redo;
mod repeats;
mod restore;
mod retype;
mod rewrite;
mod scale;
mod sdk;
mod secrets;
mod simulate;
mod squeeze;
mod support;
mod terraform;
mod testbench;
mod three_days;
mod tightening;
mod tpch;
mod unchanged;
mod upgrade;
mod uploads;
mod views;
