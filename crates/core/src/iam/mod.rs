//! Evaluates IAM policy documents: whether the statements of a role or a key allow one request.
//!
//! The rules are those of the IAM User Guide ("Policy evaluation logic", "IAM JSON policy
//! elements"): an applicable Deny wins; without an applicable Allow the request is not allowed. If
//! the documents alone do not decide (a condition on a key whose value is not known here, an Allow
//! or a Deny for only a part of the request), the verdict is [`Verdict::Unclear`] with the reason.

mod pattern;

use serde_json::Value;

use pattern::{covers, overlaps};

/// A policy document.
#[derive(Debug)]
pub struct PolicyDocument(Vec<Statement>);

#[derive(Debug)]
struct Statement {
    /// The `Sid`, else `statement N`.
    name: String,
    allows: bool,
    principals: Principals,
    actions: NameSet,
    resources: NameSet,
    conditions: Vec<Condition>,
}

/// The principals that a statement applies to.
#[derive(Debug)]
enum Principals {
    /// No principal is named: the statement applies to the role that has the policy.
    PolicyOwner,
    Anyone,
    Listed {
        aws: Vec<String>,
        services: Vec<String>,
    },
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Debug)]
enum NameSet {
    /// Not given, like the resource of a trust policy: everything.
    All,
    Matching(Vec<String>),
    NotMatching(Vec<String>),
}

#[derive(Debug)]
struct Condition {
    operator: String,
    key: String,
    values: Vec<String>,
}

/// The caller of a request.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'a> {
    /// The role that has the policy.
    PolicyOwner,
    /// A service, such as `export.rds.amazonaws.com`.
    Service(&'a str),
    /// The role with this ARN.
    Role(&'a str),
    /// The role with this ARN through its account: the policy delegates to the account, whose role
    /// policies decide.
    RoleViaAccount(&'a str),
}

/// A request to evaluate. If action or resource contain `*`, everything that they match is requested.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequest<'a> {
    /// The caller.
    pub caller: Caller<'a>,
    /// The action, such as `s3:PutObject*`.
    pub action: &'a str,
    /// An ARN, or `*` if the policy belongs to one resource.
    pub resource: &'a str,
    /// The known values of the request, by condition key.
    pub known: &'a [(&'a str, &'a str)],
}

/// The result of an evaluation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request is allowed.
    Allowed,
    /// This statement denies it.
    Denied(String),
    /// No statement allows it, or only under this condition, which is not met.
    NotAllowed(Option<String>),
    /// The documents do not decide it, for this reason.
    Unclear(String),
}

/// The result of a statement's conditions.
enum ConditionResult {
    Met,
    /// The condition that is not met.
    NotMet(String),
    /// The condition key whose value is not known.
    Unknown(String),
}

/// How much of a request a statement covers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Coverage {
    None,
    Partial,
    Full,
}

impl PolicyDocument {
    /// Parses a document. `None` if it is invalid.
    pub fn parse(text: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(text).ok()?;
        let statements = match document.get("Statement")? {
            Value::Array(all) => all.iter().collect(),
            single => vec![single],
        };
        let read = |(index, it): (usize, &Value)| Statement::read(it, index + 1);
        Some(Self(statements.into_iter().enumerate().map(read).collect::<Option<_>>()?))
    }
}

/// Evaluates all documents together.
pub fn evaluate(documents: &[PolicyDocument], request: &AccessRequest<'_>) -> Verdict {
    let (mut allowed, mut unclear, mut possible_deny, mut unmet) = (false, None, None, None);
    for statement in documents.iter().flat_map(|it| &it.0) {
        if !statement.applies_to(request.caller) {
            continue;
        }
        let coverage = statement.coverage(request);
        if coverage == Coverage::None {
            continue;
        }
        let name = &statement.name;
        match (statement.allows, coverage, statement.conditions_met(request.known)) {
            (true, _, ConditionResult::NotMet(condition)) => unmet = Some(condition),
            (true, Coverage::Full, ConditionResult::Met) => allowed = true,
            (true, Coverage::Full, ConditionResult::Unknown(key)) => {
                unclear = Some(format!("{name} has a condition on {key}"));
            }
            (true, _, _) => unclear = unclear.or(Some(format!("{name} allows only a part of it"))),
            (false, _, ConditionResult::NotMet(_)) => {}
            (false, Coverage::Full, ConditionResult::Met) => return Verdict::Denied(name.clone()),
            (false, Coverage::Full, ConditionResult::Unknown(key)) => {
                possible_deny = Some(format!("{name} denies it under a condition on {key}"));
            }
            (false, _, _) => possible_deny = Some(format!("{name} denies a part of it")),
        }
    }
    match (allowed, possible_deny, unclear) {
        (true, None, _) => Verdict::Allowed,
        (true, Some(why), _) | (false, _, Some(why)) => Verdict::Unclear(why),
        (false, _, None) => Verdict::NotAllowed(unmet),
    }
}

impl Statement {
    fn read(value: &Value, number: usize) -> Option<Self> {
        let sid = value.get("Sid").and_then(Value::as_str).filter(|sid| !sid.is_empty());
        let mut conditions = Vec::new();
        for (operator, keys) in
            value.get("Condition").and_then(Value::as_object).into_iter().flatten()
        {
            for (key, values) in keys.as_object()? {
                let (operator, key) = (operator.clone(), key.clone());
                conditions.push(Condition { operator, key, values: texts(values) });
            }
        }
        if value.get("NotPrincipal").is_some() {
            // NotPrincipal ("all but these") is not evaluated: its unknown operator makes it unclear.
            let operator = "NotPrincipal".to_owned();
            conditions.push(Condition { key: operator.clone(), operator, values: Vec::new() });
        }
        Some(Self {
            name: sid.map_or_else(|| format!("statement {number}"), str::to_owned),
            allows: match value.get("Effect")?.as_str()? {
                "Allow" => true,
                "Deny" => false,
                _ => return None,
            },
            principals: Principals::read(value),
            actions: NameSet::read(value, "Action", "NotAction"),
            resources: NameSet::read(value, "Resource", "NotResource"),
            conditions,
        })
    }

    fn applies_to(&self, caller: Caller<'_>) -> bool {
        let (aws, services) = match &self.principals {
            // A policy without principals is a role's own policy and applies to that role only.
            Principals::PolicyOwner => return matches!(caller, Caller::PolicyOwner),
            // `*` allows the role itself and delegates nothing to its account.
            Principals::Anyone => {
                return !(self.allows && matches!(caller, Caller::RoleViaAccount(_)));
            }
            Principals::Listed { aws, services } => (aws, services),
        };
        let lists = |arn: &str| aws.iter().any(|it| it == arn);
        let lists_account = |arn: &str| {
            let account = arn.split(':').nth(4).unwrap_or_default();
            let root = format!("::{account}:root");
            aws.iter().any(|it| it == account || it.ends_with(&root))
        };
        match (caller, self.allows) {
            (Caller::PolicyOwner, _) => false,
            (Caller::Service(name), _) => services.iter().any(|it| it == name),
            (Caller::Role(arn), true) => lists(arn),
            (Caller::RoleViaAccount(arn), true) => lists_account(arn),
            // A Deny for the account denies it to all its roles.
            (Caller::Role(arn) | Caller::RoleViaAccount(arn), false) => {
                lists(arn) || lists_account(arn)
            }
        }
    }

    fn coverage(&self, request: &AccessRequest<'_>) -> Coverage {
        // Actions are case-insensitive; ARNs are not.
        let actions = self.actions.coverage(&request.action.to_lowercase(), str::to_lowercase);
        actions.min(self.resources.coverage(request.resource, str::to_owned))
    }

    /// Evaluates all conditions: one that is not met decides, then one that is unknown.
    fn conditions_met(&self, known: &[(&str, &str)]) -> ConditionResult {
        let mut all = ConditionResult::Met;
        for condition in &self.conditions {
            match condition.evaluate(known) {
                ConditionResult::Met => {}
                not_met @ ConditionResult::NotMet(_) => return not_met,
                unknown @ ConditionResult::Unknown(_) => all = unknown,
            }
        }
        all
    }
}

impl Principals {
    fn read(statement: &Value) -> Self {
        match statement.get("Principal") {
            None if statement.get("NotPrincipal").is_some() => Self::Anyone,
            None => Self::PolicyOwner,
            Some(Value::Object(kinds)) => {
                let names = |kind: &str| kinds.get(kind).map(texts).unwrap_or_default();
                let (aws, services) = (names("AWS"), names("Service"));
                if aws.iter().any(|it| it == "*") {
                    return Self::Anyone;
                }
                Self::Listed { aws, services }
            }
            Some(Value::String(name)) if name == "*" => Self::Anyone,
            Some(_) => Self::Listed { aws: Vec::new(), services: Vec::new() },
        }
    }
}

impl NameSet {
    fn read(statement: &Value, element: &str, not_element: &str) -> Self {
        match (statement.get(element), statement.get(not_element)) {
            (Some(names), _) => Self::Matching(texts(names)),
            (None, Some(names)) => Self::NotMatching(texts(names)),
            (None, None) => Self::All,
        }
    }

    fn coverage(&self, requested: &str, normalise: fn(&str) -> String) -> Coverage {
        let name_coverage = |name: &String| {
            let pattern = normalise(name);
            // A variable (`${aws:username}`) stands for an unknown text.
            let (plain, variable) = without_variables(&pattern);
            if covers(&plain, requested) && !variable {
                Coverage::Full
            } else if overlaps(&plain, requested) {
                Coverage::Partial
            } else {
                Coverage::None
            }
        };
        match self {
            Self::All => Coverage::Full,
            Self::Matching(names) => {
                names.iter().map(name_coverage).max().unwrap_or(Coverage::None)
            }
            Self::NotMatching(names) => {
                match names.iter().map(name_coverage).max().unwrap_or(Coverage::None) {
                    Coverage::Full => Coverage::None,
                    Coverage::Partial => Coverage::Partial,
                    Coverage::None => Coverage::Full,
                }
            }
        }
    }
}

impl Condition {
    fn evaluate(&self, known: &[(&str, &str)]) -> ConditionResult {
        let unknown = || ConditionResult::Unknown(self.key.clone());
        let operator = self.operator.strip_suffix("IfExists").unwrap_or(&self.operator);
        let value = known.iter().find(|(key, _)| key.eq_ignore_ascii_case(&self.key));
        let Some((_, value)) = value else { return unknown() };
        if self.values.iter().any(|it| without_variables(it).1) {
            return unknown();
        }
        let matches = |it: &String| match operator {
            "StringLike" | "StringNotLike" | "ArnLike" | "ArnEquals" | "ArnNotLike"
            | "ArnNotEquals" => covers(it, value),
            "Bool" | "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => {
                it.eq_ignore_ascii_case(value)
            }
            _ => it == value,
        };
        let expected = match operator {
            "StringEquals"
            | "StringEqualsIgnoreCase"
            | "StringLike"
            | "ArnLike"
            | "ArnEquals"
            | "Bool" => true,
            "StringNotEquals"
            | "StringNotEqualsIgnoreCase"
            | "StringNotLike"
            | "ArnNotLike"
            | "ArnNotEquals" => false,
            _ => return unknown(),
        };
        if self.values.iter().any(matches) == expected {
            return ConditionResult::Met;
        }
        let (not, values) = (if expected { "" } else { "not " }, self.values.join(" or "));
        ConditionResult::NotMet(format!("{} is {not}{values}", self.key))
    }
}

/// The texts of a JSON string or list. Numbers and booleans are taken as written.
fn texts(value: &Value) -> Vec<String> {
    let text = |it: &Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
    match value {
        Value::Array(all) => all.iter().map(text).collect(),
        it => vec![text(it)],
    }
}

/// Replaces each variable with `*`; also returns whether there was one.
fn without_variables(text: &str) -> (String, bool) {
    let (mut plain, mut rest, mut any) = (String::new(), text, false);
    while let Some((before, from)) = rest.split_once("${") {
        let Some((_, after)) = from.split_once('}') else { break };
        plain.push_str(before);
        plain.push('*');
        (rest, any) = (after, true);
    }
    plain.push_str(rest);
    (plain, any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(statements: &str) -> PolicyDocument {
        PolicyDocument::parse(&format!("{{\"Statement\":{statements}}}")).expect("a document")
    }

    fn not_allowed(condition: Option<&str>) -> Verdict {
        Verdict::NotAllowed(condition.map(str::to_owned))
    }

    fn unclear(why: &str) -> Verdict {
        Verdict::Unclear(why.to_owned())
    }

    #[test]
    fn statements_of_a_role_allow_and_deny() {
        let put = AccessRequest {
            caller: Caller::PolicyOwner,
            action: "s3:PutObject*",
            resource: "arn:aws:s3:::shop/exports/landbridge-shop-*",
            known: &[("aws:SecureTransport", "true")],
        };
        let all = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
        for (statements, expected) in [
            (all.to_owned(), Verdict::Allowed),
            ("[]".to_owned(), not_allowed(None)),
            (
                r#"{"Effect":"Allow","Action":["s3:GetObject","S3:putobject*"],
                    "Resource":"arn:aws:s3:::shop/exports/*"}"#
                    .to_owned(),
                Verdict::Allowed,
            ),
            (
                r#"{"Effect":"Allow","Action":"s3:Put*","Resource":"arn:aws:s3:::shop/other/*"}"#
                    .to_owned(),
                not_allowed(None),
            ),
            (
                r#"{"Effect":"Allow","Action":"s3:Put*","Resource":"arn:aws:s3:::shop"}"#
                    .to_owned(),
                not_allowed(None),
            ),
            (
                r#"{"Sid":"One","Effect":"Allow","Action":"s3:PutObject","Resource":"*"}"#
                    .to_owned(),
                unclear("One allows only a part of it"),
            ),
            (
                r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:userid}/*"}"#
                    .to_owned(),
                unclear("statement 1 allows only a part of it"),
            ),
            (
                r#"{"Effect":"Allow","NotAction":"iam:*","NotResource":"arn:aws:s3:::payroll*"}"#
                    .to_owned(),
                Verdict::Allowed,
            ),
            (
                r#"{"Effect":"Allow","NotAction":"s3:*","Resource":"*"}"#.to_owned(),
                not_allowed(None),
            ),
            (
                r#"{"Sid":"Vpc","Effect":"Allow","Action":"s3:*","Resource":"*",
                    "Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}}"#
                    .to_owned(),
                unclear("Vpc has a condition on aws:SourceVpce"),
            ),
            (
                format!(
                    r#"[{all},{{"Sid":"No","Effect":"Deny","Action":"s3:Put*","Resource":"*"}}]"#
                ),
                Verdict::Denied("No".to_owned()),
            ),
            // TLS is used, so this Deny does not apply.
            (
                format!(
                    r#"[{all},{{"Effect":"Deny","Action":"*","Resource":"*",
                        "Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}}]"#
                ),
                Verdict::Allowed,
            ),
            (
                format!(
                    r#"[{all},{{"Sid":"Acl","Effect":"Deny","Action":"s3:PutObjectAcl","Resource":"*"}}]"#
                ),
                unclear("Acl denies a part of it"),
            ),
            (
                format!(
                    r#"[{all},{{"Sid":"Net","Effect":"Deny","Action":"*","Resource":"*",
                        "Condition":{{"NotIpAddress":{{"aws:SourceIp":"10.0.0.0/8"}}}}}}]"#
                ),
                unclear("Net denies it under a condition on aws:SourceIp"),
            ),
            (
                format!(r#"[{all},{{"Effect":"Deny","Action":"rds:*","Resource":"*"}}]"#),
                Verdict::Allowed,
            ),
        ] {
            assert_eq!(evaluate(&[document(&statements)], &put), expected, "{statements}");
        }
        assert_eq!(evaluate(&[document("[]"), document(all)], &put), Verdict::Allowed);
    }

    #[test]
    fn a_trust_policy_names_services_and_conditions() {
        let export = AccessRequest {
            caller: Caller::Service("export.rds.amazonaws.com"),
            action: "sts:AssumeRole",
            resource: "*",
            known: &[("aws:SourceAccount", "123456789012")],
        };
        let trust = |service: &str, action: &str, condition: &str| {
            document(&format!(
                r#"{{"Effect":"Allow","Principal":{{"Service":{service}}},"Action":"{action}","Condition":{condition}}}"#
            ))
        };
        let (rds, assume) =
            (r#"["lambda.amazonaws.com","export.rds.amazonaws.com"]"#, "sts:AssumeRole");
        for (document, expected) in [
            (trust(rds, assume, "{}"), Verdict::Allowed),
            (trust(r#""rds.amazonaws.com""#, assume, "{}"), not_allowed(None)),
            (trust(rds, "sts:TagSession", "{}"), not_allowed(None)),
            (
                trust(
                    rds,
                    assume,
                    r#"{"StringEquals":{"AWS:SourceAccount":["1","123456789012"]}}"#,
                ),
                Verdict::Allowed,
            ),
            (
                trust(rds, assume, r#"{"StringEquals":{"aws:SourceAccount":"210987654321"}}"#),
                not_allowed(Some("aws:SourceAccount is 210987654321")),
            ),
            (
                trust(rds, assume, r#"{"StringNotEquals":{"aws:SourceAccount":"123456789012"}}"#),
                not_allowed(Some("aws:SourceAccount is not 123456789012")),
            ),
            (
                trust(rds, assume, r#"{"ArnLike":{"aws:SourceArn":"arn:aws:rds:*"}}"#),
                unclear("statement 1 has a condition on aws:SourceArn"),
            ),
        ] {
            assert_eq!(evaluate(&[document], &export), expected);
        }
    }

    #[test]
    fn a_key_policy_allows_a_role_or_delegates_to_its_account() {
        let role = "arn:aws:iam::123456789012:role/export";
        let evaluated = |principal: &str, effect: &str, caller| {
            let document = document(&format!(
                r#"{{"Sid":"S","Effect":"{effect}","Principal":{principal},"Action":"kms:*","Resource":"*"}}"#
            ));
            let request =
                AccessRequest { caller, action: "kms:CreateGrant", resource: "*", known: &[] };
            evaluate(&[document], &request)
        };
        let (by_role, by_account) = (Caller::Role(role), Caller::RoleViaAccount(role));
        let root = r#"{"AWS":"arn:aws:iam::123456789012:root"}"#;
        let own = format!(r#"{{"AWS":["{role}"]}}"#);
        let denied = Verdict::Denied("S".to_owned());
        for (principal, effect, caller, expected) in [
            (root, "Allow", by_account, Verdict::Allowed),
            (r#"{"AWS":"123456789012"}"#, "Allow", by_account, Verdict::Allowed),
            (r#"{"AWS":"arn:aws:iam::999999999999:root"}"#, "Allow", by_account, not_allowed(None)),
            // Delegating to the account does not allow the role directly.
            (root, "Allow", by_role, not_allowed(None)),
            (root, "Deny", by_role, denied.clone()),
            (&own, "Deny", by_account, denied.clone()),
            (&own, "Allow", by_role, Verdict::Allowed),
            (&own, "Allow", by_account, not_allowed(None)),
            (r#""*""#, "Allow", by_role, Verdict::Allowed),
            (r#""*""#, "Allow", by_account, not_allowed(None)),
            (r#"{"AWS":"*"}"#, "Deny", by_account, denied),
        ] {
            assert_eq!(
                evaluated(principal, effect, caller),
                expected,
                "{principal} {effect} {caller:?}"
            );
        }
    }

    #[test]
    fn a_document_is_parsed_plain_or_encoded() {
        assert!(PolicyDocument::parse(r#"{"Statement":[]}"#).is_some());
        assert!(PolicyDocument::parse(r#"{"Statement":{"Effect":"Allow"}}"#).is_some());
        for text in ["", "{}", r#"{"Statement":[{"Effect":"Perhaps"}]}"#, "%7B"] {
            assert!(PolicyDocument::parse(text).is_none(), "{text}");
        }
    }
}
