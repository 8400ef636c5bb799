//! The checks of AWS: account, source, quota, export bucket, last export, token key, snapshots and
//! clock. The checks that call IAM, KMS and EventBridge Scheduler are in `role`, `key`, `sign` and `schedules`.

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use landbridge_aws::Aws;
use landbridge_aws::inspect::Inspector;
use landbridge_aws::rds::SourceCandidate;
use landbridge_core::config::Config;
use landbridge_core::{ErrorKind, Result};
use landbridge_parquet::rewrite::{ProofKey, TokenKey};

use super::files::Files;
use super::line::ReportLine;
use super::role::account_of;
use super::{Phase, advice, key, memory, role, schedules, sign, source, workers};
use crate::aws::SIGN_IN;

/// Maximum deviation of this machine's clock. S3 refuses signatures that are 15 minutes off (AWS
/// documentation, "Error responses", RequestTimeTooSkewed); a correct clock is off by much less.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);
/// How much older than `snapshots.every_hours` the newest snapshot may be before it shows that the
/// schedules do not run: a snapshot can be some minutes late.
const SNAPSHOT_MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// Runs all checks of AWS.
pub(super) async fn check(files: &Files, phase: Phase) -> Vec<ReportLine> {
    let config = &files.config;
    let aws = Aws::from_env(&config.source.region, config.source.kind).await;
    let candidates = aws.rds.source_candidates().await;
    if candidates.as_ref().is_err_and(|error| error.kind() == ErrorKind::Transient) {
        let mut rest = ReportLine::new("aws", "everything else");
        rest.unchecked("needs credentials and a response from RDS", None);
        return vec![account(config, &candidates), rest, clock(&config.source.region).await];
    }
    let mut lines = vec![account(config, &candidates)];
    lines.extend(source::check(config, &candidates));
    lines.push(quota(&aws, config).await);
    lines.extend(bucket(&aws, config, phase).await);
    let (role, key, schedules) =
        role_key_and_schedules(&aws, files, phase, source::find(config, &candidates)).await;
    lines.extend(role);
    lines.extend(key);
    lines.push(last_export(&aws, config).await);
    lines.extend(token_key(&aws, config, phase).await);
    lines.extend(proof_key(&aws, config, phase).await);
    lines.extend(schedules);
    lines.push(schedules_running(&aws, config, phase).await);
    lines.push(clock(&config.source.region).await);
    lines
}

fn account(config: &Config, candidates: &Result<Vec<SourceCandidate>>) -> ReportLine {
    let mut line = ReportLine::new("aws", "credentials");
    let all = match candidates {
        Ok(all) => all,
        Err(error) => {
            let fix = match error.kind() {
                ErrorKind::Denied => {
                    format!("use credentials that have the permission rds:Describe*: {SIGN_IN}")
                }
                _ => "check that this terminal has credentials (aws sts get-caller-identity) and \
                      that this machine can reach RDS"
                    .to_owned(),
            };
            line.failed(error, fix);
            return line;
        }
    };
    let configured = account_of(&config.export.role_arn);
    match all.first().map(SourceCandidate::account) {
        Some(account) if account == configured => line.good(format!("account {account}")),
        Some(account) => line.bad(
            format!("the credentials belong to account {account}, export.role_arn to {configured}"),
            "sign in to the other account, or correct export.role_arn and export.kms_key",
        ),
        None => line.unchecked(
            format!("RDS accepts them; whether they belong to account {configured} is not known"),
            Some("aws sts get-caller-identity".to_owned()),
        ),
    }
    line
}

async fn quota(aws: &Aws, config: &Config) -> ReportLine {
    let mut line = ReportLine::new("aws", "snapshot quota");
    let (quota, snapshots) = match (aws.rds.snapshot_quota().await, aws.rds.snapshots().await) {
        (Ok(quota), Ok(snapshots)) => (quota, snapshots),
        (Err(error), _) | (_, Err(error)) => {
            line.failed(
                &error,
                advice(&error, "rds:DescribeAccountAttributes and rds:DescribeDB*Snapshots"),
            );
            return line;
        }
    };
    let kept = &config.snapshots;
    let Some(quota) = quota else {
        line.unchecked(
            "RDS does not report the quota",
            Some("aws rds describe-account-attributes".to_owned()),
        );
        return line;
    };
    let is_ours = |it: &&landbridge_core::retention::ManualSnapshot| {
        it.source_tag.as_deref() == Some(config.source.name.as_str())
    };
    let ours = snapshots.iter().filter(is_ours).count() as u64;
    let others = quota.used.saturating_sub(ours);
    let retained = u64::from(kept.hourly) + u64::from(kept.daily) + u64::from(kept.weekly);
    let found =
        format!("{} of {} used, {others} of them not created by Landbridge", quota.used, quota.max);
    if quota.max < u64::from(kept.quota) {
        line.bad(
            format!("{found}; snapshots.quota says {}", kept.quota),
            format!(
                "set snapshots.quota to {}, or request a higher quota in Service Quotas",
                quota.max
            ),
        );
    } else if others + retained > quota.max {
        line.bad(
            format!("{found}; retention keeps {retained}"),
            format!(
                "reduce snapshots.hourly, daily or weekly, delete {} of the other snapshots, or request a higher quota in Service Quotas",
                others + retained - quota.max
            ),
        );
    } else {
        line.good(format!("{found}; retention keeps {retained}"));
    }
    line
}

async fn bucket(aws: &Aws, config: &Config, phase: Phase) -> [ReportLine; 3] {
    let mut bucket = ReportLine::new("aws", "export bucket");
    let mut encrypted = ReportLine::new("aws", "bucket encryption");
    let mut private = ReportLine::new("aws", "bucket privacy");
    let (name, region) = (&config.export.bucket, &config.source.region);
    let exists = match aws.s3.bucket_region(name).await {
        Ok(Some(found)) if found == *region => {
            bucket.good(format!("{name} in {found}"));
            true
        }
        Ok(Some(found)) => {
            bucket.bad(
                format!("{name} is in {found}, the source in {region}"),
                "RDS exports only to a bucket in its own region: name one in export.bucket",
            );
            false
        }
        Ok(None) => {
            let advice = "correct export.bucket, or create the bucket: terraform apply";
            bucket = phase.missing(bucket, &format!("there is no bucket {name}"), advice);
            false
        }
        Err(error) => {
            // Bucket names are global: another account may own this one.
            let advice = format!(
                "{}; if the bucket belongs to another account, choose another name",
                advice(&error, "s3:ListBucket")
            );
            bucket.failed(&error, advice);
            false
        }
    };
    if !exists {
        encrypted.unchecked("needs the bucket", None);
        private.unchecked("needs the bucket", None);
        return [bucket, encrypted, private];
    }
    match aws.s3.bucket_encryption(name).await {
        Ok(Some(how)) if how.bucket_key => {
            encrypted.good(format!("{}, with a bucket key", how.algorithm));
        }
        Ok(Some(how)) => encrypted.warn(
            format!("{}, without a bucket key: every read of an exported file is charged as a use of the KMS key", how.algorithm),
            "run terraform apply, which sets it; it applies to exports from then on",
        ),
        Ok(None) => encrypted
            .bad("objects are not encrypted by default", "run terraform apply, which sets it"),
        Err(error) => unreadable(
            &mut encrypted,
            &error,
            format!("aws s3api get-bucket-encryption --bucket {name}"),
        ),
    }
    match aws.s3.blocks_public_access(name).await {
        Ok(true) => private.good("all public access is blocked"),
        Ok(false) => private.bad(
            "public access is not blocked: a bucket policy could make the exports public",
            "run terraform apply, which sets it",
        ),
        Err(error) => unreadable(
            &mut private,
            &error,
            format!("aws s3api get-public-access-block --bucket {name}"),
        ),
    }
    [bucket, encrypted, private]
}

/// Records a property that cannot be read, because a permission is missing or the server has no such
/// call. This is not a failure.
fn unreadable(line: &mut ReportLine, error: &landbridge_core::Error, manual_check: String) {
    line.unchecked(error.to_string(), Some(manual_check));
}

/// The checks that call IAM, KMS and EventBridge Scheduler: role, keys and schedules, in this order.
async fn role_key_and_schedules(
    aws: &Aws,
    files: &Files,
    phase: Phase,
    source: Option<&SourceCandidate>,
) -> (Vec<ReportLine>, Vec<ReportLine>, Vec<ReportLine>) {
    let config = &files.config;
    let client = match Inspector::from_env(&config.source.region).await {
        Ok(client) => client,
        Err(error) => {
            let mut line = ReportLine::new("aws", "role, key and schedules");
            line.failed(
                &error,
                advice(&error, "iam:Get*, kms:Describe* and scheduler:GetSchedule"),
            );
            return (vec![line], Vec::new(), Vec::new());
        }
    };
    let (role, key, source_key, signing, mut schedules, memory, workers) = tokio::join!(
        role::check(&client, config, phase),
        key::check(&client, config, phase),
        key::check_source(&client, config, phase, source),
        sign::check(&client, aws, config, phase),
        schedules::check(&client, config, files.schedules.as_deref(), phase),
        memory::check(&client, files, phase),
        workers::check(&client, aws, config, phase)
    );
    schedules.push(memory);
    schedules.extend(workers);
    let keys = key.into_iter().chain([source_key]).chain(signing).collect();
    (role.into(), keys, schedules)
}

/// The last export shows that role and key work: RDS assumes the role and encrypts with the key.
async fn last_export(aws: &Aws, config: &Config) -> ReportLine {
    let mut line = ReportLine::new("aws", "export role and key");
    match aws.rds.last_export(&config.export.bucket, &config.export.role_arn).await {
        Ok(Some(last)) if last.status == "COMPLETE" => {
            let at =
                last.started.map(|at| format!(" of {}", at.strftime("%F"))).unwrap_or_default();
            line.good(format!(
                "the export {}{at} was written with this role and this key",
                last.id
            ));
        }
        Ok(Some(last)) if last.status == "FAILED" => line.bad(
            format!("the export {} failed: {}", last.id, last.failure.unwrap_or_default()),
            "see the lines about role and key above, and the export in the RDS console",
        ),
        Ok(Some(last)) => {
            line.unchecked(format!("the export {} is {}", last.id, last.status), None)
        }
        Ok(None) => line
            .unchecked("no export exists yet; the first one shows whether RDS can use them", None),
        Err(error) => line.failed(&error, advice(&error, "rds:DescribeExportTasks")),
    }
    line
}

async fn token_key(aws: &Aws, config: &Config, phase: Phase) -> Option<ReportLine> {
    let secret = config.transfer.token_key.as_deref()?;
    let parse = |value: &[u8]| TokenKey::parse(value, secret).map(|_| ());
    Some(key(aws, "token key", "transfer.token_key", secret, phase, parse).await)
}

async fn proof_key(aws: &Aws, config: &Config, phase: Phase) -> Option<ReportLine> {
    let secret = config.proof.as_ref()?.key.as_str();
    let source = &config.source.name;
    let parse = |value: &[u8]| ProofKey::parse(value, secret, source).map(|_| ());
    Some(key(aws, "proof key", "proof.key", secret, phase, parse).await)
}

async fn key(
    aws: &Aws,
    name: &'static str,
    setting: &str,
    secret: &str,
    phase: Phase,
    parse: impl Fn(&[u8]) -> landbridge_core::Result<()>,
) -> ReportLine {
    let mut line = ReportLine::new("aws", name);
    match aws.secrets.get(secret).await {
        Ok(value) => match parse(value.bytes()) {
            Ok(()) => line.good(format!("{secret} contains a valid key")),
            Err(error) => line.failed(
                &error,
                format!("store a key of 32 random bytes in it, or name a new secret in {setting} and run `landbridge key create`"),
            ),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let what = format!("the secret {secret} does not exist or is empty");
            line = phase.missing(line, &what, "create it: landbridge key create");
        }
        // Only the function `transfer` needs to read it, the operator does not.
        Err(error) if error.kind() == ErrorKind::Denied => line.unchecked(
            format!("these credentials may not read {secret}"),
            Some(format!("aws secretsmanager describe-secret --secret-id {secret}")),
        ),
        Err(error) => line.failed(&error, advice(&error, "secretsmanager:GetSecretValue")),
    }
    line
}

/// A recent snapshot shows that the schedules run.
async fn schedules_running(aws: &Aws, config: &Config, phase: Phase) -> ReportLine {
    let mut line = ReportLine::new("aws", "schedules running");
    let list_schedules =
        format!("aws scheduler list-schedules --group-name landbridge-{}", config.source.name);
    if phase.before_apply {
        line.unchecked("nothing runs before `terraform apply`", None);
        return line;
    }
    if config.snapshots.every_hours == 0 {
        line.unchecked(
            "Landbridge takes no snapshots (snapshots.every_hours)",
            Some(list_schedules),
        );
        return line;
    }
    let snapshots = match aws.rds.snapshots().await {
        Ok(snapshots) => snapshots,
        Err(error) => {
            line.failed(&error, advice(&error, "rds:DescribeDB*Snapshots"));
            return line;
        }
    };
    let ours = snapshots.iter().filter(|it| it.source_tag.as_deref() == Some(&config.source.name));
    let Some((at, id)) = ours.filter_map(|it| it.created.map(|at| (at, &it.id))).max() else {
        line.unchecked("Landbridge has not created a snapshot yet", Some(list_schedules));
        return line;
    };
    let now = match crate::clock::Clock::from_env() {
        Ok(clock) => clock.now(),
        Err(failure) => {
            line.bad(failure.to_string(), "unset or correct the variable");
            return line;
        }
    };
    let age = now.duration_since(at);
    let every = SignedDuration::from_hours(i64::from(config.snapshots.every_hours));
    if age <= every + SNAPSHOT_MARGIN {
        line.good(format!("{id} is {} min old", age.as_mins().max(0)));
    } else {
        line.bad(
            format!("Landbridge's newest snapshot, {id}, is {} h old", age.as_hours()),
            format!(
                "check that the schedules are enabled ({list_schedules}), then read the log group /aws/lambda/landbridge-{}-snapshot",
                config.source.name
            ),
        );
    }
    line
}

async fn clock(region: &str) -> ReportLine {
    let mut line = ReportLine::new("aws", "clock");
    match server_time(&s3_endpoint(region)).await {
        Some(s3_time) => compare_clocks(&mut line, Timestamp::now(), s3_time),
        None => line.unchecked("S3 did not respond with a date", Some("date -u".to_owned())),
    }
    line
}

fn compare_clocks(line: &mut ReportLine, own_time: Timestamp, s3_time: Timestamp) {
    let off = own_time.duration_since(s3_time);
    if off.abs() <= MAX_CLOCK_SKEW {
        line.good(format!("{} s from S3's clock", off.as_secs().abs()));
    } else {
        let direction = if off.is_positive() { "ahead of" } else { "behind" };
        line.bad(
            format!("this machine's clock is {} s {direction} S3's", off.as_secs().abs()),
            "set the clock: AWS refuses requests signed with a time 15 minutes off, and tokens look expired",
        );
    }
}

/// The S3 endpoint, which is asked for the time without credentials.
fn s3_endpoint(region: &str) -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|url| !url.is_empty());
    variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL")).unwrap_or_else(|| {
        let end = if region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://s3.{region}.amazonaws.com{end}")
    })
}

/// The time in the `Date` header of a response.
async fn server_time(url: &str) -> Option<Timestamp> {
    let client = reqwest::Client::builder()
        .timeout(std::time::Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .ok()?;
    let answer = client.get(url).send().await.ok()?;
    let date = answer.headers().get("date")?.to_str().ok()?;
    Some(rfc2822::parse(date).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::super::line::CheckState;
    use super::*;

    #[test]
    fn a_clock_may_be_off_by_a_minute() {
        let s3_time: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        for (off, state, found) in [
            (0, CheckState::Good, "0 s from S3's clock"),
            (-60, CheckState::Good, "60 s from S3's clock"),
            (61, CheckState::Bad, "this machine's clock is 61 s ahead of S3's"),
            (-900, CheckState::Bad, "this machine's clock is 900 s behind S3's"),
        ] {
            let mut line = ReportLine::new("aws", "clock");
            compare_clocks(&mut line, s3_time + SignedDuration::from_secs(off), s3_time);
            assert_eq!((line.state, line.found.as_str()), (state, found));
        }
    }

    #[test]
    fn an_http_date_is_parsed() {
        let date = rfc2822::parse("Sat, 21 Nov 2026 00:00:00 GMT").unwrap();
        assert_eq!(date.timestamp().to_string(), "2026-11-21T00:00:00Z");
    }
}
