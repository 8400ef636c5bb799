//! In which country a region of AWS or a location of Google lies, and whether the transfer of personal
//! data crosses a border.
//!
//! The member states of the European Union count as one area: personal data moves freely between them
//! (Regulation (EU) 2016/679, Article 1(3)), and BigQuery's multi-region `EU` names no member state.
//!
//! Sources: botocore, `endpoints.json` (the descriptions of regions); Google documentation, "BigQuery
//! locations".

use super::Config;
use crate::yaml::{KeyPath, Violation, format};

/// Names, and the country of each.
type Areas = [(&'static str, &'static str)];

/// The regions of AWS.
const AWS: &Areas = &[
    ("af-south-1", "South Africa"),
    ("ap-east-1", "Hong Kong"),
    ("ap-east-2", "Taiwan"),
    ("ap-northeast-1", "Japan"),
    ("ap-northeast-2", "South Korea"),
    ("ap-northeast-3", "Japan"),
    ("ap-south-1", "India"),
    ("ap-south-2", "India"),
    ("ap-southeast-1", "Singapore"),
    ("ap-southeast-2", "Australia"),
    ("ap-southeast-3", "Indonesia"),
    ("ap-southeast-4", "Australia"),
    ("ap-southeast-5", "Malaysia"),
    ("ap-southeast-6", "New Zealand"),
    ("ap-southeast-7", "Thailand"),
    ("ca-central-1", "Canada"),
    ("ca-west-1", "Canada"),
    ("cn-north-1", "China"),
    ("cn-northwest-1", "China"),
    ("eu-central-1", EU),
    ("eu-central-2", "Switzerland"),
    ("eu-north-1", EU),
    ("eu-south-1", EU),
    ("eu-south-2", EU),
    ("eu-west-1", EU),
    ("eu-west-2", "the United Kingdom"),
    ("eu-west-3", EU),
    ("eusc-de-east-1", EU),
    ("il-central-1", "Israel"),
    ("me-central-1", "the United Arab Emirates"),
    ("me-south-1", "Bahrain"),
    ("mx-central-1", "Mexico"),
    ("sa-east-1", "Brazil"),
    ("us-east-1", US),
    ("us-east-2", US),
    ("us-gov-east-1", US),
    ("us-gov-west-1", US),
    ("us-west-1", US),
    ("us-west-2", US),
];

/// The locations of BigQuery, in lower case.
const GOOGLE: &Areas = &[
    ("africa-south1", "South Africa"),
    ("asia-east1", "Taiwan"),
    ("asia-east2", "Hong Kong"),
    ("asia-northeast1", "Japan"),
    ("asia-northeast2", "Japan"),
    ("asia-northeast3", "South Korea"),
    ("asia-south1", "India"),
    ("asia-south2", "India"),
    ("asia-southeast1", "Singapore"),
    ("asia-southeast2", "Indonesia"),
    ("australia-southeast1", "Australia"),
    ("australia-southeast2", "Australia"),
    ("eu", EU),
    ("europe-central2", EU),
    ("europe-north1", EU),
    ("europe-north2", EU),
    ("europe-southwest1", EU),
    ("europe-west1", EU),
    ("europe-west10", EU),
    ("europe-west12", EU),
    ("europe-west2", "the United Kingdom"),
    ("europe-west3", EU),
    ("europe-west4", EU),
    ("europe-west6", "Switzerland"),
    ("europe-west8", EU),
    ("europe-west9", EU),
    ("me-central1", "Qatar"),
    ("me-central2", "Saudi Arabia"),
    ("me-west1", "Israel"),
    ("northamerica-northeast1", "Canada"),
    ("northamerica-northeast2", "Canada"),
    ("northamerica-south1", "Mexico"),
    ("southamerica-east1", "Brazil"),
    ("southamerica-west1", "Chile"),
    ("us", US),
    ("us-central1", US),
    ("us-east1", US),
    ("us-east4", US),
    ("us-east5", US),
    ("us-south1", US),
    ("us-west1", US),
    ("us-west2", US),
    ("us-west3", US),
    ("us-west4", US),
];

const EU: &str = "the European Union";
const US: &str = "the United States";

fn area(areas: &Areas, name: &str) -> Option<&'static str> {
    areas.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, area)| *area)
}

/// The country of an AWS region, or the European Union; `None` if it is not known here.
pub fn country_of_aws_region(region: &str) -> Option<&'static str> {
    area(AWS, region)
}

/// The country of a BigQuery location, or the European Union; `None` if it is not known here.
pub fn country_of_google_location(location: &str) -> Option<&'static str> {
    area(GOOGLE, location)
}

impl Config {
    /// The violation of the rule that source and warehouse lie in one country unless
    /// `transfer.cross_border` names the legal basis of the transfer. `landbridge check` and
    /// `landbridge doctor` apply it. [`parse`](super::parse) does not, so that the functions of a
    /// running deployment do not stop when this table of countries changes.
    pub fn crosses_border(&self) -> Option<Violation> {
        let (region, location) = (self.source.region.as_str(), self.warehouse.location.as_str());
        if self.transfer.cross_border.as_deref().is_some_and(|basis| !basis.trim().is_empty()) {
            return None;
        }
        // The schema check reports a value whose own format is wrong.
        if !format::fits("aws-region", region) || !format::fits("bigquery-location", location) {
            return None;
        }
        let path = KeyPath::root().key("warehouse").key("location");
        let name_basis = "name the legal basis in `transfer.cross_border`, for example the consent or \
                          the contract clause, after asking counsel";
        match (country_of_aws_region(region), country_of_google_location(location)) {
            (Some(from), Some(to)) if from == to => None,
            (Some(from), Some(to)) => Some(
                Violation::new(
                    path,
                    format!(
                        "the source `{region}` is in {from}, the warehouse `{location}` in {to}: the \
                         transfer of personal data crosses a border"
                    ),
                )
                .help(format!("use a location in {from}, or {name_basis}")),
            ),
            (from, _) => {
                let unknown = if from.is_none() { region } else { location };
                Some(
                    Violation::new(
                        path,
                        format!(
                            "the country of `{unknown}` is not known to this version, so whether the \
                             transfer crosses a border is not known either"
                        ),
                    )
                    .help(format!(
                        "if `{region}` and `{location}` lie in one country, write that in \
                         `transfer.cross_border`; otherwise {name_basis}"
                    )),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMO: &str = include_str!("../../../../examples/demo/landbridge.yaml");

    fn message(region: &str, location: &str, basis: Option<&str>) -> Option<String> {
        let mut config = crate::config::parse("landbridge.yaml", DEMO).expect("a valid file");
        config.source.region = region.to_owned();
        config.warehouse.location = location.to_owned();
        config.transfer.cross_border = basis.map(str::to_owned);
        config.crosses_border().map(|it| it.message)
    }

    #[test]
    fn a_transfer_to_another_country_needs_a_basis() {
        for (region, location) in [
            ("ap-northeast-2", "asia-northeast3"),
            ("us-east-1", "US"),
            ("eu-west-1", "EU"),
            ("eu-west-1", "europe-west1"),
            ("eu-west-2", "europe-west2"),
        ] {
            assert_eq!(message(region, location, None), None, "{region} {location}");
        }
        for (region, location, part) in [
            ("ap-northeast-2", "US", "South Korea, the warehouse `US` in the United States"),
            ("ap-northeast-2", "asia-northeast1", "`asia-northeast1` in Japan"),
            ("eu-west-2", "EU", "the United Kingdom, the warehouse `EU` in the European Union"),
            ("ap-northeast-9", "asia-northeast3", "the country of `ap-northeast-9` is not known"),
            ("ap-northeast-2", "asia-east9", "the country of `asia-east9` is not known"),
        ] {
            let message = message(region, location, None).unwrap_or_default();
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(message("ap-northeast-2", "US", Some("PIPA Art. 28-8(1)1, consent")), None);
        assert!(message("ap-northeast-2", "US", Some("  ")).is_some());
    }

    #[test]
    fn every_name_is_listed_once() {
        for areas in [AWS, GOOGLE] {
            assert!(areas.is_sorted_by(|a, b| a.0 < b.0));
        }
    }
}
