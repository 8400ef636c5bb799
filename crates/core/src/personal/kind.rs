//! Kinds of personal data.

use crate::contract::Transform;

/// A kind of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Address of an e-mail account.
    Email,
    /// Number of a phone or fax.
    Phone,
    /// Name of a person, or a name that a person chose for an account.
    Name,
    /// Where a person lives or where something is delivered to, in part or as a whole.
    Address,
    /// Date or year of birth, or age.
    Birth,
    /// Number of a Korean resident registration (주민등록번호).
    ResidentNumber,
    /// Number of a Korean foreigner registration (외국인등록번호).
    ForeignerNumber,
    /// Another number that a state gave to a person, such as one of social security.
    NationalId,
    /// Number of a passport.
    Passport,
    /// Number of a driving or professional licence.
    Licence,
    /// Number under which a person's business is registered for tax.
    BusinessId,
    /// Number of a payment card, or its verification code.
    Card,
    /// Number of a bank account.
    Account,
    /// Address of a device in a network.
    Network,
    /// Identifier of a device or of a browser's session, and what a browser says of itself.
    Device,
    /// Place on the earth.
    Position,
    /// Password, token or key, or its hash.
    Secret,
    /// Health, body, treatment.
    Health,
    /// Sex, nationality, belief, family, income and the like.
    Sensitive,
    /// Text or JSON that people write freely, so that it can contain any other kind.
    FreeText,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 20] = [
        Kind::Email,
        Kind::Phone,
        Kind::Name,
        Kind::Address,
        Kind::Birth,
        Kind::ResidentNumber,
        Kind::ForeignerNumber,
        Kind::NationalId,
        Kind::Passport,
        Kind::Licence,
        Kind::BusinessId,
        Kind::Card,
        Kind::Account,
        Kind::Network,
        Kind::Device,
        Kind::Position,
        Kind::Secret,
        Kind::Health,
        Kind::Sensitive,
        Kind::FreeText,
    ];

    /// What columns of this kind contain, in the plural: `e-mail addresses`.
    pub const fn plural(self) -> &'static str {
        match self {
            Kind::Email => "e-mail addresses",
            Kind::Phone => "phone numbers",
            Kind::Name => "names of people",
            Kind::Address => "postal addresses",
            Kind::Birth => "dates of birth or ages",
            Kind::ResidentNumber => "resident registration numbers",
            Kind::ForeignerNumber => "foreigner registration numbers",
            Kind::NationalId => "national identity numbers",
            Kind::Passport => "passport numbers",
            Kind::Licence => "licence numbers",
            Kind::BusinessId => "business registration numbers",
            Kind::Card => "payment card numbers",
            Kind::Account => "bank account numbers",
            Kind::Network => "network addresses",
            Kind::Device => "identifiers of devices or sessions",
            Kind::Position => "geographic positions",
            Kind::Secret => "secrets",
            Kind::Health => "health data",
            Kind::Sensitive => "sensitive attributes of people",
            Kind::FreeText => "free text",
        }
    }

    /// Whether the values can be listed, so that some masks do not hide them
    /// ([`Mask::is_computable`](crate::config::Mask::is_computable)).
    pub const fn has_small_domain(self) -> bool {
        !matches!(self, Kind::Email)
    }

    /// What the transfer does by default to values of this kind, before they leave AWS.
    ///
    /// Resident registration numbers: the Personal Information Protection Act of Korea, Article 24-2
    /// (1), forbids to process them unless a statute requires or permits it, so they stay in AWS.
    /// Passport, licence and foreigner registration numbers: Article 24 and the Enforcement Decree,
    /// Article 19, name them as uniquely identifying information. Cards and accounts: a token serves
    /// to count and to join, and the number itself can be used by anyone who has it.
    pub const fn default_transform(self) -> Option<Transform> {
        match self {
            Kind::ResidentNumber => Some(Transform::Drop),
            Kind::ForeignerNumber | Kind::Passport | Kind::Licence | Kind::Card | Kind::Account => {
                Some(Transform::Tokenise)
            }
            _ => None,
        }
    }

    /// The domain of the tokens of this kind: equal numbers have equal tokens in all tables, and no
    /// token of one kind equals a token of another.
    pub const fn token_domain(self) -> Option<&'static str> {
        match self {
            Kind::ForeignerNumber => Some("foreigner_number"),
            Kind::Passport => Some("passport"),
            Kind::Licence => Some("licence"),
            Kind::Card => Some("card"),
            Kind::Account => Some("account"),
            _ => None,
        }
    }

    /// Whether a column of this kind contains nothing but numbers, all of which can be listed:
    /// no mask from which a listed value can be computed hides them, whatever the class is named.
    pub const fn is_listable_number(self) -> bool {
        matches!(
            self,
            Kind::ResidentNumber
                | Kind::ForeignerNumber
                | Kind::NationalId
                | Kind::Passport
                | Kind::Licence
                | Kind::BusinessId
                | Kind::Card
                | Kind::Account
                | Kind::Phone
                | Kind::Birth
        )
    }

    /// Whether values of other kinds are expected inside: a note that contains a phone number stays
    /// a note.
    pub(super) const fn contains_others(self) -> bool {
        matches!(self, Kind::FreeText | Kind::Secret | Kind::Health)
    }

    /// Usual names of a class for this kind, the most fitting first. The classes are the team's own,
    /// so a class that protects a wider kind follows.
    pub const fn class_names(self) -> &'static [&'static str] {
        match self {
            Kind::Email => &["email", "e_mail", "mail", "contact"],
            Kind::Phone => &["phone", "tel", "telephone", "mobile", "contact"],
            Kind::Name => &["name", "person_name", "full_name"],
            Kind::Address => &["address", "postal_address", "location", "contact"],
            Kind::Birth => &["birth", "birth_date", "birthday", "dob", "age"],
            Kind::ResidentNumber => {
                &["resident_number", "rrn", "national_id", "identity", "government_id"]
            }
            Kind::ForeignerNumber => &[
                "foreigner_number",
                "national_id",
                "resident_number",
                "identity",
                "government_id",
                "id_document",
            ],
            Kind::NationalId => &[
                "national_id",
                "resident_number",
                "identity",
                "ssn",
                "government_id",
                "id_document",
            ],
            Kind::Passport => {
                &["passport", "id_document", "identity", "national_id", "government_id"]
            }
            Kind::Licence => &["licence", "license", "id_document", "identity", "national_id"],
            Kind::BusinessId => &["business_id", "tax_id", "identity", "id_document", "account"],
            Kind::Card => &["card", "payment_card", "payment", "account", "financial"],
            Kind::Account => &["account", "bank_account", "bank", "payment", "financial", "card"],
            Kind::Network => &["ip", "ip_address", "network", "device"],
            Kind::Device => &["device", "device_id", "session", "ip", "network"],
            Kind::Position => &["position", "geo", "location", "address"],
            Kind::Secret => &["secret", "credential"],
            Kind::Health => &["health", "medical"],
            Kind::Sensitive => &["sensitive", "gender", "demographic"],
            Kind::FreeText => &["free_text", "text", "note"],
        }
    }
}
