//! The operator's commands around a deployment, run as programs against the local cloud:
//! `init`, `doctor`, `cost`.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use landbridge_local_aws::{DatabaseKind, DatabaseSettings};
use landbridge_local_google::{Grants, MaskingRule, Role};
use serde_json::Value;

use crate::command::{landbridge, output_text};
use crate::support::{TestEnv, TestEnvBuilder, root};

/// The first day of every local cloud in this module.
const DAY: &str = "2026-11-21";

/// Checks that need AWS itself or moto.
const NOT_LOCAL: [&str; 15] = [
    "aws export key",
    "aws export key permissions",
    "aws export key rotation",
    "aws export role permissions",
    "aws export role trust",
    "aws function memory",
    "aws schedule of export",
    "aws schedule of load",
    "aws schedule of protect",
    "aws schedule of snapshot",
    "aws schedule of transfer",
    // The role of the load cannot read these.
    "google APIs",
    "google bucket readers",
    "google data policies",
    "google organisation policies",
];

/// The environment of the function load, with its role's credentials and the cloud's time.
fn load_variables(env: &TestEnv, late: SignedDuration) -> BTreeMap<String, String> {
    let mut variables = env.cloud.function_env().clone();
    variables.extend(env.cloud.role_env("load"));
    let shown = env.cloud.clock().now() + late;
    variables.insert("LANDBRIDGE_CLOCK".into(), format!("{shown} {} 1", Timestamp::now()));
    variables
}

/// The report of `landbridge doctor`.
struct Findings {
    code: Option<i32>,
    /// Check → state, what was found, what to do.
    lines: BTreeMap<String, (String, String, String)>,
}

impl Findings {
    /// The checks in `state`.
    fn checks_in_state(&self, state: &str) -> Vec<String> {
        let of = self.lines.iter().filter(|(_, line)| line.0 == state);
        of.map(|(check, _)| check.clone()).collect()
    }
}

fn doctor(env: &TestEnv, variables: &BTreeMap<String, String>, args: &[&str]) -> Findings {
    let config = env.dir.path().join("doctor.yaml");
    let contract = env.dir.path().join("contract.yaml");
    let files = ["--config", config.to_str().expect("a path"), "--contract"];
    let own = ["doctor", "--output", "json"];
    let contract = [contract.to_str().expect("a path")];
    let output = landbridge(variables, &[&own, &files[..], &contract, args].concat());
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", output_text(&output)));
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let lines = report["lines"].as_array().expect("lines").iter().map(|line| {
        let check = format!("{} {}", text(line, "area"), text(line, "check"));
        (check, (text(line, "state"), text(line, "found"), text(line, "advice")))
    });
    Findings { code: output.status.code(), lines: lines.collect() }
}

/// A local cloud after its first day.
async fn start_with_published_day() -> TestEnv {
    let env = TestEnvBuilder::small().build().await;
    let given_up = env.run_day(0).await;
    assert!(given_up.is_empty(), "{given_up:?}");
    env
}

/// Writes the configuration that the doctor reads, with one text replaced by another.
fn configure(env: &TestEnv, (old, new): (&str, &str)) {
    let own = std::fs::read_to_string(env.dir.path().join("landbridge.yaml")).expect("the file");
    assert!(own.contains(old), "{old}");
    std::fs::write(env.dir.path().join("doctor.yaml"), own.replace(old, new)).expect("a file");
}

/// Runs of the doctor, and what they should have found and did not. All differences are reported together, because a run
/// takes a while.
struct Doctor<'a> {
    env: &'a TestEnv,
    load: BTreeMap<String, String>,
    differences: Vec<String>,
}

impl Doctor<'_> {
    fn run(&self, variables: &BTreeMap<String, String>) -> Findings {
        doctor(self.env, variables, &[])
    }

    /// As the function load.
    fn findings(&self) -> Findings {
        self.run(&self.load)
    }

    /// The variables of load with another value of one.
    fn with(&self, name: &str, value: &str) -> BTreeMap<String, String> {
        let mut variables = self.load.clone();
        variables.insert(name.to_owned(), value.to_owned());
        variables
    }

    /// Expects that a check is bad, with part of what is found and of the advice.
    fn expect(&mut self, findings: &Findings, check: &str, found: &str, advice: &str) {
        let line = findings.lines.get(check);
        let as_expected = line.is_some_and(|line| {
            line.0 == "bad" && line.1.contains(found) && line.2.contains(advice)
        });
        if !as_expected || findings.code != Some(1) {
            let difference = format!("{check}: {line:?} lacks {found:?} or {advice:?}");
            self.differences.push(difference);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_reports_each_problem_and_its_remedy() {
    let env = start_with_published_day().await;
    let load = load_variables(&env, SignedDuration::from_mins(1));
    let mut doctor = Doctor { env: &env, load, differences: Vec::new() };
    configure(&env, ("version: 1", "version: 1"));
    all_is_good(&doctor.findings());
    problems_of_the_configuration(&mut doctor);
    problems_of_the_caller(&mut doctor);
    problems_of_the_clouds(&mut doctor);
    assert!(doctor.differences.is_empty(), "{}", doctor.differences.join("\n"));

    // An unusable file is reported, and nothing else is checked.
    configure(&env, ("version: 1", "version: 2"));
    let findings = doctor.findings();
    assert_eq!(findings.code, Some(2));
    assert_eq!(findings.checks_in_state("bad"), ["files landbridge.yaml"]);
    assert_eq!(findings.lines.len(), 1);
}

fn all_is_good(good: &Findings) {
    assert_eq!(good.checks_in_state("bad"), [""; 0], "{:#?}", good.lines);
    // A local cloud has no IAM, KMS, EventBridge Scheduler or API of Lambda, and AWS is not called.
    assert_eq!(good.checks_in_state("unchecked"), NOT_LOCAL);
    assert_eq!(good.code, Some(0));
    assert_eq!(good.checks_in_state("warning"), ["aws source during snapshots"]);
    assert_eq!(good.lines.len(), 43, "{:#?}", good.lines.keys());
}

fn problems_of_the_configuration(doctor: &mut Doctor<'_>) {
    // (what is changed, check that is bad, part of what is found, part of the advice)
    type Case<'a> = ((&'a str, &'a str), &'a str, &'a str, &'a str);
    let cases: [Case<'_>; 12] = [
        (("id: shop-prod", "id: gone"), "aws source", "no instance gone", "has instance shop-prod"),
        (("kind: instance", "kind: cluster"), "aws source", "no cluster shop-prod", "source.kind"),
        (
            ("arn:aws:iam::123456789012", "arn:aws:iam::210987654321"),
            "aws credentials",
            "export.role_arn to 210987654321",
            "the other account",
        ),
        (("quota: 100", "quota: 200"), "aws snapshot quota", "snapshots.quota says 200", "to 100"),
        (
            ("bucket: shop-exports", "bucket: shop-nowhere"),
            "aws export bucket",
            "no bucket shop-nowhere",
            "terraform apply",
        ),
        (
            ("landbridge/shop/token-key", "landbridge/shop/other"),
            "aws token key",
            "does not exist",
            "landbridge key create",
        ),
        (
            ("location: asia-northeast3", "location: US"),
            "files countries",
            "is in South Korea, the warehouse `US` in the United States",
            "transfer.cross_border",
        ),
        (
            ("location: asia-northeast3", "location: US"),
            "google landing bucket",
            "is in asia-northeast3, the warehouse in US",
            "warehouse.location",
        ),
        (
            ("location: asia-northeast3", "location: US"),
            "google dataset",
            "the warehouse in US",
            "warehouse.location",
        ),
        (
            ("location: asia-northeast3", "location: US"),
            "google policy tags",
            "in asia-northeast3, the datasets in US",
            "create the taxonomy there",
        ),
        (
            ("ops_dataset: landbridge_ops", "ops_dataset: nowhere"),
            "google dataset of receipts",
            "may not exist",
            "bigquery.datasets.get",
        ),
        (
            (
                "transfer:\n",
                "tables: { public.members: { delta: { key: [id] } } }\ntransfer:\n  unchanged: skip\n",
            ),
            "google permission to attach tags",
            "lacks bigquery.tables.getData",
            "its custom role `merger`",
        ),
    ];
    for (change, check, found, advice) in cases {
        configure(doctor.env, change);
        doctor.expect(&doctor.findings(), check, found, advice);
    }
    configure(doctor.env, ("version: 1", "version: 1"));
}

/// The caller's credentials, and the time of the call.
fn problems_of_the_caller(doctor: &mut Doctor<'_>) {
    let mut other_credentials = doctor.env.cloud.role_env("snapshot");
    let mut other_role = doctor.load.clone();
    other_role.append(&mut other_credentials);
    let tags = doctor.load["LANDBRIDGE_POLICY_TAGS"].replace("policyTags/3", "policyTags/999");
    let cases = [
        (other_role, "google credentials", "no Google access token", "workload identity provider"),
        (
            doctor.with("LANDBRIDGE_POLICY_TAGS", &tags),
            "google policy tags",
            "does not exist",
            "create it again",
        ),
        (
            doctor.with("LANDBRIDGE_POLICY_TAGS", "[]"),
            "google policy tags",
            "not a JSON object",
            "function load",
        ),
        (
            doctor.with("LANDBRIDGE_GCP_TOKEN", "local-analyst"),
            "google permission to attach tags",
            "lacks bigquery.tables.setCategory",
            "dataOwner",
        ),
        (doctor.with("AWS_SECRET_ACCESS_KEY", "wrong"), "aws credentials", "", "rds:Describe*"),
        (
            load_variables(doctor.env, SignedDuration::from_hours(3)),
            "aws schedules running",
            "is 4 h old",
            "list-schedules",
        ),
    ];
    for (variables, check, found, advice) in cases {
        doctor.expect(&doctor.run(&variables), check, found, advice);
    }
}

/// Changes of the clouds, one after the other.
fn problems_of_the_clouds(doctor: &mut Doctor<'_>) {
    let (aws, google) = (doctor.env.cloud.aws(), doctor.env.cloud.google());
    let change = |change: fn(&mut DatabaseSettings)| {
        assert!(aws.update_settings(DatabaseKind::Instance, "shop-prod", change));
    };
    change(|it| it.storage_type = "standard".to_owned());
    let findings = doctor.findings();
    doctor.expect(&findings, "aws source storage", "magnetic storage", "--storage-type gp3");
    change(|it| {
        it.storage_type = "gp3".to_owned();
        it.multi_az = true;
        it.backup_days = 0;
    });
    assert_eq!(doctor.findings().checks_in_state("warning"), ["aws point-in-time recovery"]);
    change(|it| it.backup_days = 1);
    aws.expose_bucket("shop-exports");
    let findings = doctor.findings();
    doctor.expect(&findings, "aws bucket encryption", "not encrypted", "terraform apply");
    doctor.expect(&findings, "aws bucket privacy", "not blocked", "terraform apply");
    aws.deny_bucket("shop-exports", "Access Denied");
    doctor.expect(&doctor.findings(), "aws export bucket", "shop-exports", "s3:ListBucket");
    aws.allow_bucket("shop-exports");
    aws.put_secret("landbridge/shop/token-key", "nonsense");
    doctor.expect(&doctor.findings(), "aws token key", "token-key", "32 random bytes");
    assert!(aws.set_database_status(DatabaseKind::Instance, "shop-prod", "stopped"));
    doctor.expect(&doctor.findings(), "aws source", "shop-prod is stopped", "start it");
    google.add_principal("owner", "owner@example.com", Grants::owner());
    let owner = doctor.with("LANDBRIDGE_GCP_TOKEN", "owner");
    let readers = doctor.run(&owner).lines["google bucket readers"].clone();
    assert_eq!(readers.0, "good", "{readers:?}");
    let mut policy = google.bucket_policy("shop-landing").expect("a policy");
    policy["bindings"].as_array_mut().expect("a list").push(serde_json::json!({
        "role": "roles/storage.legacyObjectReader", "members": ["projectViewer:shop-warehouse"],
    }));
    google.set_bucket_policy("shop-landing", &policy).expect("a policy");
    doctor.expect(
        &doctor.run(&owner),
        "google bucket readers",
        "projectViewer:shop-warehouse (roles/storage.legacyObjectReader)",
        "terraform apply",
    );
    google.set_bucket_denied("shop-landing", true);
    google.set_dataset_denied("shop", true);
    let findings = doctor.findings();
    doctor.expect(&findings, "google landing bucket", "shop-landing", "storage.objects.list");
    doctor.expect(&findings, "google dataset", "Access Denied", "bigquery.datasets.get");
}

/// Each change turns one line.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_checks_what_surrounds_the_data_in_google() {
    const READER: Role = Role::Custom(&["serviceusage.services.get", "orgpolicy.policy.get"]);
    let env = TestEnvBuilder::small().build().await;
    let google = env.cloud.google();
    google.add_principal("auditor", "auditor@example.com", Grants::owner().project_role(READER));
    let mut variables = load_variables(&env, SignedDuration::from_mins(1));
    variables.insert("LANDBRIDGE_GCP_TOKEN".into(), "auditor".into());
    configure(&env, ("version: 1", "version: 1"));
    let lines = || doctor(&env, &variables, &[]);
    let good = lines();
    assert_eq!(good.checks_in_state("bad"), [""; 0], "{:#?}", good.lines);
    for check in ["APIs", "data policies", "organisation policies", "quota project", "taxonomies"] {
        assert_eq!(good.lines[&format!("google {check}")].0, "good", "{:#?}", good.lines);
    }
    let one_bad = |check: &str, found: &str, advice: &str| {
        let findings = lines();
        assert_eq!(findings.checks_in_state("bad"), [check], "{:#?}", findings.lines);
        let line = &findings.lines[check];
        assert!(line.1.contains(found) && line.2.contains(advice), "{line:?}");
    };

    google.set_service_enabled("sts.googleapis.com", false);
    one_bad("google APIs", "not enabled: sts.googleapis.com", "gcloud services enable sts");
    google.set_service_enabled("sts.googleapis.com", true);
    google.set_service_enabled("serviceusage.googleapis.com", false);
    one_bad("google APIs", "Service Usage API is not enabled", "cloudresourcemanager");
    google.set_service_enabled("serviceusage.googleapis.com", true);
    // An API that is disabled is no missing permission.
    google.set_service_enabled("datacatalog.googleapis.com", false);
    let findings = lines();
    for check in ["google taxonomies", "google policy tags"] {
        let (state, found, advice) = &findings.lines[check];
        assert_eq!(state, "bad", "{:#?}", findings.lines);
        assert!(found.contains("the API datacatalog.googleapis.com is not enabled"), "{found}");
        assert!(advice.contains("gcloud services enable datacatalog.googleapis.com"), "{advice}");
    }
    google.set_service_enabled("datacatalog.googleapis.com", true);

    let tags: BTreeMap<String, String> =
        serde_json::from_str(&variables["LANDBRIDGE_POLICY_TAGS"]).expect("tags");
    let taxonomy = tags["email"].split("/policyTags/").next().expect("a taxonomy");
    google.set_taxonomy_enforced(taxonomy, false);
    one_bad("google taxonomies", "does not enforce its tags", "terraform apply");
    google.set_taxonomy_enforced(taxonomy, true);

    let providers = "iam.workloadIdentityPoolProviders";
    google.set_organisation_policy(providers, serde_json::json!([{"denyAll": true}]));
    one_bad("google organisation policies", providers, "--effective");
    google.set_organisation_policy(providers, serde_json::json!([{"allowAll": true}]));
    let domains = serde_json::json!([{"values": {"allowedValues": ["C0example"]}}]);
    google.set_organisation_policy("iam.allowedPolicyMemberDomains", domains);
    let findings = lines();
    assert!(findings.checks_in_state("warning").contains(&"google organisation policies".into()));

    google.set_data_policy(&tags["email"], MaskingRule::Sha256, ["analyst@example.com"]);
    one_bad("google data policies", "the tag of email has SHA256", "terraform apply");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_terraform_only_its_own_resources_may_be_missing() {
    let env = TestEnvBuilder::small().build().await;
    env.cloud.google().add_principal("owner", "owner@example.com", Grants::owner());
    let mut person = env.cloud.client_env();
    person.insert("LANDBRIDGE_GCP_TOKEN".into(), "owner".into());
    person.remove("LANDBRIDGE_POLICY_TAGS");
    // Here, everything that Terraform creates has another name.
    let own = std::fs::read_to_string(env.dir.path().join("landbridge.yaml")).expect("the file");
    let mut other = own.replace("bucket: shop-", "bucket: new-");
    for (old, new) in [
        ("landbridge/shop/token-key", "landbridge/new/token-key"),
        ("dataset: shop", "dataset: new"),
        ("ops_dataset: landbridge_ops", "ops_dataset: new_ops"),
    ] {
        other = other.replace(old, new);
    }
    std::fs::write(env.dir.path().join("doctor.yaml"), other).expect("a file");
    let before = doctor(&env, &person, &["--before-apply"]);
    assert_eq!(before.code, Some(0), "{:#?}", before.lines);
    assert_eq!(
        before.checks_in_state("good"),
        [
            "aws clock",
            "aws credentials",
            "aws point-in-time recovery",
            "aws snapshot quota",
            "aws source",
            "aws source key",
            "aws source storage",
            "files contract.yaml",
            "files countries",
            "files landbridge.yaml",
            "files schedules",
            "google credentials",
            "google quota project",
        ]
    );
    let after = doctor(&env, &person, &[]);
    assert_eq!(after.code, Some(1));
    assert_eq!(
        after.checks_in_state("bad"),
        [
            "aws export bucket",
            "aws token key",
            "google dataset",
            "google dataset of receipts",
            "google landing bucket",
        ]
    );
    // A missing resource that Terraform does not create is an error in any case.
    configure(&env, ("id: shop-prod", "id: gone"));
    assert_eq!(doctor(&env, &person, &["--before-apply"]).checks_in_state("bad"), ["aws source"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_written_by_init_pass_the_check_and_are_not_overwritten() {
    let env = TestEnvBuilder::small().build().await;
    let variables = env.cloud.client_env();
    let dir = env.dir.path().join("mine");
    let dir = dir.to_str().expect("a path");
    // The directory is outside the checkout, and a program of no release names none.
    let refused = landbridge(&variables, &["init", "--dir", dir, "--project", "shop-analytics"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(output_text(&refused).contains("not of a published release"), "{refused:?}");
    assert!(!Path::new(dir).exists(), "nothing is written");
    let modules = root().join("terraform/modules");
    let own = ["init", "--dir", dir, "--output", "json", "--modules"];
    let own = [&own[..], &[modules.to_str().expect("a path")]].concat();
    let init = |more: &[&str]| landbridge(&variables, &[&own, more].concat());
    let read = |name: &str| std::fs::read_to_string(Path::new(dir).join(name)).expect("a file");

    // The database is found in the account; the project cannot be found.
    let incomplete = init(&[]);
    assert_eq!(incomplete.status.code(), Some(2));
    assert!(
        output_text(&incomplete).contains("the command cannot ask: give --project\n"),
        "{}",
        output_text(&incomplete)
    );

    let readers =
        ["--masked-reader", "group:analysts@example.com", "--reader", "user:a@example.com"];
    let project = ["--project", "shop-analytics"];
    let created = init(&[&project[..], &readers].concat());
    assert!(created.status.success(), "{}", output_text(&created));
    let done: Value = serde_json::from_slice(&created.stdout).expect("JSON");
    assert_eq!(done["source"], "shop-prod");
    assert_eq!(done["region"], "ap-northeast-2");
    assert_eq!(done["account"], "123456789012");
    assert_eq!(done["written"].as_array().map(Vec::len), Some(3));

    let config = format!("{dir}/landbridge.yaml");
    let check = landbridge(&variables, &["check", "--config", &config]);
    assert!(check.status.success(), "{}", output_text(&check));
    let written = read("landbridge.yaml");
    for line in [
        "  id: shop-prod\n",
        "  zone: Asia/Seoul\n",
        "  location: asia-northeast3\n",
        "  bucket: shop-exports-123456789012\n",
        "  kms_key: arn:aws:kms:ap-northeast-2:123456789012:alias/landbridge-shop\n",
        "      readers: [\"user:a@example.com\"]\n",
    ] {
        assert!(written.contains(line), "{line}{written}");
    }
    // The sections that are comments can be used as they are.
    let (head, commented) = written.split_once("# alerts:\n").expect("a section");
    let (section, tail) = commented.split_once("\n\n").expect("the next section");
    let section = section.replace("\n#   ", "\n  ").replacen("#   ", "  ", 1);
    let with_alerts = format!("{head}alerts:\n{section}\n\n{tail}");
    std::fs::write(Path::new(dir).join("with-alerts.yaml"), with_alerts).expect("a file");
    let config_with_alerts = format!("{dir}/with-alerts.yaml");
    let check = landbridge(&variables, &["check", "--config", &config_with_alerts]);
    assert!(check.status.success(), "{}", output_text(&check));
    let terraform = read("main.tf");
    let checkout = root();
    // Terraform would copy the checkout if the path were absolute.
    let named = terraform.split('"').find(|it| it.ends_with("/terraform/modules/aws"));
    let named = named.filter(|it| it.starts_with("../")).expect("a relative path");
    let named = Path::new(dir).join(named).canonicalize().expect("the module");
    assert_eq!(named, checkout.join("terraform/modules/aws"));
    let next = done["next"].to_string();
    assert!(next.contains(&format!("make -C {} package", checkout.display())), "{next}");

    // A second run is refused completely, before it asks any question.
    std::fs::write(format!("{dir}/contract.yaml"), "version: 1\ntables: {} # mine\n")
        .expect("a file");
    let second = init(&project);
    assert_eq!(second.status.code(), Some(2));
    assert!(output_text(&second).contains("already exist"), "{}", output_text(&second));
    assert_eq!(read("landbridge.yaml"), written);
    // With --force: all files except the contract, which people have edited.
    let forced = init(&[&project[..], &["--force", "--name", "orders"]].concat());
    assert!(forced.status.success(), "{}", output_text(&forced));
    assert!(read("landbridge.yaml").contains("name: orders"));
    assert!(read("contract.yaml").contains("# mine"));
    // What is proposed does not replace it either.
    let forced = output_text(&forced);
    assert!(forced.contains("--extend") && !forced.contains("> contract.yaml"), "{forced}");
    assert!(!forced.contains(&format!("> {dir}/contract.yaml")), "{forced}");

    // Answers that do not give a valid file are refused, and nothing is written.
    let invalid = init(&["--project", "No Project", "--force"]);
    assert_eq!(invalid.status.code(), Some(2), "{}", output_text(&invalid));
    assert!(output_text(&invalid).contains("warehouse.project"), "{}", output_text(&invalid));
    assert!(read("landbridge.yaml").contains("name: orders"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cost_of_a_day_is_computed_from_its_receipts() {
    let env = start_with_published_day().await;
    let config = env.dir.path().join("landbridge.yaml");
    let config = config.to_str().expect("a path");
    let cost = |more: &[&str]| {
        let args = [&["cost", "--config", config, "--output", "json"], more].concat();
        landbridge(&env.cloud.client_env(), &args)
    };
    let answer = cost(&["--actual", "2026-11-20..2026-11-22"]);
    assert!(answer.status.success(), "{}", output_text(&answer));
    let answer: Value = serde_json::from_slice(&answer.stdout).expect("JSON");
    let receipts = env.receipts(DAY).await;
    let exported: u64 = receipts.values().map(|it| it.bytes).sum();
    let transferred: usize = env
        .landing_objects()
        .iter()
        .filter(|(name, _)| name.ends_with(".parquet"))
        .map(|(_, bytes)| bytes.len())
        .sum();
    // Only the day that has receipts is listed.
    let days = answer["actual"].as_array().expect("days");
    assert_eq!(days.len(), 1);
    assert_eq!(days[0]["day"], DAY);
    assert_eq!(days[0]["exported_bytes"], exported);
    assert_eq!(days[0]["transferred_bytes"], transferred);
    assert_eq!(days[0]["rows"], 53);
    // RDS reports the size of the storage, 20 GiB: an export costs 0.20.
    assert_eq!(answer["estimate"]["workload"]["database_gib"], 20.0);
    assert!((days[0]["export_usd"].as_f64().expect("money") - 0.2).abs() < 1e-9);
    // The estimate charges what crossed, and the tables of the receipts.
    let workload = &answer["estimate"]["workload"];
    let crossed = workload["transferred_gib_per_day"].as_f64().expect("a number");
    let expected = landbridge_core::cost::day::gib(transferred as u64);
    assert!((crossed - expected).abs() < 1e-12, "{workload}");
    assert_eq!(workload["tables"], 3.0);

    // The other ways are compared with the same sizes.
    let args = ["handover", "--config", config, "--output", "json", "--actual", DAY];
    let answer = landbridge(&env.cloud.client_env(), &args);
    assert!(answer.status.success(), "{}", output_text(&answer));
    let answer: Value = serde_json::from_slice(&answer.stdout).expect("JSON");
    assert_eq!(&answer["workload"], workload);
    assert_eq!(answer["verdict"]["advice"], "landbridge");
    assert!((answer["export_usd_per_day"].as_f64().expect("money") - 0.2).abs() < 1e-9);

    let none = cost(&["--actual", "2026-01-01"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(output_text(&none).contains("no receipts of 2026-01-01"), "{}", output_text(&none));
}
