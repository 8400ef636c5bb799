//! Third-party clients against the local cloud: boto3 and Google's Python libraries,
//! see `tests/clients/`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use futures::FutureExt;
use jiff::SignedDuration;
use landbridge_local_aws::{AwsOptions, Identity, LocalAws};
use landbridge_local_google::{
    ALL_AUTHENTICATED_USERS, AwsCaller, AwsProvider, CallerIdentityLookup, GoogleOptions, Grants,
    LocalGoogle, MaskingRule, PolicyTag, Role, SignedAwsRequest,
};
use landbridge_local_wire::{CallMonitor, Clock, Server, Service, serve};
use parquet::arrow::ArrowWriter;

use crate::python;
use crate::sdk::REGION;

const ROLE: &str = "arn:aws:iam::000000000000:role/export";
const KEY: &str = "arn:aws:kms:ap-northeast-2:000000000000:key/0a1b2c3d";
const PROJECT: &str = "library-analytics";
const LOCATION: &str = "asia-northeast3";
/// Small, so that a test reaches it soon, but larger than the smallest page of RDS.
const SNAPSHOT_QUOTA: usize = 22;
/// The real time in which one minute of virtual time passes.
const MINUTE: Duration = Duration::from_millis(50);
/// The limit for all scripts together; they take about ten seconds.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// A local cloud, and the environment variables by which the scripts find it.
struct ClientEnv {
    variables: Vec<(String, String)>,
    _servers: Vec<Server>,
    _dir: tempfile::TempDir,
    time: tokio::task::JoinHandle<()>,
}

impl Drop for ClientEnv {
    fn drop(&mut self) {
        self.time.abort();
    }
}

impl ClientEnv {
    async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let clock = Clock::new("2026-01-01T16:00:00Z".parse().expect("a time"));
        let mut variables = Vec::new();
        let mut servers = Vec::new();
        let options = AwsOptions {
            data_dir: dir.path().to_owned(),
            snapshot_quota: SNAPSHOT_QUOTA,
            ..AwsOptions::default()
        };
        set_variable(&mut variables, "AWS_ACCESS_KEY_ID", &options.access_key);
        set_variable(&mut variables, "AWS_SECRET_ACCESS_KEY", &options.secret_key);
        set_variable(&mut variables, "AWS_DEFAULT_REGION", REGION);
        let aws = LocalAws::new(options, clock.clone()).await.expect("an account");
        aws.add_role(ROLE);
        aws.add_kms_key(KEY);
        let google = GoogleOptions {
            data_dir: dir.path().join("google"),
            project: PROJECT.to_owned(),
            location: LOCATION.to_owned(),
            ..GoogleOptions::default()
        };
        let google = LocalGoogle::new(google, clock.clone()).expect("a project");
        add_principals(&google, &mut variables);
        add_aws_roles(&google, &aws, &mut variables);
        // The variable from which each client reads its endpoint without being configured.
        for (name, variable, service) in [
            ("rds", "AWS_ENDPOINT_URL_RDS", aws.rds_service()),
            ("s3", "AWS_ENDPOINT_URL_S3", aws.s3_service()),
            ("secrets", "AWS_ENDPOINT_URL_SECRETS_MANAGER", aws.secrets_service()),
            ("sqs", "AWS_ENDPOINT_URL_SQS", aws.sqs_service()),
            ("storage", "STORAGE_EMULATOR_HOST", google.storage_service()),
            ("bigquery", "BIGQUERY_EMULATOR_HOST", google.bigquery_service()),
            ("sts", "LOCAL_STS", google.sts_service()),
        ] {
            let server = listen(name, service).await;
            if name == "storage" {
                google.set_storage_url(&server.url());
            }
            set_variable(&mut variables, variable, &server.url());
            servers.push(server);
        }
        for (day, rows) in [("DAY1", 3), ("DAY2", 4)] {
            let path = write_parquet(dir.path(), day, rows);
            set_variable(
                &mut variables,
                &format!("LOCAL_PARQUET_{day}"),
                &path.display().to_string(),
            );
        }
        set_variable(&mut variables, "LOCAL_EXPORT_ROLE", ROLE);
        set_variable(&mut variables, "LOCAL_EXPORT_KEY", KEY);
        set_variable(&mut variables, "LOCAL_SNAPSHOT_QUOTA", &SNAPSHOT_QUOTA.to_string());
        set_variable(&mut variables, "LOCAL_PROJECT", PROJECT);
        set_variable(&mut variables, "LOCAL_LOCATION", LOCATION);
        let time = tokio::spawn(async move {
            loop {
                tokio::time::sleep(MINUTE).await;
                clock.advance_to(clock.now() + SignedDuration::from_mins(1));
            }
        });
        Self { variables, _servers: servers, _dir: dir, time }
    }
}

fn set_variable(variables: &mut Vec<(String, String)>, name: &str, value: &str) {
    variables.push((name.to_owned(), value.to_owned()));
}

async fn listen(name: &'static str, service: Arc<dyn Service>) -> Server {
    serve(name, 0, service, CallMonitor::default()).await.expect("a free port")
}

/// Adds the policy tags and the principals that may call Google.
fn add_principals(google: &LocalGoogle, variables: &mut Vec<(String, String)>) {
    let taxonomy = format!("projects/{PROJECT}/locations/{LOCATION}/taxonomies/1");
    google.set_taxonomy_display_name(&taxonomy, "library");
    let tag = |number: usize| format!("{taxonomy}/policyTags/{number}");
    let (analyst, everybody) = ("analyst@example.com", ALL_AUTHENTICATED_USERS);
    let classes = [
        ("name", MaskingRule::Sha256, analyst),
        ("email", MaskingRule::EmailMask, analyst),
        ("unclassified", MaskingRule::AlwaysNull, everybody),
    ];
    for (number, (name, rule, readers)) in classes.into_iter().enumerate() {
        google.add_policy_tag(PolicyTag {
            name: tag(number),
            display_name: name.to_owned(),
            parent: None,
        });
        google.set_data_policy(&tag(number), rule, [readers]);
        set_variable(variables, &format!("LOCAL_TAG_{}", name.to_uppercase()), &tag(number));
    }
    let reader = || Grants::none().project_role(Role::JobUser).project_role(Role::DataViewer);
    for (name, grants) in [
        ("owner", Grants::owner()),
        (
            "loader",
            Grants::none()
                .project_role(Role::JobUser)
                .project_role(Role::DataOwner)
                .project_role(Role::ObjectViewer),
        ),
        ("analyst", reader()),
        ("pii_reader", reader().fine_grained_reader(tag(0)).fine_grained_reader(tag(1))),
        ("stranger", reader()),
    ] {
        let token = format!("token-of-{name}");
        google.add_principal(&token, &format!("{name}@example.com"), grants);
        set_variable(variables, &format!("LOCAL_TOKEN_{}", name.to_uppercase()), &token);
    }
}

/// Adds two AWS roles. Google trusts one of them and grants it access to all objects.
fn add_aws_roles(google: &LocalGoogle, aws: &LocalAws, variables: &mut Vec<(String, String)>) {
    let provider = AwsProvider {
        project_number: 1,
        pool: "library".to_owned(),
        provider: "aws".to_owned(),
        account: aws.options().account.clone(),
        roles: ["transfer".to_owned()].into(),
    };
    for role in ["transfer", "other"] {
        let identity = Identity {
            access_key: format!("ASIA{}", role.to_uppercase()),
            secret_key: format!("secret/of+{role}"),
            session_token: Some(format!("session+of/{role}==")),
            arn: format!("arn:aws:sts::{}:assumed-role/{role}/session", provider.account),
        };
        let name = |of: &str| format!("LOCAL_{}_{of}", role.to_uppercase());
        set_variable(variables, &name("ACCESS_KEY"), &identity.access_key);
        set_variable(variables, &name("SECRET_KEY"), &identity.secret_key);
        set_variable(
            variables,
            &name("SESSION_TOKEN"),
            identity.session_token.as_deref().expect("a session token"),
        );
        aws.add_identity(identity);
    }
    set_variable(variables, "LOCAL_AUDIENCE", &provider.audience());
    let set = provider.principal_set("transfer");
    google.grant_principal_set(&set, Grants::none().project_role(Role::StorageAdmin));
    let aws = aws.clone();
    let ask: CallerIdentityLookup = Arc::new(move |(parts, body): SignedAwsRequest<'_>| {
        let answer = aws
            .caller_identity(parts, body)
            .map(|caller| AwsCaller { account: caller.account, arn: caller.arn })
            .map_err(|refused| (refused.code.to_owned(), refused.message));
        async move { answer }.boxed()
    });
    google.trust_aws(provider, ask);
}

/// Writes the first `rows` people of `test_bigquery.py` as a Parquet file.
fn write_parquet(dir: &Path, name: &str, rows: usize) -> PathBuf {
    let names = [Some("홍길동"), Some("Ann Lee"), None, Some("김철수")];
    let emails = [Some("hong@example.com"), Some("ann@example.org"), None, Some("kim@example.net")];
    let amounts = [Some(123_450), Some(-1), None, Some(700)];
    let micros = |text: &str| text.parse::<jiff::Timestamp>().expect("a time").as_microsecond();
    let times = [
        Some(micros("2026-01-01T15:00:00.123456Z")),
        Some(micros("1969-12-31T23:59:59Z")),
        None,
        Some(micros("2026-01-02T00:00:00Z")),
    ];
    let amounts = Decimal128Array::from(amounts[..rows].to_vec());
    let columns: [(&str, ArrayRef); 5] = [
        ("id", Arc::new(Int64Array::from_iter_values((1..).take(rows)))),
        ("name", Arc::new(StringArray::from(names[..rows].to_vec()))),
        ("email", Arc::new(StringArray::from(emails[..rows].to_vec()))),
        ("amount", Arc::new(amounts.with_precision_and_scale(12, 2).expect("values that fit"))),
        (
            "at",
            Arc::new(TimestampMicrosecondArray::from(times[..rows].to_vec()).with_timezone("UTC")),
        ),
    ];
    // All OPTIONAL, as the columns of the table are.
    let columns = columns.map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).expect("columns of one length");
    let path = dir.join(format!("{name}.parquet"));
    let file = std::fs::File::create(&path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("rows");
    writer.close().expect("a footer");
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn boto3_and_googles_clients_work_with_the_local_cloud() {
    let test = "boto3 and Google's Python clients against the local cloud";
    let Some(python) = python::installed_python(test) else { return };
    let env = ClientEnv::start().await;
    let mut command = python::pytest(&python, "clients", &[]);
    command.envs(env.variables.iter().cloned());
    python::assert_pytest_passes(test, command, TIME_LIMIT).await;
}
