//! The rules that span more than one value of the file.

use std::collections::BTreeMap;

use super::{CLASS_UNCLASSIFIED, Config, Mask};
use crate::yaml::{KeyPath, Violation, format};

/// Every broken rule. Values whose own shape is wrong are reported by the
/// schema, and are not compared here with anything.
pub(super) fn across(config: &Config) -> Vec<Violation> {
    let mut problems = Vec::new();
    schedule(config, &mut problems);
    snapshots(config, &mut problems);
    export(config, &mut problems);
    token_key(config, &mut problems);
    warehouse(config, &mut problems);
    classes(config, &mut problems);
    problems
}

fn schedule(config: &Config, problems: &mut Vec<Violation>) {
    let schedule = &config.schedule;
    let path = KeyPath::root().key("schedule");
    if schedule.transfer_from_hour < schedule.export_hour {
        problems.push(
            Violation::new(
                path.key("transfer_from_hour"),
                format!(
                    "`schedule.transfer_from_hour` ({}) is before `schedule.export_hour` ({})",
                    schedule.transfer_from_hour, schedule.export_hour
                ),
            )
            .help("there is nothing to transfer before the export has begun"),
        );
    }
    if schedule.deadline_hour <= schedule.transfer_from_hour {
        problems.push(
            Violation::new(
                path.key("deadline_hour"),
                format!(
                    "`schedule.deadline_hour` ({}) is not after `schedule.transfer_from_hour` ({})",
                    schedule.deadline_hour, schedule.transfer_from_hour
                ),
            )
            .help("all three hours are of the same day; leave the transfer at least an hour"),
        );
    }
}

fn snapshots(config: &Config, problems: &mut Vec<Violation>) {
    let kept = &config.snapshots;
    let sum = u64::from(kept.hourly)
        + u64::from(kept.daily)
        + u64::from(kept.weekly)
        + u64::from(kept.reserve);
    if sum > u64::from(kept.quota) {
        problems.push(
            Violation::new(
                KeyPath::root().key("snapshots"),
                format!(
                    "`snapshots` keeps {} hourly + {} daily + {} weekly and leaves {} to people, {sum} in all, above the quota of {}",
                    kept.hourly, kept.daily, kept.weekly, kept.reserve, kept.quota
                ),
            )
            .help("keep fewer, or have AWS raise the quota and then `snapshots.quota`"),
        );
    }
}

fn export(config: &Config, problems: &mut Vec<Violation>) {
    let export = &config.export;
    let path = KeyPath::root().key("export");
    let region = config.source.region.as_str();
    let region_is_sound = format::fits("aws-region", region);
    let partition = partition_of(region);

    for (key, format, arn) in [
        ("role_arn", "iam-role-arn", &export.role_arn),
        ("kms_key", "kms-key-arn", &export.kms_key),
    ] {
        let mut parts = arn.split(':').skip(1);
        let (own_partition, _, own_region) = (parts.next(), parts.next(), parts.next());
        if !region_is_sound || !format::fits(format, arn) {
            continue;
        }
        if own_partition != Some(partition) {
            problems.push(
                Violation::new(
                    path.key(key),
                    format!("`export.{key}` is of another partition than region `{region}`"),
                )
                .help(format!("there an ARN begins with `arn:{partition}:`")),
            );
        } else if key == "kms_key" && own_region != Some(region) {
            let other = own_region.unwrap_or_default();
            problems.push(
                Violation::new(
                    path.key(key),
                    format!("`export.kms_key` is in `{other}`, but the source is in `{region}`"),
                )
                .help("RDS encrypts an export only with a key of its own region"),
            );
        }
    }

    let (exports, ledger) = (&export.prefix, &config.ledger.prefix);
    if contains(exports, ledger) || contains(ledger, exports) {
        problems.push(
            Violation::new(
                KeyPath::root().key("ledger").key("prefix"),
                "`ledger.prefix` and `export.prefix` lie within each other, in the same bucket",
            )
            .help("give the ledger a prefix of its own, so that exports can expire without it"),
        );
    }
}

/// The partition whose ARNs a region has.
fn partition_of(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// A secret named by its ARN must be where the function asks for it.
fn token_key(config: &Config, problems: &mut Vec<Violation>) {
    let region = config.source.region.as_str();
    let Some(secret) = config.transfer.token_key.as_deref() else { return };
    if !format::fits("aws-region", region) || !format::fits("secret", secret) {
        return;
    }
    let mut parts = secret.split(':').skip(1);
    let (partition, _, other) = (parts.next(), parts.next(), parts.next());
    let path = KeyPath::root().key("transfer").key("token_key");
    if partition.is_some_and(|it| it != partition_of(region)) {
        problems.push(
            Violation::new(
                path,
                format!("`transfer.token_key` is of another partition than region `{region}`"),
            )
            .help(format!("there an ARN begins with `arn:{}:`", partition_of(region))),
        );
    } else if let Some(other) = other.filter(|it| *it != region) {
        problems.push(
            Violation::new(
                path,
                format!("`transfer.token_key` is in `{other}`, but the source is in `{region}`"),
            )
            .help("the transfer runs in the source's region and asks there; replicate the secret, or make one there"),
        );
    }
}

/// Whether `inner` is `outer` or a folder in it.
fn contains(outer: &str, inner: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn warehouse(config: &Config, problems: &mut Vec<Violation>) {
    let warehouse = &config.warehouse;
    if warehouse.dataset == warehouse.ops_dataset {
        problems.push(
            Violation::new(
                KeyPath::root().key("warehouse").key("ops_dataset"),
                "`warehouse.ops_dataset` is the dataset of the source's tables",
            )
            .help("give Landbridge's own tables a dataset of their own"),
        );
    }
}

fn classes(config: &Config, problems: &mut Vec<Violation>) {
    let all = KeyPath::root().key("pii").key("classes");
    let location = config.warehouse.location.as_str();
    let location_is_sound = format::fits("bigquery-location", location);
    let mut tags: BTreeMap<&str, &str> = BTreeMap::new();

    for (name, class) in &config.pii.classes {
        let path = all.key(name);
        if name == CLASS_UNCLASSIFIED && class.mask != Mask::AlwaysNull {
            problems.push(
                Violation::new(
                    path.key("mask"),
                    format!("class `{CLASS_UNCLASSIFIED}` cannot be masked by {}", class.mask),
                )
                .help("what nobody has judged yet is NULL for everyone: ALWAYS_NULL"),
            );
        }
        if name == CLASS_UNCLASSIFIED && !class.readers.is_empty() {
            problems.push(
                Violation::new(
                    path.key("readers"),
                    format!("class `{CLASS_UNCLASSIFIED}` cannot have readers"),
                )
                .help("give the column a class of its own in the contract, and that its readers"),
            );
        }
        for (index, member) in class.masked_readers.iter().enumerate() {
            if class.readers.contains(member) {
                problems.push(
                    Violation::new(
                        path.key("masked_readers").index(index),
                        format!("this member is in `{}` as well", path.key("readers")),
                    )
                    .help("which of the two applies would depend on the tag tree; keep one"),
                );
            }
        }
        let Some(tag) = class.policy_tag.as_deref() else {
            continue;
        };
        if !format::fits("policy-tag", tag) {
            continue;
        }
        let tag_location = tag.split('/').nth(3).unwrap_or_default();
        if location_is_sound && !tag_location.eq_ignore_ascii_case(location) {
            problems.push(
                Violation::new(
                    path.key("policy_tag"),
                    format!("policy tag of class `{name}` is in `{tag_location}`, but the warehouse is in `{location}`"),
                )
                .help("a table takes only tags of its own location"),
            );
        }
        if let Some(other) = tags.insert(tag, name) {
            problems.push(
                Violation::new(
                    path.key("policy_tag"),
                    format!("classes `{other}` and `{name}` have the same policy tag"),
                )
                .help("a tag has one mask; give each class a tag of its own"),
            );
        }
    }
}
