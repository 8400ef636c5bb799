//! A workload identity provider as the control plane keeps it: its attribute mapping names the caller, its
//! attribute condition admits it (Google's documentation, "Configure Workload Identity Federation with AWS or
//! Azure"; IAM v1, `WorkloadIdentityPoolProvider`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::token_error::TokenError;
use super::{AwsCaller, MAX_SUBJECT_BYTES};
use crate::access::expression::{Expression, Names};
use crate::access::plane::Plane;
use crate::turned::is_turned;

/// What a mapping maps to beside `google.…`: members of `principalSet://…/attribute.NAME/VALUE`.
const ATTRIBUTE: &str = "attribute.";

/// One provider that may issue tokens.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    /// `projects/N/locations/global/workloadIdentityPools/P`.
    pool: String,
    resource: Value,
}

impl Provider {
    /// The provider with this name, if it and its pool exist and are not disabled.
    pub(super) fn find(plane: &Plane, name: &str) -> Option<Self> {
        let (pool, _) = name.split_once("/providers/")?;
        let usable = |name: &str| {
            let disabled = |it: &&Value| it.get("disabled").and_then(Value::as_bool) == Some(true);
            plane.live(name).filter(|it| !disabled(it))
        };
        usable(pool)?;
        Some(Self { pool: pool.to_owned(), resource: usable(name)?.clone() })
    }

    /// The principal of an AWS caller and the sets to which it belongs.
    ///
    /// # Errors
    /// The account is another one, the subject is empty or too long, or the condition does not hold.
    pub(super) fn admit(
        &self,
        caller: &AwsCaller,
    ) -> Result<(String, BTreeSet<String>), TokenError> {
        let account = self.resource.pointer("/aws/accountId").and_then(Value::as_str);
        if account != Some(&caller.account) {
            return Err(TokenError::invalid_grant(
                "The AWS account of the credential is not the provider's.",
            ));
        }
        let mut names = Names::from([
            ("assertion.account".to_owned(), caller.account.clone()),
            ("assertion.arn".to_owned(), caller.arn.clone()),
        ]);
        let mapping = self.resource.get("attributeMapping").and_then(Value::as_object);
        let mapped: Vec<(String, String)> = (mapping.into_iter().flatten())
            .filter_map(|(name, text)| {
                let expression = Expression::parse(text.as_str()?).ok()?;
                Some((name.clone(), expression.text(&names)?))
            })
            .collect();
        names.extend(mapped.iter().cloned());
        let subject = names.get("google.subject").filter(|it| !it.is_empty());
        let subject = subject.ok_or_else(TokenError::empty_subject)?;
        if subject.len() > MAX_SUBJECT_BYTES {
            return Err(TokenError::invalid_grant(
                "The size of mapped attribute google.subject exceeds the 127 bytes limit.",
            ));
        }
        let condition = self.resource.get("attributeCondition").and_then(Value::as_str);
        let holds = condition.filter(|it| !it.is_empty()).is_none_or(|text| {
            Expression::parse(text).is_ok_and(|condition| condition.holds(&names))
        });
        if !holds && !is_turned("provider-mapping-and-condition") {
            return Err(TokenError::condition_not_met());
        }
        let sets = mapped.iter().filter(|(name, _)| name.starts_with(ATTRIBUTE));
        let set = |name: &str, value: &str| {
            format!("principalSet://iam.googleapis.com/{}/{name}/{value}", self.pool)
        };
        let sets = sets.map(|(name, value)| set(name, value)).collect();
        Ok((format!("principal://iam.googleapis.com/{}/subject/{subject}", self.pool), sets))
    }
}
