//! Tables of cases: policies as Terraform makes them, changed in one place.

use std::fmt::Write;

use expect_test::{Expect, expect};

use super::*;
use crate::config::{self, Config};
use crate::contract::{self, Contract};

mod columns;
mod deployment;

const PROJECT: &str = "shop-analytics";
const TAXONOMY: &str = "projects/shop-analytics/locations/asia-northeast3/taxonomies/1";
const POOL: &str = "principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/landbridge-shop/attribute.aws_role/landbridge-shop-";

/// A small configuration: two classes, views and models.
fn files() -> (Config, Contract) {
    let text = include_str!("../../../../examples/demo/landbridge.yaml");
    let mut config = config::parse("landbridge.yaml", text).expect("the demo's configuration");
    let text = include_str!("../../../../examples/demo/contract.yaml");
    let contract = contract::parse("contract.yaml", text, &config).expect("its contract");
    config
        .pii
        .classes
        .retain(|name, _| ["email", "phone", "unclassified"].contains(&name.as_str()));
    (config, contract)
}

fn dataset() -> Place {
    Place::Dataset(PROJECT.into(), "shop".into())
}

fn project() -> Place {
    Place::Project(PROJECT.into())
}

fn tag(class: &str) -> String {
    format!("{TAXONOMY}/policyTags/{class}")
}

fn mask(class: &str) -> String {
    format!("projects/{PROJECT}/locations/asia-northeast3/dataPolicies/landbridge_shop__{class}")
}

fn binding(role: &str, members: &[&str]) -> Binding {
    let members = members.iter().map(|it| (*it).to_owned()).collect();
    Binding { role: format!("roles/{role}"), members, condition: None }
}

/// What terraform/modules/gcp makes of the configuration, with one owner of the project.
fn terraform(config: &Config) -> Live {
    let (views, models) = (
        format!("{POOL}views"),
        "serviceAccount:landbridge-shop-models@shop-analytics.iam.gserviceaccount.com",
    );
    let groups = ["group:analysts@example.com", "group:pii-readers@example.com"];
    let mut live = Live { project: PROJECT.into(), ..Live::default() };
    live.policies = vec![
        (
            project(),
            vec![
                binding("owner", &["user:owner@example.com"]),
                binding("bigquery.jobUser", &groups),
            ],
        ),
        (
            dataset(),
            vec![
                binding("bigquery.dataOwner", &["projectOwner:shop-analytics"]),
                binding("bigquery.dataViewer", &[groups[0], groups[1], models, &views]),
            ],
        ),
        (Place::Taxonomy(TAXONOMY.into()), Vec::new()),
        (
            Place::Bucket("shop-landing".into()),
            vec![
                binding(
                    "storage.objectCreator",
                    &[&format!("{POOL}transfer"), &format!("{POOL}transfer-item")],
                ),
                binding(
                    "storage.objectViewer",
                    &[
                        &format!("{POOL}transfer"),
                        &format!("{POOL}transfer-item"),
                        &format!("{POOL}load"),
                    ],
                ),
            ],
        ),
    ];
    for (name, class) in config.pii.all() {
        let path = vec![tag(&name)];
        let class_tag = ClassTag { path, taxonomy: TAXONOMY.into(), enforced: Some(true) };
        live.tags.insert(name.clone(), class_tag);
        let readers: Vec<&str> = class.readers.iter().map(String::as_str).collect();
        live.policies.push((
            Place::Tag(tag(&name)),
            vec![binding("datacatalog.categoryFineGrainedReader", &readers)],
        ));
        let mut masked: Vec<&str> = class.masked_readers.iter().map(String::as_str).collect();
        masked.extend([models, views.as_str()]);
        live.policies.push((
            Place::DataPolicy(mask(&name)),
            vec![binding("bigquerydatapolicy.maskedReader", &masked)],
        ));
        let policy =
            MaskPolicy { name: mask(&name), tag: tag(&name), mask: class.mask.as_str().into() };
        live.masks.push(policy);
    }
    live
}

fn add(live: &mut Live, place: Place, added: Binding) {
    match live.policies.iter_mut().find(|(it, _)| *it == place) {
        Some((_, bindings)) => bindings.push(added),
        None => live.policies.push((place, vec![added])),
    }
}

fn unread(live: &mut Live, place: Place) {
    live.policies.retain(|(it, _)| *it != place);
    live.not_known.push(NotKnown {
        what: format!("the policy of {place}"),
        why: "denied".into(),
        next: place.show_command(),
        place: Some(place),
    });
}

fn seen(it: &Seen) -> String {
    format!("{}{}", it.sees, if it.at_least { " at least" } else { "" })
}

fn shown(report: &Report) -> String {
    let mut text = String::new();
    for it in &report.principals {
        let name = it.function.clone().unwrap_or_else(|| it.principal.clone());
        let classes: Vec<String> =
            it.classes.iter().map(|(name, of)| format!("{name} {}", seen(of))).collect();
        let _ = writeln!(
            text,
            "{name}: none {}, {}, files {}",
            seen(&it.none),
            classes.join(", "),
            seen(&it.landing_files)
        );
    }
    let _ = writeln!(text, "everyone else: {}", seen(&report.everyone_else));
    findings(report, &mut text);
    text
}

fn findings(report: &Report, text: &mut String) {
    for it in &report.more_than_configured {
        let places: Vec<String> =
            it.through.iter().map(|of| format!("{} on {}", of.role, of.place)).collect();
        let _ = writeln!(
            text,
            "MORE {} sees {} {}{} instead of {}{} by {}",
            it.principal,
            it.classes.join("+"),
            it.sees,
            if it.landing_files { " in files" } else { "" },
            it.allowed,
            if it.if_it_may_query { ", if it may query" } else { "" },
            places.join(" and ")
        );
        for command in &it.commands {
            let _ = writeln!(text, "  {command}");
        }
    }
    for it in &report.unprotected_columns {
        let _ = writeln!(text, "COLUMN {}.{} {} has {:?}", it.table, it.column, it.class, it.has);
    }
    for it in &report.foreign_tables {
        let _ = writeln!(text, "FOREIGN {} {:?}", it.table, it.untagged);
    }
    for it in &report.unnamed_readers {
        let _ = writeln!(text, "UNNAMED {}", it.principal);
    }
    for it in &report.can_open {
        let _ = writeln!(text, "OPENS {}", it.principal);
    }
}

fn check(change: impl Fn(&mut Live, &mut Config), expected: Expect) {
    let (mut config, contract) = files();
    let mut live = terraform(&config);
    change(&mut live, &mut config);
    expected.assert_eq(&shown(&evaluate(
        &live,
        (&config, &contract),
        &Deployment::of_one(&config),
        &Filter::default(),
    )));
}

/// The findings of one change alone.
fn found(change: impl Fn(&mut Live, &mut Config)) -> String {
    let (mut config, contract) = files();
    let mut live = terraform(&config);
    change(&mut live, &mut config);
    let mut text = String::new();
    findings(
        &evaluate(&live, (&config, &contract), &Deployment::of_one(&config), &Filter::default()),
        &mut text,
    );
    text.replace("OPENS user:owner@example.com\n", "")
}

#[test]
fn what_terraform_makes_is_what_the_configuration_says() {
    check(
        |_, _| (),
        expect![[r#"
        group:analysts@example.com: none plain, email masked (EMAIL_MASK), phone masked (ALWAYS_NULL), unclassified masked (ALWAYS_NULL), files nothing
        group:pii-readers@example.com: none plain, email plain, phone plain, unclassified masked (ALWAYS_NULL), files nothing
        load: none nothing, email nothing, phone nothing, unclassified nothing, files plain
        transfer: none nothing, email nothing, phone nothing, unclassified nothing, files plain
        transfer-item: none nothing, email nothing, phone nothing, unclassified nothing, files plain
        views: none plain, email masked (EMAIL_MASK), phone masked (ALWAYS_NULL), unclassified masked (ALWAYS_NULL), files nothing
        models: none plain, email masked (EMAIL_MASK), phone masked (ALWAYS_NULL), unclassified masked (ALWAYS_NULL), files nothing
        user:owner@example.com: none plain, email nothing, phone nothing, unclassified nothing, files nothing
        everyone else: nothing
        OPENS user:owner@example.com
    "#]],
    );
}

#[test]
fn a_right_on_the_project_or_above_gives_more() {
    let mut all = String::new();
    for (role, place) in [
        ("datacatalog.categoryFineGrainedReader", project()),
        ("bigquerydatapolicy.maskedReader", Place::Above("folders/7".into())),
        ("bigquery.dataViewer", project()),
        ("storage.objectViewer", Place::Above("organizations/8".into())),
        ("bigquery.dataViewer", Place::Table(PROJECT.into(), "shop".into(), "creators".into())),
        ("datacatalog.categoryFineGrainedReader", Place::Taxonomy(TAXONOMY.into())),
        ("datacatalog.categoryFineGrainedReader", Place::Tag(tag("phone"))),
        ("bigquerydatapolicy.maskedReader", Place::DataPolicy(mask("email"))),
        ("bigquerydatapolicy.rawDataReader", project()),
        ("storage.objectAdmin", Place::Bucket("shop-landing".into())),
        ("storage.admin", project()),
        ("bigquery.admin", project()),
        ("viewer", project()),
        ("bigquery.jobUser", project()),
    ] {
        let _ = writeln!(all, "{role} on {place}:");
        all += &found(|live, _| add(live, place.clone(), binding(role, &["user:eve@example.com"])));
    }
    expect![[r#"
        datacatalog.categoryFineGrainedReader on project shop-analytics:
        MORE user:eve@example.com sees email+phone+unclassified plain instead of nothing, if it may query by roles/datacatalog.categoryFineGrainedReader on project shop-analytics
          gcloud projects remove-iam-policy-binding shop-analytics --member='user:eve@example.com' --role='roles/datacatalog.categoryFineGrainedReader'
        bigquerydatapolicy.maskedReader on folders/7:
        MORE user:eve@example.com sees email masked (EMAIL_MASK) instead of nothing, if it may query by roles/bigquerydatapolicy.maskedReader on folders/7
          gcloud resource-manager folders remove-iam-policy-binding 7 --member='user:eve@example.com' --role='roles/bigquerydatapolicy.maskedReader'
        bigquery.dataViewer on project shop-analytics:
        MORE user:eve@example.com sees none plain instead of nothing by roles/bigquery.dataViewer on project shop-analytics
          gcloud projects remove-iam-policy-binding shop-analytics --member='user:eve@example.com' --role='roles/bigquery.dataViewer'
        storage.objectViewer on organizations/8:
        MORE user:eve@example.com sees email+phone+unclassified plain in files instead of nothing by roles/storage.objectViewer on organizations/8
          gcloud organizations remove-iam-policy-binding 8 --member='user:eve@example.com' --role='roles/storage.objectViewer'
        bigquery.dataViewer on table shop.creators:
        MORE user:eve@example.com sees none plain instead of nothing by roles/bigquery.dataViewer on table shop.creators
          bq query --nouse_legacy_sql "REVOKE \`roles/bigquery.dataViewer\` ON TABLE \`shop-analytics\`.\`shop\`.\`creators\` FROM 'user:eve@example.com'"
        datacatalog.categoryFineGrainedReader on taxonomy 1:
        MORE user:eve@example.com sees email+phone+unclassified plain instead of nothing, if it may query by roles/datacatalog.categoryFineGrainedReader on taxonomy 1
          gcloud data-catalog taxonomies remove-iam-policy-binding 1 --location=asia-northeast3 --project=shop-analytics --member='user:eve@example.com' --role='roles/datacatalog.categoryFineGrainedReader'
        datacatalog.categoryFineGrainedReader on policy tag phone:
        MORE user:eve@example.com sees phone plain instead of nothing, if it may query by roles/datacatalog.categoryFineGrainedReader on policy tag phone
          gcloud data-catalog taxonomies policy-tags remove-iam-policy-binding phone --taxonomy=1 --location=asia-northeast3 --project=shop-analytics --member='user:eve@example.com' --role='roles/datacatalog.categoryFineGrainedReader'
        bigquerydatapolicy.maskedReader on data policy landbridge_shop__email:
        MORE user:eve@example.com sees email masked (EMAIL_MASK) instead of nothing, if it may query by roles/bigquerydatapolicy.maskedReader on data policy landbridge_shop__email
          terraform apply (it sets the complete list of masked readers of data policy landbridge_shop__email); for a data policy that Terraform did not make, remove user:eve@example.com in the BigQuery console
        bigquerydatapolicy.rawDataReader on project shop-analytics:
        MORE user:eve@example.com sees email+phone+unclassified plain instead of nothing, if it may query by roles/bigquerydatapolicy.rawDataReader on project shop-analytics
          gcloud projects remove-iam-policy-binding shop-analytics --member='user:eve@example.com' --role='roles/bigquerydatapolicy.rawDataReader'
        storage.objectAdmin on bucket shop-landing:
        MORE user:eve@example.com sees email+phone+unclassified plain in files instead of nothing by roles/storage.objectAdmin on bucket shop-landing
          gcloud storage buckets remove-iam-policy-binding gs://shop-landing --member='user:eve@example.com' --role='roles/storage.objectAdmin'
        storage.admin on project shop-analytics:
        MORE user:eve@example.com sees email+phone+unclassified plain in files instead of nothing by roles/storage.admin on project shop-analytics
          gcloud projects remove-iam-policy-binding shop-analytics --member='user:eve@example.com' --role='roles/storage.admin'
        OPENS user:eve@example.com
        bigquery.admin on project shop-analytics:
        MORE user:eve@example.com sees none plain instead of nothing by roles/bigquery.admin on project shop-analytics
          gcloud projects remove-iam-policy-binding shop-analytics --member='user:eve@example.com' --role='roles/bigquery.admin'
        OPENS user:eve@example.com
        viewer on project shop-analytics:
        bigquery.jobUser on project shop-analytics:
    "#]].assert_eq(&all);
}

#[test]
fn the_groups_of_the_project_are_the_people_with_its_basic_roles() {
    check(
        |live, _| {
            add(live, project(), binding("viewer", &["group:all@example.com"]));
            add(live, dataset(), binding("bigquery.dataViewer", &["projectViewer:shop-analytics"]));
        },
        expect![[r#"
            group:all@example.com: none plain, email nothing, phone nothing, unclassified nothing, files nothing
            group:analysts@example.com: none plain, email masked (EMAIL_MASK), phone masked (ALWAYS_NULL), unclassified masked (ALWAYS_NULL), files nothing
            group:pii-readers@example.com: none plain, email plain, phone plain, unclassified masked (ALWAYS_NULL), files nothing
            load: none nothing, email nothing, phone nothing, unclassified nothing, files plain
            transfer: none nothing, email nothing, phone nothing, unclassified nothing, files plain
            transfer-item: none nothing, email nothing, phone nothing, unclassified nothing, files plain
            views: none plain, email masked (EMAIL_MASK), phone masked (ALWAYS_NULL), unclassified masked (ALWAYS_NULL), files nothing
            models: none plain, email masked (EMAIL_MASK), phone masked (ALWAYS_NULL), unclassified masked (ALWAYS_NULL), files nothing
            user:owner@example.com: none plain, email nothing, phone nothing, unclassified nothing, files nothing
            everyone else: nothing
            MORE group:all@example.com sees none plain instead of nothing by roles/bigquery.dataViewer on dataset shop
              terraform apply (it sets the complete access list of the dataset)
            OPENS user:owner@example.com
        "#]],
    );
}

#[test]
fn who_may_not_be_known_is_at_least_and_never_nothing() {
    let mut all = String::new();
    for place in [
        project(),
        Place::Above("organizations/8".into()),
        dataset(),
        Place::Tag(tag("email")),
        Place::DataPolicy(mask("email")),
        Place::Bucket("shop-landing".into()),
    ] {
        let (config, contract) = files();
        let mut live = terraform(&config);
        unread(&mut live, place.clone());
        let report =
            evaluate(&live, (&config, &contract), &Deployment::of_one(&config), &Filter::default());
        let analysts = report.principals.iter().find(|it| it.principal.contains("analysts"));
        let analysts = analysts.map_or("not named".to_owned(), |it| {
            format!("{}, {}", seen(&it.classes["email"]), seen(&it.landing_files))
        });
        let else_ = seen(&report.everyone_else);
        let _ = writeln!(all, "{place}: analysts {analysts}; everyone else {else_}");
    }
    expect![[r#"
        project shop-analytics: analysts masked (EMAIL_MASK) at least, nothing at least; everyone else nothing at least
        organizations/8: analysts masked (EMAIL_MASK) at least, nothing at least; everyone else nothing at least
        dataset shop: analysts nothing at least, nothing; everyone else nothing at least
        policy tag email: analysts masked (EMAIL_MASK) at least, nothing; everyone else nothing
        data policy landbridge_shop__email: analysts nothing at least, nothing; everyone else nothing
        bucket shop-landing: analysts masked (EMAIL_MASK), nothing at least; everyone else nothing at least
    "#]].assert_eq(&all);
}

#[test]
fn an_unknown_role_may_give_anything() {
    let (config, contract) = files();
    let mut live = terraform(&config);
    let mut custom = binding("x", &["user:eve@example.com"]);
    custom.role = "organizations/8/roles/mine".into();
    add(&mut live, project(), custom);
    assert_eq!(live.unknown_roles(), ["organizations/8/roles/mine"]);
    live.not_known.push(NotKnown {
        place: None,
        what: "what the role organizations/8/roles/mine allows".into(),
        why: "denied".into(),
        next: "gcloud iam roles describe mine --organization=8".into(),
    });
    let report =
        evaluate(&live, (&config, &contract), &Deployment::of_one(&config), &Filter::default());
    assert!(report.everyone_else.at_least);
    live.not_known.clear();
    live.roles.insert(
        "organizations/8/roles/mine".into(),
        vec!["datacatalog.categories.fineGrainedGet".into()],
    );
    let report =
        evaluate(&live, (&config, &contract), &Deployment::of_one(&config), &Filter::default());
    assert_eq!(report.more_than_configured.len(), 1, "{report:#?}");
}

#[test]
fn a_mask_that_shows_more_and_a_taxonomy_that_enforces_nothing() {
    let mut all = found(|live, _| {
        for it in live.masks.iter_mut().filter(|it| it.tag == tag("phone")) {
            it.mask = "SHA256".into();
        }
    });
    all += "--\n";
    all += &found(|live, _| live.tags.values_mut().for_each(|it| it.enforced = Some(false)));
    expect![[r#"
        MORE group:analysts@example.com sees phone masked (SHA256) instead of masked (ALWAYS_NULL) by roles/bigquerydatapolicy.maskedReader on data policy landbridge_shop__phone
          terraform apply
        MORE principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/landbridge-shop/attribute.aws_role/landbridge-shop-views sees phone masked (SHA256) instead of masked (ALWAYS_NULL) by roles/bigquerydatapolicy.maskedReader on data policy landbridge_shop__phone
          terraform apply
        MORE serviceAccount:landbridge-shop-models@shop-analytics.iam.gserviceaccount.com sees phone masked (SHA256) instead of masked (ALWAYS_NULL) by roles/bigquerydatapolicy.maskedReader on data policy landbridge_shop__phone
          terraform apply
        --
        MORE group:analysts@example.com sees email plain instead of masked (EMAIL_MASK) by 
          terraform apply
        MORE group:analysts@example.com sees phone+unclassified plain instead of masked (ALWAYS_NULL) by 
          terraform apply
        MORE group:pii-readers@example.com sees unclassified plain instead of masked (ALWAYS_NULL) by 
          terraform apply
        MORE principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/landbridge-shop/attribute.aws_role/landbridge-shop-views sees email plain instead of masked (EMAIL_MASK) by 
          terraform apply
        MORE principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/landbridge-shop/attribute.aws_role/landbridge-shop-views sees phone+unclassified plain instead of masked (ALWAYS_NULL) by 
          terraform apply
        MORE serviceAccount:landbridge-shop-models@shop-analytics.iam.gserviceaccount.com sees email plain instead of masked (EMAIL_MASK) by 
          terraform apply
        MORE serviceAccount:landbridge-shop-models@shop-analytics.iam.gserviceaccount.com sees phone+unclassified plain instead of masked (ALWAYS_NULL) by 
          terraform apply
        MORE user:owner@example.com sees email+phone+unclassified plain instead of nothing by 
          terraform apply
    "#]].assert_eq(&all);
}

#[test]
fn the_level_nearest_to_the_column_decides() {
    let sees = |change: &dyn Fn(&mut Live)| {
        let (config, contract) = files();
        let mut live = terraform(&config);
        let root = tag("root");
        live.tags.get_mut("email").expect("email").path.push(root.clone());
        change(&mut live);
        let report =
            evaluate(&live, (&config, &contract), &Deployment::of_one(&config), &Filter::default());
        let eve = report.principals.iter().find(|it| it.principal == "user:eve@example.com");
        eve.map_or("not named".into(), |it| seen(&it.classes["email"]))
    };
    let eve = ["user:eve@example.com"];
    let reader = |live: &mut Live| add(live, dataset(), binding("bigquery.dataViewer", &eve));
    let fine = || binding("datacatalog.categoryFineGrainedReader", &eve);
    let masked = || binding("bigquerydatapolicy.maskedReader", &eve);
    assert_eq!(sees(&reader), "nothing");
    let root = |live: &mut Live| {
        reader(live);
        add(live, Place::Tag(tag("root")), fine());
    };
    assert_eq!(sees(&root), "plain");
    // A mask nearer to the column hides the right at the root.
    let both = |live: &mut Live| {
        root(live);
        add(live, Place::DataPolicy(mask("email")), masked());
    };
    assert_eq!(sees(&both), "masked (EMAIL_MASK)");
    // IAM inherits from the taxonomy to every tag, so plain wins at the first level.
    let inherited = |live: &mut Live| {
        both(live);
        add(live, Place::Taxonomy(TAXONOMY.into()), fine());
    };
    assert_eq!(sees(&inherited), "plain");
    // Another principal, other resources, a deleted principal.
    let other = |live: &mut Live| {
        reader(live);
        let deleted = "deleted:user:eve@example.com?uid=1";
        add(live, project(), binding("datacatalog.categoryFineGrainedReader", &[deleted]));
        add(live, Place::Tag(tag("phone")), fine());
    };
    assert_eq!(sees(&other), "nothing");
}

#[test]
fn members_include_others_and_addresses_ignore_case() {
    use super::member::includes;
    for (member, principal, does) in [
        ("user:Eve@Example.com", "user:eve@example.com", true),
        ("domain:example.com", "user:eve@example.com", true),
        ("domain:example.com", "group:all@example.com", true),
        ("domain:example.com", "user:eve@other.com", false),
        ("domain:ample.com", "user:eve@example.com", false),
        ("group:all@example.com", "user:eve@example.com", false),
        ("allAuthenticatedUsers", "serviceAccount:x@p.iam.gserviceaccount.com", true),
        ("allUsers", "allAuthenticatedUsers", true),
        ("allAuthenticatedUsers", "allUsers", false),
        (
            "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*",
            "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/attribute.aws_role/r",
            true,
        ),
        (
            "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*",
            "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p2/attribute.aws_role/r",
            false,
        ),
    ] {
        assert_eq!(includes(member, principal), does, "{member} {principal}");
    }
}

/// A bucket with uniform bucket-level access can have managed folders, with policies of their own.
#[test]
fn a_managed_folder_gives_the_files_below_it() {
    let folder = || Place::ManagedFolder("shop-landing".into(), "landbridge/shop/".into());
    let viewer = || binding("storage.objectViewer", &["user:eve@example.com"]);
    let text = found(|live, _| add(live, folder(), viewer()));
    expect![[r#"
        MORE user:eve@example.com sees email+phone+unclassified plain in files instead of nothing by roles/storage.objectViewer on managed folder shop-landing/landbridge/shop/
          gcloud storage managed-folders remove-iam-policy-binding 'gs://shop-landing/landbridge/shop/' --member='user:eve@example.com' --role='roles/storage.objectViewer'
    "#]].assert_eq(&text);
}

#[test]
fn a_filter_narrows_the_report() {
    let (config, contract) = files();
    let mut live = terraform(&config);
    add(&mut live, dataset(), binding("bigquery.dataViewer", &["user:bob@example.com"]));
    let report = |filter: Filter| {
        evaluate(&live, (&config, &contract), &Deployment::of_one(&config), &filter)
    };
    let all = report(Filter::default());
    assert_eq!(all.unnamed_readers.len(), 1);
    let named = Filter { dataset_readers: vec!["domain:example.com".into()], ..Filter::default() };
    assert!(report(named).unnamed_readers.is_empty());
    let one =
        report(Filter { principal: Some("user:BOB@example.com".into()), ..Filter::default() });
    assert_eq!(one.principals.len(), 1);
    let class = report(Filter { class: Some("phone".into()), ..Filter::default() });
    assert!(class.principals.iter().all(|it| it.classes.keys().eq(["phone"])));
    let table = report(Filter { table: Some("public.partners".into()), ..Filter::default() });
    let first = &table.principals[0].classes;
    assert!(first.contains_key("email") && !first.contains_key("phone"), "{first:?}");
}

#[test]
fn a_condition_is_shown_and_counts_as_fulfilled() {
    let text = found(|live, _| {
        let mut until = binding("datacatalog.categoryFineGrainedReader", &["user:eve@example.com"]);
        until.condition = Some(Condition {
            title: "until Friday".into(),
            expression: "request.time < timestamp('2026-11-27T00:00:00Z')".into(),
        });
        add(live, project(), until);
    });
    assert!(text.contains("MORE user:eve@example.com") && text.contains(" --all"), "{text}");
}
