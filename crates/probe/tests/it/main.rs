//! The probes against the local cloud: every claim holds, and a claim that is turned around is the only one
//! that is named.

mod aws;
mod cloud;
mod command;
mod google;
