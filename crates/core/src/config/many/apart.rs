//! Two databases of a file never touch each other: names, places and datasets are apart.

use std::collections::BTreeMap;

use super::super::Config;
use super::{KEY, contract_of};
use crate::yaml::layers::{Layer, Tree};
use crate::yaml::{Diagnostic, Document, KeyPath, Violation};

/// A database with its place in the file.
type Read<'a> = (Layer<'a>, Document<Config>);

/// All violations between databases.
pub(super) fn check(tree: &Tree, all: &[Read<'_>]) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    for (number, database) in all.iter().enumerate() {
        for other in &all[..number] {
            match names(tree, other, database) {
                // Their places overlap then, too.
                Some(fault) => faults.push(fault),
                None => faults.extend(prefixes(tree, other, database)),
            }
        }
    }
    datasets(tree, all, &mut faults);
    contracts(tree, all, &mut faults);
    faults.extend(snapshots(tree, all));
    faults
}

fn path(layer: &Layer<'_>) -> KeyPath {
    KeyPath::of(KEY).key(layer.name)
}

/// Names of snapshots, exports, functions and roles are derived from the name of the source, and a policy says
/// `landbridge-shop-*`: it would also reach what belongs to `shop-eu`.
fn names(tree: &Tree, first: &Read<'_>, second: &Read<'_>) -> Option<Diagnostic> {
    let (one, two) = (&first.1.value().source.name, &second.1.value().source.name);
    let below =
        |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|it| it.starts_with('-'));
    let message = if one == two {
        format!(
            "databases `{}` and `{}` have the same `source.name`, `{one}`",
            first.0.name, second.0.name
        )
    } else if below(one, two) || below(two, one) {
        let (outer, inner) = if below(one, two) { (one, two) } else { (two, one) };
        format!("the name `{inner}` begins with the name of database `{outer}` and a hyphen")
    } else {
        return None;
    };
    let violation = Violation::new(path(&second.0).key("source").key("name"), message)
        .help("give one of them another `source.name`: names of snapshots, exports and roles begin with it, and the rights of one database must not reach another");
    Some(tree.in_layer(&second.0, ["source", "name"], violation))
}

/// The objects of a database in S3 and Cloud Storage begin with these.
fn places(config: &Config) -> [(&'static str, String); 2] {
    let below = |prefix: &str, name: String| match prefix.trim_matches('/') {
        "" => name,
        prefix => format!("{prefix}/{name}"),
    };
    let name = &config.source.name;
    [
        ("export", below(&config.export.prefix, format!("landbridge-{name}-"))),
        ("transfer", below(&config.transfer.prefix, format!("{name}/"))),
    ]
}

fn prefixes(tree: &Tree, first: &Read<'_>, second: &Read<'_>) -> Vec<Diagnostic> {
    let (one, two) = (places(first.1.value()), places(second.1.value()));
    let mut faults = Vec::new();
    for ((section, a), (_, b)) in one.iter().zip(&two) {
        if a.starts_with(b.as_str()) || b.starts_with(a.as_str()) {
            let violation = Violation::new(
                path(&second.0).key(*section).key("prefix"),
                format!(
                    "objects of databases `{}` and `{}` overlap: `{a}…` and `{b}…`",
                    first.0.name, second.0.name
                ),
            )
            .help(format!("give one of them another `{section}.prefix`"));
            faults.push(tree.in_layer(&second.0, [section, "prefix"], violation));
        }
    }
    faults
}

/// Each database writes its own datasets: a table that neither contract names could be in both sources.
fn datasets(tree: &Tree, all: &[Read<'_>], faults: &mut Vec<Diagnostic>) {
    let mut taken: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for (layer, document) in all {
        let warehouse = &document.value().warehouse;
        let views = warehouse.views.as_ref().map(|it| ("views", it.dataset.as_str()));
        let own = [("dataset", warehouse.dataset.as_str())].into_iter().chain(views);
        for (key, dataset) in own {
            let Some((other, other_key)) = taken.get(dataset).copied() else {
                taken.insert(dataset, (layer.name, key));
                continue;
            };
            if other == layer.name {
                continue;
            }
            let shown = |key: &str| {
                if key == "views" { "warehouse.views.dataset" } else { "warehouse.dataset" }
            };
            let violation = Violation::new(
                path(layer).key("warehouse").key(key),
                format!(
                    "dataset `{dataset}` is `{}` of database `{other}` and `{}` of database `{}`",
                    shown(other_key), shown(key), layer.name
                ),
            )
            .help(format!("give each database its own, for example `{}`: two tables of one name would replace each other", layer.name.replace('-', "_")));
            faults.push(tree.in_layer(layer, ["warehouse", key], violation));
        }
    }
    for (layer, document) in all {
        let Some(models) = &document.value().warehouse.models else { continue };
        if let Some((other, _)) = taken.get(models.dataset.as_str()).filter(|it| it.0 != layer.name)
        {
            let violation = Violation::new(
                path(layer).key("warehouse").key("models"),
                format!("`warehouse.models.dataset` of database `{}` is a dataset of database `{other}`", layer.name),
            )
            .help("use another dataset: each dataset has its own writers and readers");
            faults.push(tree.in_layer(layer, ["warehouse", "models"], violation));
        }
    }
}

fn contracts(tree: &Tree, all: &[Read<'_>], faults: &mut Vec<Diagnostic>) {
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    for (layer, _) in all {
        let file = contract_of(layer);
        if let Some(other) = taken.get(&file) {
            let violation = Violation::new(
                path(layer).key("contract"),
                format!("databases `{other}` and `{}` have the same contract, {file}", layer.name),
            )
            .help("write one contract for each database");
            faults.push(tree.in_layer(layer, ["contract", ""], violation));
        } else {
            taken.insert(file, layer.name);
        }
    }
}

/// The quota of snapshots is the account's, so it holds for all databases together.
fn snapshots(tree: &Tree, all: &[Read<'_>]) -> Option<Diagnostic> {
    let (_, first) = all.first()?;
    let shared = &first.value().snapshots;
    let needed = |document: &Document<Config>| {
        let kept = &document.value().snapshots;
        match kept.every_hours {
            0 => 0,
            _ => u64::from(kept.hourly) + u64::from(kept.daily) + u64::from(kept.weekly),
        }
    };
    let kept: u64 = all.iter().map(|(_, document)| needed(document)).sum();
    let sum = kept + u64::from(shared.reserve);
    // A single database has its own rule.
    if all.len() < 2 || sum <= u64::from(shared.quota) {
        return None;
    }
    let each: Vec<String> =
        all.iter().map(|(layer, it)| format!("{} {}", layer.name, needed(it))).collect();
    let violation = Violation::new(
        KeyPath::of("snapshots"),
        format!(
            "all databases together need {kept} snapshots ({}) + {} reserved = {sum}, but `snapshots.quota` is {}",
            each.join(", "), shared.reserve, shared.quota
        ),
    )
    .help("keep fewer, request a higher quota from AWS and set `snapshots.quota` to it, or export automated snapshots");
    Some(tree.at_key("snapshots", violation))
}
