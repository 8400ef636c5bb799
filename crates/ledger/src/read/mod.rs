//! What several records together say, for people: the operator's command and the console. Only reads.
//!
//! | module | what it reads |
//! |---|---|
//! | [`days`] | how each day ended, and the state of each table |
//! | [`incidents`] | incidents, open and ended |
//! | [`receipts`] | the receipts of a day, and the audits of a table |

pub mod days;
pub mod incidents;
pub mod receipts;
