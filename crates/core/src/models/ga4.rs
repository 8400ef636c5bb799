//! Whether models can join the GA4 export with the business, by the key in `warehouse.ga4`.

use crate::config::{CLASS_NONE, Config, Ga4Config};
use crate::contract::{Contract, TableContract};
use crate::yaml::{KeyPath, Violation};

/// What is wrong with `warehouse.ga4`, by the contract; the paths are paths of landbridge.yaml.
///
/// A mask or a token equals no `user_id`, and a token in a model's table outlives a change of the
/// contract. The functions do not read this section, so an error here stops no load.
pub fn ga4_violations(config: &Config, contract: &Contract) -> Vec<Violation> {
    let Some(ga4) = &config.warehouse.ga4 else { return Vec::new() };
    let path = KeyPath::root().key("warehouse").key("ga4");
    let Ga4Config { user_table, user_key, .. } = ga4;
    let Some(table) = contract.tables.get(user_table) else {
        let help = "write a table of contract.yaml, as `schema.table`";
        let message = format!("the contract has no table `{user_table}`");
        return vec![Violation::new(path.key("user_table"), message).help(help)];
    };
    let problem = match table.columns.get(user_key) {
        None => format!("the contract has no column `{user_key}` of `{user_table}`"),
        Some(column) => match (column.transform, column.class.as_str()) {
            (Some(transform), _) => format!(
                "`{user_table}.{user_key}` has the transform `{}`, so it equals no `user_id` of GA4",
                transform.name()
            ),
            (None, CLASS_NONE) => return Vec::new(),
            (None, class) => format!(
                "`{user_table}.{user_key}` has class `{class}`, so models, which see masks only, cannot join it with `user_id`"
            ),
        },
    };
    vec![Violation::new(path.key("user_key"), problem).help(alternative(table))]
}

/// What can be the key instead.
fn alternative(table: &TableContract) -> String {
    let is_open = |name: &&String| {
        table.columns.get(*name).is_some_and(|it| it.class == CLASS_NONE && it.transform.is_none())
    };
    let looks_like_a_key = |name: &&String| {
        let name = name.to_lowercase();
        name == "id" || ["_id", "_key", "_uuid", "_no"].iter().any(|it| name.ends_with(it))
    };
    let keys: Vec<String> = table
        .columns
        .keys()
        .filter(is_open)
        .filter(looks_like_a_key)
        .map(|name| format!("`{name}`"))
        .collect();
    match keys.is_empty() {
        true => {
            "let the site send a key that has class `none` and no transform, and name its column"
                .to_owned()
        }
        false => format!(
            "let the site send a key of class `none` as `user_id`, here {}",
            keys.join(" or ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::contract;

    const CONFIG: &str = include_str!("../../../../examples/demo/landbridge.yaml");
    const CONTRACT: &str = include_str!("../../../../examples/demo/contract.yaml");

    fn problems(key: &str, table: &str) -> Vec<String> {
        let mut config =
            config::parse("landbridge.yaml", CONFIG).expect("the demo's configuration");
        let contract = contract::parse("contract.yaml", CONTRACT, &config).expect("its contract");
        let ga4 = config.warehouse.ga4.as_mut().expect("the demo has an export");
        key.clone_into(&mut ga4.user_key);
        table.clone_into(&mut ga4.user_table);
        let line = |it: &Violation| format!("{}: {it}", it.path);
        ga4_violations(&config, &contract).iter().map(line).collect()
    }

    #[test]
    fn a_masked_tokenised_or_unknown_key_is_refused_and_another_named() {
        assert_eq!(problems("id", "public.creators"), Vec::<String>::new());
        let shown = [
            problems("email", "public.creators"),
            problems("account_no", "public.creators"),
            problems("passport_no", "public.creators"),
            problems("id", "public.customers"),
        ];
        expect_test::expect![[r#"
            warehouse.ga4.user_key: `public.creators.email` has class `email`, so models, which see masks only, cannot join it with `user_id`; let the site send a key of class `none` as `user_id`, here `id`
            warehouse.ga4.user_key: `public.creators.account_no` has the transform `tokenise`, so it equals no `user_id` of GA4; let the site send a key of class `none` as `user_id`, here `id`
            warehouse.ga4.user_key: the contract has no column `passport_no` of `public.creators`; let the site send a key of class `none` as `user_id`, here `id`
            warehouse.ga4.user_table: the contract has no table `public.customers`; write a table of contract.yaml, as `schema.table`
        "#]]
        .assert_eq(&shown.concat().iter().map(|it| format!("{it}\n")).collect::<String>());
    }
}
