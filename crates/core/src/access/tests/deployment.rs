//! Which identities are ours.

use super::*;

#[test]
fn only_the_identities_of_this_source_are_ours() {
    let (config, _) = files();
    let deployment = Deployment::of_one(&config);
    assert_eq!(own_function(&format!("{POOL}load"), &deployment), Some("load"));
    for foreign in [
        format!("{POOL}load-2"),
        POOL.replace("/landbridge-shop-", "/landbridge-payroll-") + "load",
        POOL.replace("123456789012", "x") + "load",
        "serviceAccount:landbridge-shop-models@other.iam.gserviceaccount.com".into(),
    ] {
        assert_eq!(own_function(&foreign, &deployment), None, "{foreign}");
    }
}

/// The pool has the name that the databases share, the roles have the names of their databases, and the bucket is one.
#[test]
fn the_functions_of_all_databases_are_ours() {
    let text = include_str!("../../../../../examples/two-databases/landbridge.yaml");
    let databases = config::parse_databases("landbridge.yaml", text).expect("two databases");
    let deployment = Deployment::of(&databases);
    assert_eq!(deployment.shared_name(), "company");
    let pool = POOL.replace("Pools/landbridge-shop/", "Pools/landbridge-company/");
    let billing = pool.replace("/landbridge-shop-", "/landbridge-billing-");
    let bucket = || Place::Bucket("company-landing".into());
    let all = [
        format!("{pool}transfer"),
        format!("{pool}load"),
        format!("{billing}transfer"),
        format!("{billing}transfer-item"),
        format!("{billing}load"),
    ];
    let members: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut live = Live { project: "company-analytics".into(), ..Live::default() };
    live.policies = vec![(bucket(), vec![binding("storage.objectViewer", &members)])];
    let contract = Contract::of_no_table();
    for database in databases.all() {
        let filter = Filter::default();
        let report = evaluate(&live, (&database.config, &contract), &deployment, &filter);
        assert!(report.more_than_configured.is_empty(), "{}: {report:#?}", database.name);
        let functions: Vec<_> =
            report.principals.iter().filter_map(|it| it.function.as_deref()).collect();
        assert_eq!(
            functions,
            [
                "billing/load",
                "billing/transfer",
                "billing/transfer-item",
                "shop/load",
                "shop/transfer"
            ]
        );
    }
    // A function of another pool, and one that has no right on the bucket.
    let foreign = [format!("{POOL}load"), format!("{pool}protect")];
    for member in &foreign {
        add(&mut live, bucket(), binding("storage.objectViewer", &[member]));
    }
    let config = &databases.all()[0].config;
    let report = evaluate(&live, (config, &contract), &deployment, &Filter::default());
    let found: Vec<&String> = report.more_than_configured.iter().map(|it| &it.principal).collect();
    assert_eq!(found, [&foreign[1], &foreign[0]]);
}
