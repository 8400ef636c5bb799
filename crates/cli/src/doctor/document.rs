//! Reading IAM documents plainly: what the statements of a role or a key say of one call.
//!
//! The rules are those of the IAM User Guide ("Policy evaluation logic", "IAM JSON policy
//! elements"): a Deny that applies wins, without an Allow that applies the answer is no. Where
//! plain reading does not tell (a condition on something that is not known here, an Allow or a
//! Deny of only a part of what is asked), the verdict says so instead of guessing.

use serde_json::Value;

use super::pattern::{covers, overlaps};

/// A policy document.
#[derive(Debug)]
pub(super) struct Document(Vec<Statement>);

#[derive(Debug)]
struct Statement {
    /// Its `Sid`, or which one it is.
    name: String,
    allows: bool,
    who: Who,
    actions: Names,
    resources: Names,
    conditions: Vec<Condition>,
}

/// Whom a statement is about.
#[derive(Debug)]
enum Who {
    /// Who has the policy: it names nobody.
    Holder,
    Anyone,
    ObjectMeta {
        aws: Vec<String>,
        services: Vec<String>,
    },
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Debug)]
enum Names {
    /// Not given, as the resource of a trust policy: everything.
    All,
    Of(Vec<String>),
    Not(Vec<String>),
}

#[derive(Debug)]
struct Condition {
    operator: String,
    key: String,
    values: Vec<String>,
}

/// Who calls.
#[derive(Clone, Copy, Debug)]
pub(super) enum Caller<'a> {
    /// Who has the policy.
    Holder,
    /// A service, such as `export.rds.amazonaws.com`.
    Service(&'a str),
    /// A role by its ARN.
    Role(&'a str),
    /// The role of this ARN, if its account is named: whatever its own policies allow.
    ByAccount(&'a str),
}

/// What is asked. Action and resource may hold `*`: then all that they stand for is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    /// Who calls.
    pub(super) caller: Caller<'a>,
    /// `s3:PutObject*`.
    pub(super) action: &'a str,
    /// An ARN, or `*` where a policy is about one thing anyway.
    pub(super) resource: &'a str,
    /// What is known of such a call, by the keys that conditions have.
    pub(super) known: &'a [(&'a str, &'a str)],
}

/// What documents say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Yes.
    Allowed,
    /// No: this statement denies it.
    Denied(String),
    /// No: nothing allows it, or only on a condition that does not hold here, as told.
    NotAllowed(Option<String>),
    /// It depends on this, which is not evaluated.
    Unclear(String),
}

/// What a condition makes of a statement.
enum Holds {
    Yes,
    No(String),
    Unknown(String),
}

/// How much of what is asked a statement is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    None,
    Some,
    Whole,
}

impl Document {
    /// Reads a document, URL-encoded as IAM gives it or plain as KMS does. `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let plain = if text.trim_start().starts_with('{') {
            text.to_owned()
        } else {
            percent_encoding::percent_decode_str(text).decode_utf8().ok()?.into_owned()
        };
        let document: Value = serde_json::from_str(&plain).ok()?;
        let statements = match document.get("Statement")? {
            Value::Array(all) => all.iter().collect(),
            one => vec![one],
        };
        let read = |(at, it): (usize, &Value)| Statement::read(it, at + 1);
        Some(Self(statements.into_iter().enumerate().map(read).collect::<Option<_>>()?))
    }
}

/// What these documents together say.
pub(super) fn verdict(documents: &[Document], question: &Question<'_>) -> Verdict {
    let (mut allowed, mut unclear, mut doubt, mut failing) = (false, None, None, None);
    for statement in documents.iter().flat_map(|it| &it.0) {
        if !statement.is_about(question.caller) {
            continue;
        }
        let part = statement.part(question);
        if part == Part::None {
            continue;
        }
        let name = &statement.name;
        match (statement.allows, part, statement.holds(question.known)) {
            (true, _, Holds::No(only)) => failing = Some(only),
            (true, Part::Whole, Holds::Yes) => allowed = true,
            (true, Part::Whole, Holds::Unknown(on)) => {
                unclear = Some(format!("{name} has a condition on {on}"));
            }
            (true, _, _) => unclear = unclear.or(Some(format!("{name} allows a part of it"))),
            (false, _, Holds::No(_)) => {}
            (false, Part::Whole, Holds::Yes) => return Verdict::Denied(name.clone()),
            (false, Part::Whole, Holds::Unknown(on)) => {
                doubt = Some(format!("{name} denies it on a condition on {on}"));
            }
            (false, _, _) => doubt = Some(format!("{name} denies a part of it")),
        }
    }
    match (allowed, doubt, unclear) {
        (true, None, _) => Verdict::Allowed,
        (true, Some(why), _) | (false, _, Some(why)) => Verdict::Unclear(why),
        (false, _, None) => Verdict::NotAllowed(failing),
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
            // "All but these" is left to people.
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
            who: Who::read(value),
            actions: Names::read(value, "Action", "NotAction"),
            resources: Names::read(value, "Resource", "NotResource"),
            conditions,
        })
    }

    fn is_about(&self, caller: Caller<'_>) -> bool {
        let (aws, services) = match &self.who {
            // In the policy of a role there is nobody else; elsewhere somebody must be named.
            Who::Holder => return matches!(caller, Caller::Holder),
            // Who has the right himself needs no policy of his own.
            Who::Anyone => return !(self.allows && matches!(caller, Caller::ByAccount(_))),
            Who::ObjectMeta { aws, services } => (aws, services),
        };
        let named = |arn: &str| aws.iter().any(|it| it == arn);
        let by_account = |arn: &str| {
            let account = arn.split(':').nth(4).unwrap_or_default();
            let root = format!("::{account}:root");
            aws.iter().any(|it| it == account || it.ends_with(&root))
        };
        match (caller, self.allows) {
            (Caller::Holder, _) => false,
            (Caller::Service(name), _) => services.iter().any(|it| it == name),
            (Caller::Role(arn), true) => named(arn),
            (Caller::ByAccount(arn), true) => by_account(arn),
            // To deny it to the account is to deny it to all its roles.
            (Caller::Role(arn) | Caller::ByAccount(arn), false) => named(arn) || by_account(arn),
        }
    }

    fn part(&self, question: &Question<'_>) -> Part {
        // Actions are the same in any case of letters; ARNs are not.
        let actions = self.actions.part(&question.action.to_lowercase(), str::to_lowercase);
        actions.min(self.resources.part(question.resource, str::to_owned))
    }

    /// All conditions together: one that fails decides, then one that is not known.
    fn holds(&self, known: &[(&str, &str)]) -> Holds {
        let mut all = Holds::Yes;
        for condition in &self.conditions {
            match condition.holds(known) {
                Holds::Yes => {}
                Holds::No(only) => return Holds::No(only),
                unknown @ Holds::Unknown(_) => all = unknown,
            }
        }
        all
    }
}

impl Who {
    fn read(statement: &Value) -> Self {
        match statement.get("Principal") {
            None if statement.get("NotPrincipal").is_some() => Self::Anyone,
            None => Self::Holder,
            Some(Value::Object(kinds)) => {
                let of = |kind: &str| kinds.get(kind).map(texts).unwrap_or_default();
                let (aws, services) = (of("AWS"), of("Service"));
                if aws.iter().any(|it| it == "*") {
                    return Self::Anyone;
                }
                Self::ObjectMeta { aws, services }
            }
            Some(Value::String(name)) if name == "*" => Self::Anyone,
            Some(_) => Self::ObjectMeta { aws: Vec::new(), services: Vec::new() },
        }
    }
}

impl Names {
    fn read(statement: &Value, of: &str, not: &str) -> Self {
        match (statement.get(of), statement.get(not)) {
            (Some(names), _) => Self::Of(texts(names)),
            (None, Some(names)) => Self::Not(texts(names)),
            (None, None) => Self::All,
        }
    }

    fn part(&self, asked: &str, written: fn(&str) -> String) -> Part {
        let one = |name: &String| {
            let pattern = written(name);
            // A variable (`${aws:username}`) is some text that is not known.
            let (plain, variable) = without_variables(&pattern);
            if covers(&plain, asked) && !variable {
                Part::Whole
            } else if overlaps(&plain, asked) {
                Part::Some
            } else {
                Part::None
            }
        };
        match self {
            Self::All => Part::Whole,
            Self::Of(names) => names.iter().map(one).max().unwrap_or(Part::None),
            Self::Not(names) => match names.iter().map(one).max().unwrap_or(Part::None) {
                Part::Whole => Part::None,
                Part::Some => Part::Some,
                Part::None => Part::Whole,
            },
        }
    }
}

impl Condition {
    fn holds(&self, known: &[(&str, &str)]) -> Holds {
        let unknown = || Holds::Unknown(self.key.clone());
        let operator = self.operator.strip_suffix("IfExists").unwrap_or(&self.operator);
        let value = known.iter().find(|(key, _)| key.eq_ignore_ascii_case(&self.key));
        let Some((_, value)) = value else { return unknown() };
        if self.values.iter().any(|it| without_variables(it).1) {
            return unknown();
        }
        let is = |it: &String| match operator {
            "StringLike" | "StringNotLike" | "ArnLike" | "ArnEquals" | "ArnNotLike"
            | "ArnNotEquals" => covers(it, value),
            "Bool" | "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => {
                it.eq_ignore_ascii_case(value)
            }
            _ => it == value,
        };
        let wanted = match operator {
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
        if self.values.iter().any(is) == wanted {
            return Holds::Yes;
        }
        let (not, values) = (if wanted { "" } else { "not " }, self.values.join(" or "));
        Holds::No(format!("{} is {not}{values}", self.key))
    }
}

/// A text, or a list of them. What else stands there (numbers, booleans) is taken as written.
fn texts(value: &Value) -> Vec<String> {
    let one = |it: &Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
    match value {
        Value::Array(all) => all.iter().map(one).collect(),
        it => vec![one(it)],
    }
}

/// With `*` for each variable, and whether there was one.
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

    fn document(statements: &str) -> Document {
        Document::parse(&format!("{{\"Statement\":{statements}}}")).expect("a document")
    }

    fn not_allowed(only: Option<&str>) -> Verdict {
        Verdict::NotAllowed(only.map(str::to_owned))
    }

    fn unclear(why: &str) -> Verdict {
        Verdict::Unclear(why.to_owned())
    }

    #[test]
    fn what_a_role_may_do() {
        let put = Question {
            caller: Caller::Holder,
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
                unclear("One allows a part of it"),
            ),
            (
                r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:userid}/*"}"#
                    .to_owned(),
                unclear("statement 1 allows a part of it"),
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
                unclear("Net denies it on a condition on aws:SourceIp"),
            ),
            (
                format!(r#"[{all},{{"Effect":"Deny","Action":"rds:*","Resource":"*"}}]"#),
                Verdict::Allowed,
            ),
        ] {
            assert_eq!(verdict(&[document(&statements)], &put), expected, "{statements}");
        }
        assert_eq!(verdict(&[document("[]"), document(all)], &put), Verdict::Allowed);
    }

    #[test]
    fn whom_a_role_trusts() {
        let export = Question {
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
            assert_eq!(verdict(&[document], &export), expected);
        }
    }

    #[test]
    fn to_whom_a_key_is_left() {
        let role = "arn:aws:iam::123456789012:role/export";
        let says = |principal: &str, effect: &str, caller| {
            let document = document(&format!(
                r#"{{"Sid":"S","Effect":"{effect}","Principal":{principal},"Action":"kms:*","Resource":"*"}}"#
            ));
            let question =
                Question { caller, action: "kms:CreateGrant", resource: "*", known: &[] };
            verdict(&[document], &question)
        };
        let (by_role, by_account) = (Caller::Role(role), Caller::ByAccount(role));
        let root = r#"{"AWS":"arn:aws:iam::123456789012:root"}"#;
        let own = format!(r#"{{"AWS":["{role}"]}}"#);
        let denied = Verdict::Denied("S".to_owned());
        for (principal, effect, caller, expected) in [
            (root, "Allow", by_account, Verdict::Allowed),
            (r#"{"AWS":"123456789012"}"#, "Allow", by_account, Verdict::Allowed),
            (r#"{"AWS":"arn:aws:iam::999999999999:root"}"#, "Allow", by_account, not_allowed(None)),
            // The account's word is not the role's.
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
                says(principal, effect, caller),
                expected,
                "{principal} {effect} {caller:?}"
            );
        }
    }

    #[test]
    fn a_document_is_plain_or_encoded_and_else_none() {
        assert!(Document::parse("%7B%22Statement%22%3A%5B%5D%7D").is_some());
        assert!(Document::parse(r#"{"Statement":{"Effect":"Allow"}}"#).is_some());
        for text in ["", "{}", r#"{"Statement":[{"Effect":"Perhaps"}]}"#, "%7B"] {
            assert!(Document::parse(text).is_none(), "{text}");
        }
    }
}
