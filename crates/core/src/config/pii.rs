//! Classes of personal data: how each is masked, and who reads it unmasked.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Domain;
use crate::{
    types::{BigQueryType, ColumnType},
    yaml::format,
};

/// The class of a column that the contract does not contain, or that has not been
/// classified yet: NULL for everyone. It always exists.
pub const CLASS_UNCLASSIFIED: &str = "unclassified";

/// The value of `class` for a column that every reader of the dataset may read.
/// It is not a class: such a column has no policy tag.
pub const CLASS_NONE: &str = "none";

/// Classes of personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PiiConfig {
    /// The classes by name. `unclassified` (NULL for everyone) always exists; list
    /// it here only to set its policy tag or masked readers.
    #[schemars(extend("propertyNames" = {"format": "class-name"}))]
    pub classes: BTreeMap<String, ClassConfig>,
}

impl PiiConfig {
    /// The class with this name; `unclassified` always exists.
    pub fn class(&self, name: &str) -> Option<ClassConfig> {
        match self.classes.get(name) {
            Some(class) => Some(class.clone()),
            None if name == CLASS_UNCLASSIFIED => Some(ClassConfig::unclassified()),
            None => None,
        }
    }

    /// All classes by name, including the implicit `unclassified`.
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
    /// The masking rule that BigQuery applies for masked readers.
    pub mask: Mask,
    /// Whether all possible values can be listed. If so, masks from which a listed value can be
    /// computed are refused: SHA256, EMAIL_MASK, LAST_FOUR_CHARACTERS and FIRST_FOUR_CHARACTERS.
    /// Omit it to decide by the words of the class's name (docs/masking.md). If you write `large`
    /// for a name that contains such a word, state the reason in a comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// Full resource name of an existing policy tag. Omit it to use the tag that
    /// Terraform creates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::policy_tag")]
    pub policy_tag: Option<String>,
    /// IAM members who see the masked value. Members of neither list cannot query
    /// the column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "format::iam_members")]
    pub masked_readers: Vec<String>,
    /// IAM members who see the unmasked value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "format::iam_members")]
    pub readers: Vec<String>,
}

impl ClassConfig {
    /// The domain of this class, whose name is `name`: the stated one, otherwise
    /// [`Domain::of_class_name`].
    pub fn domain(&self, name: &str) -> Domain {
        self.domain.unwrap_or_else(|| Domain::of_class_name(name))
    }

    /// Whether this class, whose name is `name`, states a large domain although its name suggests
    /// a small one, and has a mask for which this matters.
    pub fn overrides_small_domain(&self, name: &str) -> bool {
        self.mask.is_computable()
            && self.domain == Some(Domain::Large)
            && Domain::of_class_name(name) == Domain::Small
    }

    /// The implicit class `unclassified`: NULL for everyone, no readers.
    pub fn unclassified() -> Self {
        Self {
            mask: Mask::AlwaysNull,
            domain: None,
            policy_tag: None,
            masked_readers: Vec::new(),
            readers: Vec::new(),
        }
    }
}

/// A masking rule of a BigQuery data policy (Google Cloud documentation,
/// "Introduction to data masking"). The emulator has a list of its own, so that it cannot agree
/// with a mistake here: `MaskingRule` in `local/google/src/masking.rs`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mask {
    /// Unsalted SHA-256; equal values stay equal. For STRING and BYTES.
    Sha256,
    /// `XXXXX@domain`; text that is not an e-mail address is hashed. For STRING.
    EmailMask,
    /// Only the last four characters; text of four or fewer characters is hashed. For STRING.
    LastFourCharacters,
    /// Only the first four characters; text of four or fewer characters is hashed. For STRING.
    FirstFourCharacters,
    /// 1 January of the same year. For DATE, DATETIME and TIMESTAMP. The year of a TIMESTAMP is the
    /// one in the reader's `@@time_zone` (Data Policy discovery document v1, `DATE_YEAR_MASK`), so
    /// queries in several zones locate an instant near New Year, and no other.
    DateYearMask,
    /// The default value of the type: "", 0, FALSE, 1970-01-01. For every type.
    DefaultMaskingValue,
    /// NULL. For every type.
    AlwaysNull,
}

impl Mask {
    /// All masking rules.
    pub const ALL: [Mask; 7] = [
        Mask::Sha256,
        Mask::EmailMask,
        Mask::LastFourCharacters,
        Mask::FirstFourCharacters,
        Mask::DateYearMask,
        Mask::DefaultMaskingValue,
        Mask::AlwaysNull,
    ];

    /// The name in BigQuery's data policy API (`predefinedExpression`).
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

    /// Whether a value can be computed from its masked form by everyone who can list the possible
    /// values: the hashes have no secret key, and the four visible characters of the other masks
    /// leave few possibilities. Those masks fall back to the hash for short and unusual values.
    pub fn is_computable(self) -> bool {
        match self {
            Mask::Sha256
            | Mask::EmailMask
            | Mask::LastFourCharacters
            | Mask::FirstFourCharacters => true,
            Mask::DateYearMask | Mask::DefaultMaskingValue | Mask::AlwaysNull => false,
        }
    }

    /// Whether BigQuery can apply the rule to a column of this type. If it cannot,
    /// queries by masked readers fail. An array is documented for two rules only (Data Policy API
    /// v1, `PredefinedExpression`).
    pub fn fits(self, column: ColumnType) -> bool {
        use BigQueryType::{Bytes, Date, DateTime, String, Timestamp};
        match self {
            Mask::DefaultMaskingValue | Mask::AlwaysNull => true,
            _ if column.repeated => false,
            Mask::Sha256 => matches!(column.ty, String | Bytes),
            Mask::EmailMask | Mask::LastFourCharacters | Mask::FirstFourCharacters => {
                column.ty == String
            }
            Mask::DateYearMask => matches!(column.ty, Date | DateTime | Timestamp),
        }
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
