//! Formats of single values: identifiers that AWS or Google Cloud restricts.
//!
//! Each format has a name and a pattern, which are part of the JSON Schema, so an
//! editor refuses what [`super::parse`] refuses. Messages, and rules that a pattern
//! cannot express, are only here.

use std::{collections::HashMap, sync::LazyLock};

use regex_lite::Regex;
use schemars::{Schema, SchemaGenerator, json_schema};

use super::nearest::nearest;
use crate::names;

/// Why a value does not match a format, without the name of the value.
#[derive(Debug)]
pub(crate) struct Mismatch {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// The format of a kind of value.
#[derive(Debug)]
pub(crate) struct Format {
    /// The name in the schema's `format`.
    name: &'static str,
    /// The regular expression in the schema's `pattern`.
    pattern: &'static str,
    /// The maximum number of characters.
    max: usize,
    /// The name of the kind of value for messages, with an article.
    is: &'static str,
    /// How to write such a value.
    help: &'static str,
    /// Rules that the pattern does not express, or for which there is a more specific help.
    extra_rules: fn(&str) -> Result<(), String>,
    /// Whether a message may contain the value. Not if it may be a secret, an e-mail
    /// address or free text.
    echo: bool,
}

impl Format {
    /// Why the value does not match the format; `None` if it does.
    pub(crate) fn check(&self, value: &str) -> Option<Mismatch> {
        let shown = if self.echo { quoted(value) } else { "this value".to_owned() };
        if value.chars().count() > self.max {
            return Some(Mismatch {
                message: format!("{shown} is too long for {}", self.is),
                help: Some(format!("use at most {} characters", self.max)),
            });
        }
        let extra_rules = (self.extra_rules)(value);
        // A test compiles every pattern. If one did not compile, no value may pass.
        let fits = PATTERNS.get(self.name).is_some_and(|regex| regex.is_match(value));
        match (fits, extra_rules) {
            (true, Ok(())) => None,
            (_, Err(help)) => {
                Some(Mismatch { message: format!("{shown} is not {}", self.is), help: Some(help) })
            }
            (false, Ok(())) => Some(Mismatch {
                message: format!("{shown} is not {}", self.is),
                help: Some(self.help.to_owned()),
            }),
        }
    }

    fn schema(&self) -> Schema {
        let mut schema = json_schema!({ "type": "string", "format": self.name });
        if !self.pattern.is_empty() {
            schema.insert("pattern".to_owned(), self.pattern.into());
        }
        if self.max < usize::MAX {
            schema.insert("maxLength".to_owned(), self.max.into());
        }
        schema
    }
}

/// The format with this name.
pub(crate) fn named(name: &str) -> Option<&'static Format> {
    ALL.iter().find(|format| format.name == name)
}

/// Whether the value matches the format with this name.
pub(crate) fn fits(name: &str, value: &str) -> bool {
    named(name).is_some_and(|format| format.check(value).is_none())
}

/// Text of the file in backticks, truncated if it is long.
pub(crate) fn quoted(text: &str) -> String {
    /// Enough to recognise any identifier.
    const SHOWN: usize = 60;
    let line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect();
    if text.chars().count() > SHOWN { format!("`{line}…`") } else { format!("`{line}`") }
}

fn schema_named(name: &str) -> Schema {
    named(name).map_or_else(|| json_schema!({"type": "string"}), Format::schema)
}

macro_rules! schemas {
    ($($function:ident = $name:literal)*) => {$(
        pub(crate) fn $function(_: &mut SchemaGenerator) -> Schema {
            schema_named($name)
        }
    )*};
}

schemas! {
    source_name = "source-name"
    rds_id = "rds-id"
    aws_region = "aws-region"
    time_zone = "time-zone"
    s3_bucket = "s3-bucket"
    gcs_bucket = "gcs-bucket"
    object_prefix = "object-prefix"
    iam_role = "iam-role-arn"
    kms_key = "kms-key-arn"
    secret = "secret"
    slack_channel = "slack-channel"
    sns_topic = "sns-topic-arn"
    gcp_project = "gcp-project"
    bigquery_location = "bigquery-location"
    bigquery_dataset = "bigquery-dataset"
    bigquery_table = "bigquery-table"
    bigquery_column = "bigquery-column"
    policy_tag = "policy-tag"
    class_reference = "class-reference"
    source_type = "source-type"
    description = "description"
    legal_basis = "legal-basis"
    statute = "statute"
}

/// The schema of a list of IAM members.
pub(crate) fn iam_members(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": schema_named("iam-member") })
}

/// The schema of a list of names that people read.
pub(crate) fn names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": schema_named("description") })
}

/// The schema of a list of datasets.
pub(crate) fn bigquery_datasets(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": schema_named("bigquery-dataset") })
}

/// The schema of the list that restricts an export.
pub(crate) fn export_targets(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": schema_named("export-target") })
}

/// The patterns, compiled once, because a contract has thousands of values.
static PATTERNS: LazyLock<HashMap<&str, Regex>> = LazyLock::new(|| {
    ALL.iter().filter_map(|format| Some((format.name, Regex::new(format.pattern).ok()?))).collect()
});

fn no_more_rules(_: &str) -> Result<(), String> {
    Ok(())
}

const PLAIN: Format = Format {
    name: "",
    pattern: "",
    max: usize::MAX,
    is: "",
    help: "",
    extra_rules: no_more_rules,
    echo: true,
};

/// Limits are from the naming rules in the documentation of AWS and Google Cloud, unless a
/// comment says otherwise.
static ALL: &[Format] = &[
    Format {
        name: "source-name",
        pattern: "^[a-z](-?[a-z0-9])*$",
        // A limit of Landbridge: an export task ID has 60 characters, including a date.
        max: 20,
        is: "a source name",
        help: "use lower-case letters, digits and single hyphens, starting with a letter",
        ..PLAIN
    },
    Format {
        name: "rds-id",
        pattern: "^[A-Za-z](-?[A-Za-z0-9])*$",
        max: 63,
        is: "an RDS identifier",
        help: "write the identifier that the RDS console shows: letters, digits and single hyphens, starting with a letter",
        ..PLAIN
    },
    Format {
        name: "aws-region",
        pattern: "^[a-z]{2}(-[a-z]+)+-[0-9]$",
        max: 30,
        is: "an AWS region",
        help: "write it in the form `ap-northeast-2`",
        extra_rules: region,
        ..PLAIN
    },
    Format {
        name: "time-zone",
        pattern: "^[A-Za-z0-9_+/-]+$",
        max: 60,
        is: "a time zone",
        help: "use an IANA name like `Asia/Seoul`",
        extra_rules: zone,
        ..PLAIN
    },
    Format {
        name: "s3-bucket",
        pattern: "^[a-z0-9]([a-z0-9-]|\\.[a-z0-9]){1,61}[a-z0-9]$",
        max: 63,
        is: "an S3 bucket name",
        help: "use 3 to 63 lower-case letters, digits, hyphens and dots, without `s3://`",
        extra_rules: s3_bucket_rules,
        ..PLAIN
    },
    Format {
        name: "gcs-bucket",
        pattern: "^[a-z0-9][a-z0-9._-]*[a-z0-9]$",
        max: 222,
        is: "a Cloud Storage bucket name",
        help: "use 3 to 63 lower-case letters, digits, hyphens, underscores and dots, without `gs://`",
        extra_rules: gcs_bucket_rules,
        ..PLAIN
    },
    Format {
        name: "object-prefix",
        pattern: "^[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*$",
        max: 200,
        is: "an object prefix",
        help: "use letters, digits, `_`, `.`, `=` and `-`, separated by single slashes",
        extra_rules: prefix,
        ..PLAIN
    },
    Format {
        name: "iam-role-arn",
        pattern: "^arn:aws(-cn|-us-gov)?:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$",
        max: 2048,
        is: "the ARN of an IAM role",
        help: "write it in the form `arn:aws:iam::123456789012:role/rds-export`",
        ..PLAIN
    },
    Format {
        name: "kms-key-arn",
        pattern: "^arn:aws(-cn|-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:(key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)$",
        max: 2048,
        is: "the ARN of a KMS key",
        help: "write it in the form `arn:aws:kms:ap-northeast-2:123456789012:key/…`",
        ..PLAIN
    },
    Format {
        name: "secret",
        pattern: "^(arn:aws(-cn|-us-gov)?:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:)?[A-Za-z0-9/_+=.@-]+$",
        max: 2048,
        is: "the name or ARN of a secret in Secrets Manager",
        help: "write its name, like `landbridge/shop/token-key`, or its ARN",
        // The value may be the secret itself, written here by mistake.
        echo: false,
        ..PLAIN
    },
    Format {
        name: "slack-channel",
        // Slack's documentation shows ids such as `C1234567890`; a name is not accepted by every method.
        pattern: "^[CGD][A-Z0-9]+$",
        max: 30,
        is: "the id of a Slack channel",
        help: "write the id, like `C0123456789`: Slack shows it at the end of the channel's details; not its name",
        ..PLAIN
    },
    Format {
        name: "sns-topic-arn",
        pattern: "^arn:aws(-cn|-us-gov)?:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$",
        max: 2048,
        is: "the ARN of an SNS topic",
        help: "write it in the form `arn:aws:sns:ap-northeast-2:123456789012:landbridge-shop-alerts`",
        ..PLAIN
    },
    Format {
        name: "export-target",
        // Amazon RDS User Guide, "Considerations for DB snapshot exports": names with other
        // characters are not supported in a partial export.
        pattern: "^[A-Za-z0-9_$]+(\\.[A-Za-z0-9_$]+){0,2}$",
        max: 255,
        is: "a database, schema or table that RDS can export by name",
        help: "write `database`, `database.schema` or `database.schema.table`, of ASCII letters, digits, `_` and `$`; for a table with another name, name its schema or database instead, or leave the list empty",
        ..PLAIN
    },
    Format {
        name: "gcp-project",
        pattern: "^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$",
        max: 100,
        is: "a Google Cloud project id",
        help: "use 6 to 30 lower-case letters, digits and hyphens, starting with a letter; not the project number",
        ..PLAIN
    },
    Format {
        name: "bigquery-location",
        pattern: "^([Uu][Ss]|[Ee][Uu]|[a-z]+-[a-z]+[0-9]+)$",
        max: 30,
        is: "a BigQuery location",
        help: "write it in the form `asia-northeast3`, `US` or `EU`",
        extra_rules: location,
        ..PLAIN
    },
    Format {
        name: "bigquery-dataset",
        pattern: "^[A-Za-z0-9_]+$",
        max: 1024,
        is: "a BigQuery dataset id",
        help: "use letters, digits and underscores, without the project",
        ..PLAIN
    },
    Format {
        name: "bigquery-table",
        // No ASCII characters but letters, digits, `_`, `-` and spaces; `names` has the complete rule.
        pattern: "^[^\\x00-\\x1F!-,./:-@\\[-\\^`{-\\x7F]+$",
        // The documented limit is 1,024 bytes of UTF-8.
        max: 300,
        is: "a BigQuery table name",
        help: "use letters, digits, underscores, hyphens and spaces, without the dataset",
        extra_rules: table_name,
        ..PLAIN
    },
    Format {
        name: "bigquery-column",
        // Google's documentation, "Flexible column names", lists the characters that are not
        // supported; `names` has the complete rule.
        pattern: "^[^\\x00-\\x1F!\"$()*,./;?@\\[-\\^`{}~\\x7F]+$",
        max: 300,
        is: "a BigQuery column name",
        help: "use letters, digits and underscores",
        extra_rules: column_name,
        ..PLAIN
    },
    Format {
        name: "policy-tag",
        pattern: "^projects/[^/\\s]+/locations/[a-z0-9-]+/taxonomies/[0-9]+/policyTags/[0-9]+$",
        max: 300,
        is: "a policy tag's resource name",
        help: "write it in the form `projects/PROJECT/locations/LOCATION/taxonomies/123/policyTags/456`",
        ..PLAIN
    },
    Format {
        name: "iam-member",
        pattern: "^((user|group|serviceAccount):[^@\\s]+@[^@\\s]+|domain:[^@\\s]+|principal(Set)?://\\S+)$",
        max: 500,
        is: "an IAM member",
        help: "write it in the form `group:analysts@example.com`",
        extra_rules: member,
        echo: false,
    },
    Format {
        name: "class-name",
        pattern: "^[a-z][a-z0-9_]*$",
        max: 30,
        is: "a class name",
        help: "use lower-case letters, digits and underscores, starting with a letter",
        extra_rules: class,
        ..PLAIN
    },
    Format {
        name: "class-reference",
        pattern: "^[a-z][a-z0-9_]*$",
        max: 30,
        is: "a class name",
        help: "use a class of `pii.classes`, `unclassified` or `none`",
        ..PLAIN
    },
    Format {
        name: "source-type",
        pattern: "^\\S.*$",
        max: 200,
        is: "a source type",
        help: "write the type as in the export manifest, for example `character varying`",
        ..PLAIN
    },
    Format {
        name: "description",
        pattern: "",
        // BigQuery's limit for a column.
        max: 1024,
        is: "a description",
        echo: false,
        ..PLAIN
    },
    Format {
        name: "statute",
        pattern: "[0-9]",
        max: 500,
        is: "a statute with its article",
        help: "name the statute and the article, for example `소득세법 제145조` or `Income Tax Act, Article 145`",
        ..PLAIN
    },
    Format {
        name: "legal-basis",
        pattern: "\\S",
        max: 1024,
        is: "a legal basis",
        help: "write a sentence that names the basis of the transfer to another country, or remove the key",
        ..PLAIN
    },
];

fn region(value: &str) -> Result<(), String> {
    // The RDS console shows the availability zone of an instance, such as `ap-northeast-2a`.
    let zone_of = value.strip_suffix(|c: char| c.is_ascii_lowercase());
    match zone_of {
        Some(region) if region.ends_with(|c: char| c.is_ascii_digit()) => {
            Err(format!("that is an availability zone; write its region, `{region}`"))
        }
        _ => Ok(()),
    }
}

fn zone(value: &str) -> Result<(), String> {
    if jiff::tz::TimeZone::get(value).is_ok() {
        return Ok(());
    }
    let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    let city = |name: &str| -> Option<String> {
        let (_, city) = name.rsplit_once('/')?;
        Some(city.to_owned())
    };
    // `Seoul` alone, or `Korea/Seoul`: look for the city.
    let wanted = value.rsplit('/').next().unwrap_or(value);
    let by_city = || {
        names.iter().find(|name| city(name).is_some_and(|city| city.eq_ignore_ascii_case(wanted)))
    };
    let meant = match value {
        // Abbreviations are not time zones, and similar abbreviations mean other countries.
        "KST" => Some("Asia/Seoul".to_owned()),
        "JST" => Some("Asia/Tokyo".to_owned()),
        _ if value.len() <= 4 => by_city().cloned(),
        _ => nearest(value, names.iter().map(String::as_str))
            .map(str::to_owned)
            .or_else(|| by_city().cloned()),
    };
    Err(match meant {
        Some(name) => format!("did you mean `{name}`?"),
        None => "use an IANA name like `Asia/Seoul`".to_owned(),
    })
}

fn s3_bucket_rules(value: &str) -> Result<(), String> {
    if value.starts_with("xn--") || value.starts_with("sthree-") || value.ends_with("-s3alias") {
        return Err("choose another name: AWS reserves the prefixes `xn--` and `sthree-` and the suffix `-s3alias`".to_owned());
    }
    if value.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err("a bucket name cannot be an IP address".to_owned());
    }
    Ok(())
}

fn gcs_bucket_rules(value: &str) -> Result<(), String> {
    if value.starts_with("goog") || value.contains("google") || value.contains("g00gle") {
        return Err(
            "choose another name: Google reserves names that start with `goog` or contain `google`"
                .to_owned(),
        );
    }
    if value.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err("a bucket name cannot be an IP address".to_owned());
    }
    let parts_are_short = value.split('.').all(|part| (1..=63).contains(&part.len()));
    if value.len() < 3 || !parts_are_short {
        return Err("use 3 to 63 characters, and at most 63 between dots".to_owned());
    }
    Ok(())
}

fn prefix(value: &str) -> Result<(), String> {
    if value.contains("//") {
        return Err("remove the empty part: BigQuery cannot load objects whose names contain `//`"
            .to_owned());
    }
    if value.starts_with('/') || value.ends_with('/') {
        return Err("remove the leading or trailing slash".to_owned());
    }
    if value.split('/').any(|part| part == "." || part == "..") {
        return Err("remove `.` and `..`: object names have no relative parts".to_owned());
    }
    Ok(())
}

fn location(value: &str) -> Result<(), String> {
    if fits("aws-region", value) {
        return Err(
            "that is an AWS region; write a Google Cloud location, for example `asia-northeast3`"
                .to_owned(),
        );
    }
    Ok(())
}

fn member(value: &str) -> Result<(), String> {
    if value.starts_with("allUsers") || value.starts_with("allAuthenticatedUsers") {
        return Err("write a group, for example `group:analysts@example.com`: data cannot be opened to everyone on the internet".to_owned());
    }
    Ok(())
}

fn table_name(value: &str) -> Result<(), String> {
    names::check_table(value).map_err(str::to_owned)
}

fn column_name(value: &str) -> Result<(), String> {
    names::check_column(value, names::ColumnNames::Flexible).map_err(str::to_owned)
}

fn class(value: &str) -> Result<(), String> {
    if value == "none" {
        return Err(
            "choose another name: in a contract, `none` means readable by everyone".to_owned()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
