//! Rules that involve more than one value of `landbridge.yaml`.

use std::collections::BTreeMap;

use super::{CLASS_UNCLASSIFIED, ClassConfig, Config, Domain, ExportedSnapshot, Mask};
use crate::yaml::{KeyPath, Violation, format};

/// All violations. A value whose own format is wrong is reported by the schema
/// check and is not compared with other values here.
pub(super) fn check_config(config: &Config) -> Vec<Violation> {
    let mut problems = Vec::new();
    schedule(config, &mut problems);
    snapshots(config, &mut problems);
    snapshot_source(config, &mut problems);
    export(config, &mut problems);
    token_key(config, &mut problems);
    sealed_audits(config, &mut problems);
    proof(config, &mut problems);
    warehouse(config, &mut problems);
    classes(config, &mut problems);
    super::alerts::check(config, &mut problems);
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
            .help("set it to the export hour or later: nothing can be transferred before the export starts"),
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
            .help("set it at least one hour after the transfer starts; all three hours are hours of the same day"),
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
                    "`snapshots` needs {} hourly + {} daily + {} weekly + {} reserved = {sum} snapshots, but `snapshots.quota` is {}",
                    kept.hourly, kept.daily, kept.weekly, kept.reserve, kept.quota
                ),
            )
            .help("lower one of them, or request a higher quota from AWS and set `snapshots.quota` to it"),
        );
    }
}

/// A check that needs the token key can block a table only with it: without it, the check would never be made.
fn sealed_audits(config: &Config, problems: &mut Vec<Violation>) {
    if config.transfer.token_key.is_some() {
        return;
    }
    for (path, check) in config.audits.blocks_by_sealed() {
        problems.push(
            Violation::new(
                path,
                format!(
                    "`{check}` cannot block a table: it compares bounds and sums, which are kept only with `transfer.token_key`"
                ),
            )
            .help("set `transfer.token_key` to the name of a secret, or this level to `warn`"),
        );
    }
}

/// Every day needs a snapshot of its export hour, unless an automated one is exported.
fn snapshot_source(config: &Config, problems: &mut Vec<Violation>) {
    let snapshots = &config.snapshots;
    if snapshots.every_hours > 0 && 24 % snapshots.every_hours != 0 {
        problems.push(
            Violation::new(
                KeyPath::root().key("snapshots").key("every_hours"),
                format!(
                    "`snapshots.every_hours` is {}, which does not divide a day",
                    snapshots.every_hours
                ),
            )
            .help("use 1, 2, 3, 4, 6, 8, 12 or 24, so that every day has a snapshot of the export hour"),
        );
    }
    if snapshots.every_hours == 0 && snapshots.use_for_export == ExportedSnapshot::Own {
        problems.push(
            Violation::new(
                KeyPath::root().key("snapshots").key("every_hours"),
                "`snapshots.every_hours` is 0, so there is no snapshot that could be exported",
            )
            .help("write 24 for one snapshot a day, or `use: automated` to export the automated snapshots of RDS"),
        );
    }
}

fn export(config: &Config, problems: &mut Vec<Violation>) {
    let export = &config.export;
    let path = KeyPath::root().key("export");
    let region = config.source.region.as_str();
    let region_is_valid = format::fits("aws-region", region);
    let partition = partition_of(region);

    for (key, format, arn) in [
        ("role_arn", "iam-role-arn", &export.role_arn),
        ("kms_key", "kms-key-arn", &export.kms_key),
    ] {
        let mut parts = arn.split(':').skip(1);
        let (own_partition, _, own_region) = (parts.next(), parts.next(), parts.next());
        if !region_is_valid || !format::fits(format, arn) {
            continue;
        }
        if own_partition != Some(partition) {
            problems.push(
                Violation::new(
                    path.key(key),
                    format!(
                        "`export.{key}` belongs to a different AWS partition than region `{region}`"
                    ),
                )
                .help(format!("use an ARN that begins with `arn:{partition}:`")),
            );
        } else if key == "kms_key" && own_region != Some(region) {
            let other = own_region.unwrap_or_default();
            problems.push(
                Violation::new(
                    path.key(key),
                    format!("`export.kms_key` is in `{other}`, but the source is in `{region}`"),
                )
                .help("use a KMS key in the source's region: RDS cannot encrypt an export with any other"),
            );
        }
    }

    let (exports, ledger) = (&export.prefix, &config.ledger.prefix);
    if contains(exports, ledger) || contains(ledger, exports) {
        problems.push(
            Violation::new(
                KeyPath::root().key("ledger").key("prefix"),
                "`ledger.prefix` and `export.prefix` overlap, and both are in `export.bucket`",
            )
            .help("use separate prefixes, for example `ledger` and `exports`, so that a lifecycle rule can expire the exports only"),
        );
    }
}

/// The AWS partition of a region.
fn partition_of(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

/// A person who may read the key of figures must not be able to make tokens with it.
fn proof(config: &Config, problems: &mut Vec<Violation>) {
    let Some(proof) = &config.proof else { return };
    secret(config, ("proof", "key"), &proof.key, problems);
    if let Some(key) = &proof.sign {
        signing_key(config, key, problems);
    }
    if config.transfer.token_key.as_ref() == Some(&proof.key) {
        problems.push(
            Violation::new(
                KeyPath::root().key("proof").key("key"),
                "`proof.key` and `transfer.token_key` name the same secret".to_owned(),
            )
            .help("name a secret of its own, for example `landbridge/shop/proof-key`: a person who verifies a day reads it, and must not be able to make tokens"),
        );
    }
}

/// A key signs only calls to its own region.
fn signing_key(config: &Config, key: &str, problems: &mut Vec<Violation>) {
    let region = config.source.region.as_str();
    if !format::fits("aws-region", region) || !format::fits("kms-key-arn", key) {
        return;
    }
    let path = KeyPath::root().key("proof").key("sign");
    let mut parts = key.split(':').skip(1);
    let (partition, _, other) = (parts.next(), parts.next(), parts.next());
    if partition != Some(partition_of(region)) || other != Some(region) {
        let other = other.unwrap_or_default();
        problems.push(
            Violation::new(
                path,
                format!("`proof.sign` is in `{other}`, but the source is in `{region}`"),
            )
            .help("use a key in the source's region: the load stage signs in that region"),
        );
    } else if key == config.export.kms_key {
        problems.push(
            Violation::new(path, "`proof.sign` and `export.kms_key` name the same key".to_owned())
                .help("use a key of its own, for example `alias/landbridge-shop-receipts`: a key that encrypts cannot sign"),
        );
    }
}

fn token_key(config: &Config, problems: &mut Vec<Violation>) {
    if let Some(id) = config.transfer.token_key.as_deref() {
        secret(config, ("transfer", "token_key"), id, problems);
    }
}

/// A secret given by its ARN must be in the region where the transfer stage reads it.
fn secret(
    config: &Config,
    (section, key): (&'static str, &'static str),
    secret: &str,
    problems: &mut Vec<Violation>,
) {
    let region = config.source.region.as_str();
    if !format::fits("aws-region", region) || !format::fits("secret", secret) {
        return;
    }
    let mut parts = secret.split(':').skip(1);
    let (partition, _, other) = (parts.next(), parts.next(), parts.next());
    let path = KeyPath::root().key(section).key(key);
    if partition.is_some_and(|it| it != partition_of(region)) {
        problems.push(
            Violation::new(
                path,
                format!(
                    "`{section}.{key}` belongs to a different AWS partition than region `{region}`"
                ),
            )
            .help(format!("use an ARN that begins with `arn:{}:`", partition_of(region))),
        );
    } else if let Some(other) = other.filter(|it| *it != region) {
        problems.push(
            Violation::new(
                path,
                format!("`{section}.{key}` is in `{other}`, but the source is in `{region}`"),
            )
            .help("replicate the secret to the source's region, or create it there: the transfer stage reads it in that region"),
        );
    }
}

/// Whether `inner` equals `outer` or is a folder below it.
fn contains(outer: &str, inner: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn warehouse(config: &Config, problems: &mut Vec<Violation>) {
    let warehouse = &config.warehouse;
    let path = KeyPath::root().key("warehouse");
    if warehouse.dataset == warehouse.ops_dataset {
        problems.push(
            Violation::new(
                path.key("ops_dataset"),
                "`warehouse.ops_dataset` and `warehouse.dataset` are the same dataset",
            )
            .help(
                "use a separate dataset for Landbridge's own tables, for example `landbridge_ops`",
            ),
        );
    }
    // Each has writers and readers of its own, so no two may be one dataset.
    let views = warehouse.views.as_ref().map(|views| ("views", &views.dataset));
    let models = warehouse.models.as_ref().map(|models| ("models", &models.dataset));
    let own = [("dataset", &warehouse.dataset), ("ops_dataset", &warehouse.ops_dataset)];
    for (key, dataset) in views.into_iter().chain(models) {
        let others = own.into_iter().map(|(key, dataset)| (key.to_owned(), dataset));
        let others = others.chain(
            views.filter(|_| key == "models").map(|(_, it)| ("views.dataset".to_owned(), it)),
        );
        for (other, _) in others.filter(|(_, it)| *it == dataset) {
            problems.push(
                Violation::new(
                    path.key(key).key("dataset"),
                    format!(
                        "`warehouse.{key}.dataset` and `warehouse.{other}` are the same dataset"
                    ),
                )
                .help(format!(
                    "use a dataset of its own, for example `{}_{key}`: each dataset has its own writers and readers",
                    warehouse.dataset
                )),
            );
        }
    }
}

fn classes(config: &Config, problems: &mut Vec<Violation>) {
    let all = KeyPath::root().key("pii").key("classes");
    let mut tags: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, class) in &config.pii.classes {
        let path = all.key(name);
        mask_of_class(name, class, &path, problems);
        readers_of_class(name, class, &path, problems);
        let Some(tag) = class.policy_tag.as_deref().filter(|tag| format::fits("policy-tag", tag))
        else {
            continue;
        };
        location_of_tag(name, tag, &config.warehouse.location, &path, problems);
        if let Some(other) = tags.insert(tag, name) {
            problems.push(
                Violation::new(
                    path.key("policy_tag"),
                    format!("classes `{other}` and `{name}` have the same policy tag"),
                )
                .help("use a separate policy tag for each class: a tag has only one mask"),
            );
        }
    }
}

fn mask_of_class(name: &str, class: &ClassConfig, path: &KeyPath, problems: &mut Vec<Violation>) {
    if name == CLASS_UNCLASSIFIED && class.mask != Mask::AlwaysNull {
        problems.push(
            Violation::new(
                path.key("mask"),
                format!("class `{CLASS_UNCLASSIFIED}` cannot be masked by {}", class.mask),
            )
            .help("write `mask: ALWAYS_NULL`: columns that are not classified yet are NULL for everyone"),
        );
    }
    if class.mask.is_computable() && class.domain(name) == Domain::Small {
        let override_it = match class.domain {
            Some(_) => "",
            None => {
                "; if the values of this class cannot be listed, write `domain: large` and the reason in a comment"
            }
        };
        problems.push(
            Violation::new(
                path.key("mask"),
                format!(
                    "mask {} does not hide the values of class `{name}`: all possible values can be listed, and each masked value compared with them",
                    class.mask
                ),
            )
            .help(format!(
                "write `mask: ALWAYS_NULL` or `mask: DEFAULT_MASKING_VALUE`; to count and join without the values, give the columns `transform: tokenise` in contract.yaml{override_it}"
            )),
        );
    }
}

fn readers_of_class(
    name: &str,
    class: &ClassConfig,
    path: &KeyPath,
    problems: &mut Vec<Violation>,
) {
    if name == CLASS_UNCLASSIFIED && !class.readers.is_empty() {
        problems.push(
            Violation::new(
                path.key("readers"),
                format!("class `{CLASS_UNCLASSIFIED}` cannot have readers"),
            )
            .help("to make a column readable, give it another class in contract.yaml and add the readers to that class"),
        );
    }
    for (index, member) in class.masked_readers.iter().enumerate() {
        if class.readers.contains(member) {
            problems.push(
                Violation::new(
                    path.key("masked_readers").index(index),
                    format!("this member is also in `{}`", path.key("readers")),
                )
                .help("remove it from one of the two lists: which one applies would depend on the tag tree"),
            );
        }
    }
}

fn location_of_tag(
    name: &str,
    tag: &str,
    location: &str,
    path: &KeyPath,
    problems: &mut Vec<Violation>,
) {
    let tag_location = tag.split('/').nth(3).unwrap_or_default();
    if format::fits("bigquery-location", location) && !tag_location.eq_ignore_ascii_case(location) {
        problems.push(
            Violation::new(
                path.key("policy_tag"),
                format!("policy tag of class `{name}` is in `{tag_location}`, but the warehouse is in `{location}`"),
            )
            .help("use a policy tag in the warehouse's location: a table cannot have tags of another location"),
        );
    }
}
