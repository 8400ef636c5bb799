//! Classes of personal data: how each is masked, and for whom it is not.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{types::BigQueryType, yaml::format};

/// The class of a column that the contract doesn't name, or that nobody has
/// judged yet: NULL for everyone. It always exists.
pub const CLASS_UNCLASSIFIED: &str = "unclassified";

/// What a contract writes as the class of a column that everyone may read.
/// Not a class: such a column carries no policy tag.
pub const CLASS_NONE: &str = "none";

/// Classes of personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PiiConfig {
    /// The classes by name. `unclassified` is implied (NULL for everyone) and
    /// is only named here to give its policy tag.
    #[schemars(extend("propertyNames" = {"format": "class-name"}))]
    pub classes: BTreeMap<String, ClassConfig>,
}

impl PiiConfig {
    /// The class of that name; `unclassified` always exists.
    pub fn class(&self, name: &str) -> Option<ClassConfig> {
        match self.classes.get(name) {
            Some(class) => Some(class.clone()),
            None if name == CLASS_UNCLASSIFIED => Some(ClassConfig::unclassified()),
            None => None,
        }
    }

    /// Every class by name, the implied `unclassified` included, sorted.
    pub fn all(&self) -> BTreeMap<String, ClassConfig> {
        let mut all = self.classes.clone();
        all.entry(CLASS_UNCLASSIFIED.to_owned()).or_insert_with(ClassConfig::unclassified);
        all
    }
}

/// One class of personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassConfig {
    /// How BigQuery masks the class for masked readers.
    pub mask: Mask,
    /// Full resource name of an existing policy tag; left out, the tag is one
    /// that Terraform makes and hands over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::policy_tag")]
    pub policy_tag: Option<String>,
    /// Who sees the masked value, as IAM members. Anyone in neither list is
    /// refused the column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "format::iam_members")]
    pub masked_readers: Vec<String>,
    /// Who sees the plain value, as IAM members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "format::iam_members")]
    pub readers: Vec<String>,
}

impl ClassConfig {
    /// The implied class: NULL for everyone, readers none.
    pub fn unclassified() -> Self {
        Self {
            mask: Mask::AlwaysNull,
            policy_tag: None,
            masked_readers: Vec::new(),
            readers: Vec::new(),
        }
    }
}

/// A masking rule of a BigQuery data policy (Google documentation,
/// "Introduction to data masking").
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mask {
    /// Unsalted SHA-256: equal values stay equal. STRING, BYTES.
    Sha256,
    /// `XXXXX@domain`; text that is no address is hashed. STRING.
    EmailMask,
    /// Only the last four characters; text of up to four is hashed. STRING.
    LastFourCharacters,
    /// Only the first four characters; text of up to four is hashed. STRING.
    FirstFourCharacters,
    /// 1 January of the year. DATE, DATETIME, TIMESTAMP.
    DateYearMask,
    /// The type's own empty value: "", 0, FALSE, 1970-01-01. Every type.
    DefaultMaskingValue,
    /// NULL. Every type.
    AlwaysNull,
}

impl Mask {
    /// Every rule.
    pub const ALL: [Mask; 7] = [
        Mask::Sha256,
        Mask::EmailMask,
        Mask::LastFourCharacters,
        Mask::FirstFourCharacters,
        Mask::DateYearMask,
        Mask::DefaultMaskingValue,
        Mask::AlwaysNull,
    ];

    /// As BigQuery's data policy API writes it (`predefinedExpression`).
    pub fn as_str(self) -> &'static str {
        match self {
            Mask::Sha256 => "SHA256",
            Mask::EmailMask => "EMAIL_MASK",
            Mask::LastFourCharacters => "LAST_FOUR_CHARACTERS",
            Mask::FirstFourCharacters => "FIRST_FOUR_CHARACTERS",
            Mask::DateYearMask => "DATE_YEAR_MASK",
            Mask::DefaultMaskingValue => "DEFAULT_MASKING_VALUE",
            Mask::AlwaysNull => "ALWAYS_NULL",
        }
    }

    /// Whether BigQuery can apply the rule to a column of that type. Where it
    /// cannot, queries of masked readers fail.
    pub fn fits(self, column: BigQueryType) -> bool {
        use BigQueryType::{Bytes, Date, DateTime, String, Timestamp};
        match self {
            Mask::Sha256 => matches!(column, String | Bytes),
            Mask::EmailMask | Mask::LastFourCharacters | Mask::FirstFourCharacters => {
                column == String
            }
            Mask::DateYearMask => matches!(column, Date | DateTime | Timestamp),
            Mask::DefaultMaskingValue | Mask::AlwaysNull => true,
        }
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
