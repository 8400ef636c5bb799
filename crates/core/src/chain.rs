//! The chain of published days: each link has the digests of a day's receipts and the digest of the link before it, so a
//! receipt, a day or their order cannot be changed afterwards without changing every later link. With `proof.sign`, AWS KMS
//! signs the newest link, which proves every link before it: a person who can write to the ledger and cannot use the key
//! cannot make another chain.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::ids::hash;

/// The only algorithm: a P-256 key, SHA-256 (AWS KMS API reference, `Sign`).
pub const ALGORITHM: &str = "ECDSA_SHA_256";

/// A link: a day that was published, or published again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its number, from 1 without gaps.
    pub number: u32,
    /// The digest of the link before; empty for the first.
    pub previous: String,
    /// The source.
    pub source: String,
    /// The day.
    pub day: Day,
    /// The newest request to do the day again that the receipts answer.
    pub redo: u32,
    /// SHA-256 of each receipt of the day as it is stored, by its name in the ledger, in hexadecimal digits.
    pub receipts: BTreeMap<String, String>,
    /// The tick that made the link.
    pub linked_at: Timestamp,
}

/// A signature of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSignature {
    /// The number of the link.
    pub number: u32,
    /// The ARN of the key that signed it.
    pub key: String,
    /// The public key: DER of its SubjectPublicKeyInfo, in base64. With it, the signature can be checked when the key no
    /// longer exists. It is not evidence of whose key it is.
    pub public_key: String,
    /// [`ALGORITHM`].
    pub algorithm: String,
    /// The signature, DER in base64.
    pub signature: String,
}

/// What is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum ChainFault {
    /// Links are missing.
    Removed {
        /// The number of the first one.
        number: u32,
        /// The number of the last one.
        last: u32,
    },
    /// The record of one link contains another.
    Moved {
        /// The record's number.
        number: u32,
        /// The number of the link that it contains.
        contains: u32,
    },
    /// A link does not continue the link before it: one of both was changed.
    Broken {
        /// The number of the later link.
        number: u32,
    },
    /// A link is of another source, whose chain was copied.
    OtherSource {
        /// The link's number.
        number: u32,
    },
    /// The signature of a link is not one of its key over this link.
    Signature {
        /// The link's number.
        number: u32,
    },
    /// A link that no later trusted signature proves is signed with a key that the verifier does not trust.
    OtherKey {
        /// The link's number.
        number: u32,
    },
    /// A published day has no link.
    Unlinked {
        /// The day.
        day: Day,
    },
    /// A linked day has no record in the ledger.
    DayRemoved {
        /// The day.
        day: Day,
    },
    /// A receipt is not as it was when the day was published.
    ReceiptChanged {
        /// Its name in the ledger.
        receipt: String,
    },
    /// A receipt of the day is missing.
    ReceiptRemoved {
        /// Its name in the ledger.
        receipt: String,
    },
    /// The day had no such receipt.
    ReceiptAdded {
        /// Its name in the ledger.
        receipt: String,
    },
}

impl fmt::Display for ChainFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Removed { number, last } if number == last => {
                write!(f, "link {number} of the chain is missing")
            }
            Self::Removed { number, last } => {
                write!(f, "links {number} to {last} of the chain are missing")
            }
            Self::Moved { number, contains } => {
                write!(f, "the record of link {number} contains link {contains}")
            }
            Self::Broken { number } => write!(
                f,
                "link {number} does not continue link {}: one of both was changed",
                number.saturating_sub(1)
            ),
            Self::Signature { number } => {
                write!(
                    f,
                    "the signature of link {number} does not belong to this link: one of both was changed"
                )
            }
            Self::OtherSource { number } => write!(f, "link {number} is of another source"),
            Self::OtherKey { number } => {
                write!(f, "link {number} is signed with another key than the one that you trust")
            }
            Self::Unlinked { day } => write!(
                f,
                "the day {day} has no link: it is not published, or was published without `proof.sign`"
            ),
            Self::DayRemoved { day } => {
                write!(f, "the chain has the day {day}, and the ledger has no record of it")
            }
            Self::ReceiptChanged { receipt } => {
                write!(f, "the receipt `{receipt}` was changed after the day was published")
            }
            Self::ReceiptRemoved { receipt } => write!(f, "the receipt `{receipt}` is missing"),
            Self::ReceiptAdded { receipt } => {
                write!(f, "the receipt `{receipt}` was added after the day was published")
            }
        }
    }
}

impl Link {
    /// The SHA-256 of the link, in hexadecimal digits. It is over a text of one fact per line, so that it can be
    /// computed without this program; no name or digest contains a line break.
    pub fn digest(&self) -> String {
        let mut text = format!(
            "landbridge-link-v1\n{}\n{}\n{}\n{}\n{}\n{}\n",
            self.number, self.previous, self.source, self.day, self.redo, self.linked_at
        );
        for (name, digest) in &self.receipts {
            // Writing into text cannot fail.
            let _ = writeln!(text, "{digest} {name}");
        }
        hash(&text)
    }

    /// What is signed: a line that names what it is, the source, the number and the digest of the link.
    pub fn message(&self) -> String {
        format!("landbridge-chain-v1 {} {} {}\n", self.source, self.number, self.digest())
    }

    /// The receipts that are not as the link has them.
    pub fn receipt_faults(&self, found: &BTreeMap<String, String>) -> Vec<ChainFault> {
        let mut faults = Vec::new();
        for (name, digest) in &self.receipts {
            let receipt = name.clone();
            match found.get(name) {
                None => faults.push(ChainFault::ReceiptRemoved { receipt }),
                Some(other) if other != digest => {
                    faults.push(ChainFault::ReceiptChanged { receipt });
                }
                Some(_) => {}
            }
        }
        let added = found.keys().filter(|name| !self.receipts.contains_key(*name));
        faults.extend(added.map(|name| ChainFault::ReceiptAdded { receipt: name.clone() }));
        faults
    }
}

/// What is wrong with these links of `source`, by the numbers of their records. What follows a missing link is compared with
/// what follows itself: one fault is named once. The chain begins with the first link that is there, because the ledger
/// expires.
pub fn faults(links: &BTreeMap<u32, Link>, source: &str) -> Vec<ChainFault> {
    let mut faults = Vec::new();
    let mut before: Option<(u32, &Link)> = None;
    for (&number, link) in links {
        let expected = match before {
            _ if number == 1 => Some(String::new()),
            Some((it, before)) if it + 1 == number => {
                (before.number == it).then(|| before.digest())
            }
            Some((it, _)) => {
                faults.push(ChainFault::Removed { number: it + 1, last: number - 1 });
                None
            }
            None => None,
        };
        before = Some((number, link));
        if link.number != number {
            faults.push(ChainFault::Moved { number, contains: link.number });
            continue;
        }
        if link.source != source {
            faults.push(ChainFault::OtherSource { number });
        }
        if expected.is_some_and(|expected| expected != link.previous) {
            faults.push(ChainFault::Broken { number });
        }
    }
    faults
}

/// What the signatures of a chain prove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signed {
    /// The numbers of the links with a valid signature of a trusted key. Each proves its link and all before it.
    pub trusted: BTreeSet<u32>,
    /// The numbers of the links with a signature of another key.
    pub other: BTreeSet<u32>,
    /// What is wrong with the signatures.
    pub faults: Vec<ChainFault>,
}

/// Sorts signatures by what they prove. `is_trusted` says whether a public key (base64, as in [`LinkSignature`]) is one that
/// the verifier trusts; `is_valid` checks public key, message and signature.
pub fn signed(
    links: &BTreeMap<u32, Link>,
    signatures: &BTreeMap<u32, LinkSignature>,
    is_trusted: impl Fn(&str) -> bool,
    is_valid: impl Fn(&str, &str, &str) -> bool,
) -> Signed {
    let mut signed = Signed::default();
    let first = links.keys().next().copied().unwrap_or(0);
    for (&number, signature) in signatures {
        let Some(link) = links.get(&number) else {
            // The links before the first one have expired. Otherwise the end of the chain was taken off.
            if number >= first {
                signed.faults.push(ChainFault::Removed { number, last: number });
            }
            continue;
        };
        if !is_trusted(&signature.public_key) {
            signed.other.insert(number);
        } else if signature.number == number
            && is_valid(&signature.public_key, &link.message(), &signature.signature)
        {
            signed.trusted.insert(number);
        } else {
            signed.faults.push(ChainFault::Signature { number });
        }
    }
    // Before the last trusted signature, the key was changed, and the chain proves what it had signed.
    let last = signed.trusted.last().copied().unwrap_or(0);
    let unproven = signed.other.iter().filter(|number| **number > last);
    signed.faults.extend(unproven.map(|&number| ChainFault::OtherKey { number }));
    signed
}

/// The linked days of which `has_record` is false, apart from the oldest ones, which have expired.
pub fn removed_days(days: &BTreeMap<Day, bool>) -> Vec<ChainFault> {
    let kept = days.iter().skip_while(|(_, has_record)| !**has_record);
    let gone = kept.filter(|(_, has_record)| !**has_record);
    gone.map(|(day, _)| ChainFault::DayRemoved { day: *day }).collect()
}

/// The links of a day before its newest one, with the names of the receipts that are other ones there. They remain when a day
/// is done again, and when a person added a link.
pub fn earlier(links: &BTreeMap<u32, Link>, day: Day) -> BTreeMap<u32, Vec<String>> {
    let Some(newest) = newest(links, day) else { return BTreeMap::new() };
    let before = links.iter().filter(|(_, link)| link.day == day && link.number < newest.number);
    before
        .map(|(number, link)| {
            let names: BTreeSet<_> = link.receipts.keys().chain(newest.receipts.keys()).collect();
            let differ = |name: &&String| link.receipts.get(*name) != newest.receipts.get(*name);
            (*number, names.into_iter().filter(differ).cloned().collect())
        })
        .collect()
}

/// The newest link of a day.
pub fn newest(links: &BTreeMap<u32, Link>, day: Day) -> Option<&Link> {
    links.values().rev().find(|link| link.day == day)
}

/// The 65 bytes of the point of a P-256 public key, from DER as `GetPublicKey` returns it (RFC 5480,
/// SubjectPublicKeyInfo: `id-ecPublicKey`, `secp256r1`). `None` if it is another key.
pub fn p256_point(der: &[u8]) -> Option<&[u8]> {
    const PREFIX: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let point = der.strip_prefix(&PREFIX)?;
    (point.len() == 65 && point[0] == 4).then_some(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(days: &[&str]) -> BTreeMap<u32, Link> {
        let mut links = BTreeMap::new();
        let mut previous = String::new();
        for (number, day) in (1..).zip(days) {
            let link = Link {
                number,
                previous,
                source: "shop".to_owned(),
                day: day.parse().expect("a day"),
                redo: 0,
                receipts: [("orders".to_owned(), hash(day))].into(),
                linked_at: "2026-11-20T17:10:00Z".parse().expect("a time"),
            };
            previous = link.digest();
            links.insert(number, link);
        }
        links
    }

    fn found(links: &BTreeMap<u32, Link>) -> Vec<ChainFault> {
        faults(links, "shop")
    }

    const DAYS: [&str; 4] = ["2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"];

    #[test]
    fn an_untouched_chain_has_no_fault() {
        assert_eq!(found(&chain(&DAYS)), []);
        assert_eq!(found(&BTreeMap::new()), []);
        let links = chain(&["2026-11-21", "2026-11-22", "2026-11-21"]);
        assert_eq!(
            newest(&links, "2026-11-21".parse().expect("a day")).map(|it| it.number),
            Some(3)
        );
        assert_eq!(newest(&links, "2026-11-20".parse().expect("a day")), None);
        let mut links = links;
        links.get_mut(&3).expect("a link").receipts.insert("more".into(), hash("more"));
        let again = earlier(&links, "2026-11-21".parse().expect("a day"));
        assert_eq!(again, [(1, vec!["more".to_owned()])].into());
        assert_eq!(earlier(&links, "2026-11-22".parse().expect("a day")), BTreeMap::new());
    }

    #[test]
    fn what_was_changed_is_named() {
        let mut removed = chain(&DAYS);
        removed.remove(&2);
        assert_eq!(found(&removed), [ChainFault::Removed { number: 2, last: 2 }]);
        removed.remove(&3);
        assert_eq!(found(&removed), [ChainFault::Removed { number: 2, last: 3 }]);
        let mut expired = chain(&DAYS);
        expired.remove(&1);
        assert_eq!(found(&expired), []);
        assert_eq!(
            faults(&chain(&DAYS[..2]), "crm"),
            [ChainFault::OtherSource { number: 1 }, ChainFault::OtherSource { number: 2 }]
        );
        let mut changed = chain(&DAYS);
        changed.get_mut(&2).expect("a link").receipts.insert("orders".into(), hash("other"));
        assert_eq!(found(&changed), [ChainFault::Broken { number: 3 }]);
        let mut moved = chain(&DAYS);
        let (two, three) = (moved[&2].clone(), moved[&3].clone());
        moved.insert(2, three);
        moved.insert(3, two);
        assert_eq!(
            found(&moved),
            [
                ChainFault::Moved { number: 2, contains: 3 },
                ChainFault::Moved { number: 3, contains: 2 }
            ]
        );
        // Renumbered after a link was taken out.
        let mut shifted = chain(&DAYS);
        let mut three = shifted.remove(&3).expect("a link");
        three.number = 2;
        shifted.insert(2, three);
        shifted.remove(&4);
        assert_eq!(found(&shifted), [ChainFault::Broken { number: 2 }]);
    }

    #[test]
    fn every_fact_of_a_link_is_in_its_digest() {
        let link = chain(&DAYS[..1]).remove(&1).expect("a link");
        let digest = link.digest();
        let with = |change: &dyn Fn(&mut Link)| {
            let mut other = link.clone();
            change(&mut other);
            other.digest()
        };
        for other in [
            with(&|it| it.number = 2),
            with(&|it| it.previous = hash("x")),
            with(&|it| it.source = "shop2".to_owned()),
            with(&|it| it.day = "2026-11-22".parse().expect("a day")),
            with(&|it| it.redo = 1),
            with(&|it| it.receipts.clear()),
            with(&|it| it.linked_at += jiff::SignedDuration::from_secs(1)),
        ] {
            assert_ne!(digest, other);
        }
        assert_eq!(link.message(), format!("landbridge-chain-v1 shop 1 {digest}\n"));
    }

    /// A signature of key `key`, which is valid if its text is the message's.
    fn sign(links: &BTreeMap<u32, Link>, number: u32, key: &str) -> LinkSignature {
        LinkSignature {
            number,
            key: "arn".to_owned(),
            public_key: key.to_owned(),
            algorithm: ALGORITHM.to_owned(),
            signature: links[&number].message(),
        }
    }

    fn signed_by(
        links: &BTreeMap<u32, Link>,
        signatures: &[(u32, LinkSignature)],
    ) -> (Vec<u32>, Vec<ChainFault>) {
        let all = signatures.iter().cloned().collect();
        let is_valid = |_: &str, message: &str, signature: &str| message == signature;
        let found = signed(links, &all, |key| key == "ours", is_valid);
        (found.trusted.into_iter().collect(), found.faults)
    }

    #[test]
    fn only_a_trusted_signature_over_the_same_link_proves_it() {
        let links = chain(&DAYS);
        let of = |number, key| (number, sign(&links, number, key));
        assert_eq!(signed_by(&links, &[of(2, "ours"), of(4, "ours")]), (vec![2, 4], vec![]));
        // A key that was changed since: the signature of the later key proves its links too.
        assert_eq!(signed_by(&links, &[of(1, "former"), of(4, "ours")]), (vec![4], vec![]));
        assert_eq!(
            signed_by(&links, &[of(1, "ours"), of(4, "forger")]),
            (vec![1], vec![ChainFault::OtherKey { number: 4 }])
        );
        // The signature of another link, and of one that was changed.
        assert_eq!(
            signed_by(&links, &[(2, sign(&links, 3, "ours"))]),
            (vec![], vec![ChainFault::Signature { number: 2 }])
        );
        let mut changed = links.clone();
        changed.get_mut(&4).expect("a link").redo = 7;
        assert_eq!(
            signed_by(&changed, &[of(4, "ours")]),
            (vec![], vec![ChainFault::Signature { number: 4 }])
        );
        // The end of the chain was taken off; the links before the first have expired.
        let mut cut = links.clone();
        cut.remove(&4);
        cut.remove(&1);
        assert_eq!(
            signed_by(&cut, &[of(1, "ours"), of(4, "ours")]),
            (vec![], vec![ChainFault::Removed { number: 4, last: 4 }])
        );
    }

    #[test]
    fn days_that_expired_are_not_called_removed() {
        let days = |there: [bool; 4]| {
            let days = DAYS.iter().map(|day| day.parse::<Day>().expect("a day"));
            removed_days(&days.zip(there).collect())
        };
        assert_eq!(days([true; 4]), []);
        assert_eq!(days([false, false, true, true]), []);
        let day = DAYS[2].parse().expect("a day");
        assert_eq!(days([false, true, false, true]), [ChainFault::DayRemoved { day }]);
    }

    #[test]
    fn receipts_are_compared_by_name() {
        let link = chain(&DAYS[..1]).remove(&1).expect("a link");
        let of = |pairs: &[(&str, String)]| {
            let found = pairs.iter().map(|(name, digest)| ((*name).to_owned(), digest.clone()));
            link.receipt_faults(&found.collect())
        };
        let (good, other) = (hash("2026-11-21"), hash("x"));
        assert_eq!(of(&[("orders", good.clone())]), []);
        let receipt = || "orders".to_owned();
        assert_eq!(
            of(&[("orders", other.clone())]),
            [ChainFault::ReceiptChanged { receipt: receipt() }]
        );
        assert_eq!(of(&[]), [ChainFault::ReceiptRemoved { receipt: receipt() }]);
        let added = ChainFault::ReceiptAdded { receipt: "more".to_owned() };
        assert_eq!(of(&[("orders", good), ("more", other)]), [added]);
    }

    #[test]
    fn only_a_key_of_this_curve_has_a_point() {
        let mut der = vec![
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
        ];
        der.extend([7; 64]);
        assert_eq!(p256_point(&der).map(<[u8]>::len), Some(65));
        assert_eq!(p256_point(&der[..90]), None);
        der[20] = 0x04;
        assert_eq!(p256_point(&der), None, "another curve");
    }
}
