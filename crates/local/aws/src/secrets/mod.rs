//! Secrets Manager with its JSON protocol (version 1.1): the header `X-Amz-Target` names the
//! action, request and response are JSON. AWS documentation: the API reference of Secrets Manager.
//!
//! | module | responsibility |
//! |---|---|
//! | [`serve`] | one HTTP request: signature, action, response |
//! | [`actions`] | the actions: parameters in, response out |
//! | [`parameters`] | reads and validates the parameters of a request |
//! | [`store`] | secrets with their versions and staging labels |
//! | [`error`] | error codes and messages of the protocol |

mod actions;
mod error;
mod parameters;
mod serve;
mod store;

pub(crate) use actions::Secrets;
pub(crate) use serve::SecretsServer;
