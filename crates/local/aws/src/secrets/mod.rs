//! Secrets Manager, in its JSON protocol (version 1.1): `X-Amz-Target` names the action, JSON
//! goes in and comes out. AWS documentation: the API reference of Secrets Manager.
//!
//! | module | what |
//! |---|---|
//! | [`serve`] | one request: signature, knobs, action, answer |
//! | [`actions`] | the actions: parameters in, answers out |
//! | [`store`] | secrets, their versions and stages |
//! | [`refusal`] | refusals, in the words of the protocol |

mod actions;
mod refusal;
mod serve;
mod store;

pub(crate) use actions::add;
pub(crate) use serve::SecretsServer;
pub(crate) use store::SecretsState;
