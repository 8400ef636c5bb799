//! The shapes of single values: identifiers that a cloud restricts.
//!
//! Each is a named format with a pattern. Both stand in the JSON Schema, so an
//! editor refuses what [`super::parse`] refuses; the sentence for people, and
//! the rules that no pattern expresses well, are only here.

use std::{collections::HashMap, sync::LazyLock};

use regex_lite::Regex;
use schemars::{Schema, SchemaGenerator, json_schema};

use super::nearest::nearest;

/// What is wrong with a value, without saying which value it is.
#[derive(Debug)]
pub(crate) struct Complaint {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// The shape of one kind of value.
#[derive(Debug)]
pub(crate) struct Format {
    /// Its name in a schema's `format`.
    name: &'static str,
    /// What it must match, as in a schema's `pattern`.
    pattern: &'static str,
    /// Characters allowed.
    max: usize,
    /// What it is, with an article.
    is: &'static str,
    /// How to write it.
    help: &'static str,
    /// Rules beyond the pattern: a better help when broken.
    beyond: fn(&str) -> Result<(), String>,
    /// Whether the value may be repeated in a fault. Not where it may be a
    /// person's address or free text.
    echo: bool,
}

impl Format {
    /// What is wrong with the value, if anything is.
    pub(crate) fn check(&self, value: &str) -> Option<Complaint> {
        let shown = if self.echo { quoted(value) } else { "this value".to_owned() };
        if value.chars().count() > self.max {
            return Some(Complaint {
                message: format!("{shown} is too long for {}", self.is),
                help: Some(format!("at most {} characters", self.max)),
            });
        }
        let beyond = (self.beyond)(value);
        // A pattern of ours that doesn't compile would be caught by the test
        // that compiles each; it must not make every value pass.
        let fits = PATTERNS.get(self.name).is_some_and(|regex| regex.is_match(value));
        match (fits, beyond) {
            (true, Ok(())) => None,
            (_, Err(help)) => {
                Some(Complaint { message: format!("{shown} is not {}", self.is), help: Some(help) })
            }
            (false, Ok(())) => Some(Complaint {
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

/// The format of that name, if it is one of ours.
pub(crate) fn named(name: &str) -> Option<&'static Format> {
    ALL.iter().find(|format| format.name == name)
}

/// Whether the value has the shape of that name.
pub(crate) fn fits(name: &str, value: &str) -> bool {
    named(name).is_some_and(|format| format.check(value).is_none())
}

/// A word of the file, in backticks, cut when it is long.
pub(crate) fn quoted(text: &str) -> String {
    /// Enough to recognise any identifier by.
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
    gcp_project = "gcp-project"
    bigquery_location = "bigquery-location"
    bigquery_dataset = "bigquery-dataset"
    bigquery_table = "bigquery-table"
    policy_tag = "policy-tag"
    class_reference = "class-reference"
    source_type = "source-type"
    description = "description"
}

/// A list of IAM members.
pub(crate) fn iam_members(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": schema_named("iam-member") })
}

/// A list of what an export is restricted to.
pub(crate) fn export_targets(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": schema_named("export-target") })
}

/// Each format's pattern, compiled once: a contract has thousands of values.
static PATTERNS: LazyLock<HashMap<&str, Regex>> = LazyLock::new(|| {
    ALL.iter().filter_map(|format| Some((format.name, Regex::new(format.pattern).ok()?))).collect()
});

fn nothing_more(_: &str) -> Result<(), String> {
    Ok(())
}

const PLAIN: Format = Format {
    name: "",
    pattern: "",
    max: usize::MAX,
    is: "",
    help: "",
    beyond: nothing_more,
    echo: true,
};

/// Limits are those of the clouds' documentation on naming unless said.
static ALL: &[Format] = &[
    Format {
        name: "source-name",
        pattern: "^[a-z](-?[a-z0-9])*$",
        // Ours: leaves room for a date in an export id's 60 characters.
        max: 20,
        is: "a source name",
        help: "use lower-case letters, digits and single hyphens, a letter first",
        ..PLAIN
    },
    Format {
        name: "rds-id",
        pattern: "^[A-Za-z](-?[A-Za-z0-9])*$",
        max: 63,
        is: "an RDS identifier",
        help: "use letters, digits and single hyphens, a letter first, as the RDS console shows it",
        ..PLAIN
    },
    Format {
        name: "aws-region",
        pattern: "^[a-z]{2}(-[a-z]+)+-[0-9]$",
        max: 30,
        is: "an AWS region",
        help: "write it like `ap-northeast-2`",
        beyond: region,
        ..PLAIN
    },
    Format {
        name: "time-zone",
        pattern: "^[A-Za-z0-9_+/-]+$",
        max: 60,
        is: "a time zone",
        help: "use an IANA name like `Asia/Seoul`",
        beyond: zone,
        ..PLAIN
    },
    Format {
        name: "s3-bucket",
        pattern: "^[a-z0-9]([a-z0-9-]|\\.[a-z0-9]){1,61}[a-z0-9]$",
        max: 63,
        is: "an S3 bucket name",
        help: "3 to 63 lower-case letters, digits, hyphens and dots, no `s3://` before it",
        beyond: s3_bucket_beyond,
        ..PLAIN
    },
    Format {
        name: "gcs-bucket",
        pattern: "^[a-z0-9][a-z0-9._-]*[a-z0-9]$",
        max: 222,
        is: "a Cloud Storage bucket name",
        help: "3 to 63 lower-case letters, digits, hyphens, underscores and dots, no `gs://` before it",
        beyond: gcs_bucket_beyond,
        ..PLAIN
    },
    Format {
        name: "object-prefix",
        pattern: "^[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*$",
        max: 200,
        is: "an object prefix",
        help: "use letters, digits, `_ . = -` and single slashes in between",
        beyond: prefix,
        ..PLAIN
    },
    Format {
        name: "iam-role-arn",
        pattern: "^arn:aws(-cn|-us-gov)?:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]+$",
        max: 2048,
        is: "the ARN of an IAM role",
        help: "write it like `arn:aws:iam::123456789012:role/rds-export`",
        ..PLAIN
    },
    Format {
        name: "kms-key-arn",
        pattern: "^arn:aws(-cn|-us-gov)?:kms:[a-z0-9-]+:[0-9]{12}:(key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)$",
        max: 2048,
        is: "the ARN of a KMS key",
        help: "write it like `arn:aws:kms:ap-northeast-2:123456789012:key/…`",
        ..PLAIN
    },
    Format {
        name: "secret",
        pattern: "^(arn:aws(-cn|-us-gov)?:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:)?[A-Za-z0-9/_+=.@-]+$",
        max: 2048,
        is: "the name or ARN of a secret in Secrets Manager",
        help: "write its name, like `landbridge/shop/token-key`, or its ARN",
        // Somebody may have written the secret itself here.
        echo: false,
        ..PLAIN
    },
    Format {
        name: "export-target",
        pattern: "^[^.\\s]+(\\.[^.\\s]+){0,2}$",
        max: 255,
        is: "something an export can be restricted to",
        help: "write `database`, `database.schema` or `database.schema.table`",
        ..PLAIN
    },
    Format {
        name: "gcp-project",
        pattern: "^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$",
        max: 100,
        is: "a Google Cloud project id",
        help: "6 to 30 lower-case letters, digits and hyphens, a letter first; not the project's number",
        ..PLAIN
    },
    Format {
        name: "bigquery-location",
        pattern: "^([Uu][Ss]|[Ee][Uu]|[a-z]+-[a-z]+[0-9]+)$",
        max: 30,
        is: "a BigQuery location",
        help: "write it like `asia-northeast3`, `US` or `EU`",
        beyond: location,
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
        pattern: "^[A-Za-z0-9_]+$",
        // The documented limit is 1,024 bytes; job ids of ours hold the name.
        max: 300,
        is: "a BigQuery table name",
        help: "use letters, digits and underscores, without the dataset",
        ..PLAIN
    },
    Format {
        name: "policy-tag",
        pattern: "^projects/[^/\\s]+/locations/[a-z0-9-]+/taxonomies/[0-9]+/policyTags/[0-9]+$",
        max: 300,
        is: "a policy tag's resource name",
        help: "write it like `projects/PROJECT/locations/LOCATION/taxonomies/123/policyTags/456`",
        ..PLAIN
    },
    Format {
        name: "iam-member",
        pattern: "^((user|group|serviceAccount):[^@\\s]+@[^@\\s]+|domain:[^@\\s]+|principal(Set)?://\\S+)$",
        max: 500,
        is: "an IAM member",
        help: "write it like `group:analysts@example.com`",
        beyond: member,
        echo: false,
    },
    Format {
        name: "class-name",
        pattern: "^[a-z][a-z0-9_]*$",
        max: 30,
        is: "a class name",
        help: "use lower-case letters, digits and underscores, a letter first",
        beyond: class,
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
        help: "write the type as the export's manifest does, like `character varying`",
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
];

fn region(value: &str) -> Result<(), String> {
    // `ap-northeast-2a` is what the console shows beside an instance.
    let zone_of = value.strip_suffix(|c: char| c.is_ascii_lowercase());
    match zone_of {
        Some(region) if region.ends_with(|c: char| c.is_ascii_digit()) => {
            Err(format!("that is an availability zone; its region is `{region}`"))
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
    // `Seoul` alone, or `Korea/Seoul`: the city is what people remember.
    let wanted = value.rsplit('/').next().unwrap_or(value);
    let by_city = || {
        names.iter().find(|name| city(name).is_some_and(|city| city.eq_ignore_ascii_case(wanted)))
    };
    let meant = match value {
        // Abbreviations are no zones, and one letter off is another country.
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

fn s3_bucket_beyond(value: &str) -> Result<(), String> {
    if value.starts_with("xn--") || value.starts_with("sthree-") || value.ends_with("-s3alias") {
        return Err("AWS reserves names of this form".to_owned());
    }
    if value.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err("a bucket name cannot be an IP address".to_owned());
    }
    Ok(())
}

fn gcs_bucket_beyond(value: &str) -> Result<(), String> {
    if value.starts_with("goog") || value.contains("google") || value.contains("g00gle") {
        return Err("Google reserves names that contain its own".to_owned());
    }
    if value.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err("a bucket name cannot be an IP address".to_owned());
    }
    let parts_are_short = value.split('.').all(|part| (1..=63).contains(&part.len()));
    if value.len() < 3 || !parts_are_short {
        return Err("3 to 63 characters between its dots".to_owned());
    }
    Ok(())
}

fn prefix(value: &str) -> Result<(), String> {
    if value.contains("//") {
        return Err("BigQuery cannot load objects whose name holds `//`".to_owned());
    }
    if value.starts_with('/') || value.ends_with('/') {
        return Err("leave out the slash at its ends".to_owned());
    }
    if value.split('/').any(|part| part == "." || part == "..") {
        return Err("`.` and `..` are not folders in a bucket".to_owned());
    }
    Ok(())
}

fn location(value: &str) -> Result<(), String> {
    if fits("aws-region", value) {
        return Err("that is an AWS region; Google writes it like `asia-northeast3`".to_owned());
    }
    Ok(())
}

fn member(value: &str) -> Result<(), String> {
    if value.starts_with("allUsers") || value.starts_with("allAuthenticatedUsers") {
        return Err("everyone on the internet is not a reader; name a group".to_owned());
    }
    Ok(())
}

fn class(value: &str) -> Result<(), String> {
    if value == "none" {
        return Err("`none` means readable by all in a contract; choose another name".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
