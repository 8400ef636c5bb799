//! The AWS side: account, source, quota, bucket, key and role, secret, schedules, clock. What IAM,
//! KMS and EventBridge Scheduler say of them is in modules of their own.

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use landbridge_aws::Aws;
use landbridge_aws::rds::SourceCandidate;
use landbridge_core::config::Config;
use landbridge_core::{ErrorKind, Result};
use landbridge_parquet::rewrite::TokenKey;

use super::files::Files;
use super::line::Line;
use super::role::account_of;
use super::signed::Signed;
use super::{Phase, advice, key, role, schedules};

/// How far this machine's clock may be off. S3 refuses signatures at 15 minutes (AWS
/// documentation, "Error responses", RequestTimeTooSkewed); much less is a fault already.
const SKEW: SignedDuration = SignedDuration::from_secs(60);
/// A snapshot is taken every hour; one that is older than two tells that nobody takes any.
const SILENCE: SignedDuration = SignedDuration::from_hours(2);

/// All lines of this side.
pub(super) async fn check(files: &Files, phase: Phase) -> Vec<Line> {
    let config = &files.config;
    let aws = Aws::from_env(&config.source.region, config.source.kind).await;
    let candidates = aws.rds.source_candidates().await;
    if candidates.as_ref().is_err_and(|error| error.kind() == ErrorKind::Transient) {
        let mut rest = Line::new("aws", "everything else");
        rest.unchecked("needs credentials, and an answer", None);
        return vec![account(config, &candidates), rest, clock(&config.source.region).await];
    }
    let mut lines =
        vec![account(config, &candidates), source(config, &candidates), quota(&aws, config).await];
    lines.extend(bucket(&aws, config, phase).await);
    let (of_role, of_key, deployed) = read(files, phase).await;
    lines.extend(of_role);
    lines.extend(of_key);
    lines.push(last_export(&aws, config).await);
    lines.extend(token_key(&aws, config, phase).await);
    lines.extend(deployed);
    lines.push(running(&aws, config, phase).await);
    lines.push(clock(&config.source.region).await);
    lines
}

fn account(config: &Config, candidates: &Result<Vec<SourceCandidate>>) -> Line {
    let mut line = Line::new("aws", "credentials");
    let all = match candidates {
        Ok(all) => all,
        Err(error) => {
            let how = match error.kind() {
                ErrorKind::Denied => {
                    "sign in (AWS_PROFILE, aws sso login) as somebody with the right \
                                 rds:Describe*"
                        .to_owned()
                }
                _ => "see that there are credentials (aws sts get-caller-identity) and that this \
                      machine reaches RDS"
                    .to_owned(),
            };
            line.failed(error, how);
            return line;
        }
    };
    let configured = account_of(&config.export.role_arn);
    match all.first().map(SourceCandidate::account) {
        Some(account) if account == configured => line.good(format!("account {account}")),
        Some(account) => line.bad(
            format!("these are of account {account}, export.role_arn is of {configured}"),
            "sign in to the other account, or correct export.role_arn and export.kms_key",
        ),
        None => line.unchecked(
            format!("they are accepted; that they are of account {configured} is not seen"),
            Some("aws sts get-caller-identity".to_owned()),
        ),
    }
    line
}

fn source(config: &Config, candidates: &Result<Vec<SourceCandidate>>) -> Line {
    let mut line = Line::new("aws", "source");
    let source = &config.source;
    let (kind, id, region) = (source.kind.as_str(), &source.id, &source.region);
    let Ok(all) = candidates else {
        line.unchecked("needs credentials", None);
        return line;
    };
    match all.iter().find(|it| it.kind == source.kind && it.id == *id) {
        Some(it) if it.status == "available" => {
            let storage = it.storage_gib.map_or(String::new(), |gib| format!(", {gib} GiB"));
            line.good(format!("{kind} {id}, {}{storage}, available", it.engine));
        }
        Some(it) => line.bad(
            format!("{kind} {id} is {}", it.status),
            "only an available database can be snapshotted: start it, or wait",
        ),
        None => {
            let names: Vec<String> =
                all.iter().map(|it| format!("{} {}", it.kind.as_str(), it.id)).collect();
            let there =
                if names.is_empty() { "no database at all".to_owned() } else { names.join(", ") };
            line.bad(
                format!("there is no {kind} {id} in {region}"),
                format!("correct source.id, source.kind or source.region; {region} has {there}"),
            );
        }
    }
    line
}

async fn quota(aws: &Aws, config: &Config) -> Line {
    let mut line = Line::new("aws", "snapshot quota");
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
            "RDS does not tell it",
            Some("aws rds describe-account-attributes".to_owned()),
        );
        return line;
    };
    let ours = |it: &&landbridge_core::retention::ManualSnapshot| {
        it.source_tag.as_deref() == Some(config.source.name.as_str())
    };
    let ours = snapshots.iter().filter(ours).count() as u64;
    let others = quota.used.saturating_sub(ours);
    let ladder = u64::from(kept.hourly) + u64::from(kept.daily) + u64::from(kept.weekly);
    let found = format!("{} of {} used, {others} of them not ours", quota.used, quota.max);
    if quota.max < u64::from(kept.quota) {
        line.bad(
            format!("{found}; snapshots.quota says {}", kept.quota),
            format!("set snapshots.quota to {}, or have AWS raise the quota", quota.max),
        );
    } else if others + ladder > quota.max {
        line.bad(
            format!("{found}; the ladder keeps {ladder}"),
            format!(
                "keep fewer (snapshots.hourly, daily, weekly), delete {} of the others, or have AWS raise the quota",
                others + ladder - quota.max
            ),
        );
    } else {
        line.good(format!("{found}; the ladder keeps {ladder}"));
    }
    line
}

async fn bucket(aws: &Aws, config: &Config, phase: Phase) -> [Line; 3] {
    let mut there = Line::new("aws", "export bucket");
    let mut encrypted = Line::new("aws", "bucket encryption");
    let mut private = Line::new("aws", "bucket privacy");
    let (name, region) = (&config.export.bucket, &config.source.region);
    let exists = match aws.s3.bucket_region(name).await {
        Ok(Some(found)) if found == *region => {
            there.good(format!("{name} in {found}"));
            true
        }
        Ok(Some(found)) => {
            there.bad(
                format!("{name} is in {found}, the source in {region}"),
                "RDS exports to a bucket of its own region only: name another in export.bucket",
            );
            false
        }
        Ok(None) => {
            let advice = "correct export.bucket, or make it: terraform apply";
            there = phase.missing(there, &format!("there is no bucket {name}"), advice);
            false
        }
        Err(error) => {
            // Names of buckets are the world's: somebody else may have taken it.
            let advice = format!(
                "{}; if the bucket is another account's, name another",
                advice(&error, "s3:ListBucket")
            );
            there.failed(&error, advice);
            false
        }
    };
    if !exists {
        encrypted.unchecked("needs the bucket", None);
        private.unchecked("needs the bucket", None);
        return [there, encrypted, private];
    }
    match aws.s3.bucket_encryption(name).await {
        Ok(Some(how)) => encrypted.good(how),
        Ok(None) => {
            encrypted.bad("objects are not encrypted by default", "terraform apply sets it")
        }
        Err(error) => unread(
            &mut encrypted,
            &error,
            format!("aws s3api get-bucket-encryption --bucket {name}"),
        ),
    }
    match aws.s3.blocks_public_access(name).await {
        Ok(true) => private.good("all public access is blocked"),
        Ok(false) => private.bad(
            "public access is not blocked: a policy could open it to everybody",
            "terraform apply sets it",
        ),
        Err(error) => unread(
            &mut private,
            &error,
            format!("aws s3api get-public-access-block --bucket {name}"),
        ),
    }
    [there, encrypted, private]
}

/// What cannot be read for want of a right, or since the server has no such call, is not bad.
fn unread(line: &mut Line, error: &landbridge_core::Error, look: String) {
    line.unchecked(error.to_string(), Some(look));
}

/// What IAM, KMS and EventBridge Scheduler say: of the role, of the key, of the schedules.
async fn read(files: &Files, phase: Phase) -> (Vec<Line>, Vec<Line>, Vec<Line>) {
    let config = &files.config;
    let signed = match Signed::from_env(&config.source.region).await {
        Ok(signed) => signed,
        Err(error) => {
            let mut line = Line::new("aws", "role, key and schedules");
            line.failed(&error, advice(&error, "to read them"));
            return (vec![line], Vec::new(), Vec::new());
        }
    };
    let (of_role, of_key, deployed) = tokio::join!(
        role::check(&signed, config, phase),
        key::check(&signed, config, phase),
        schedules::check(&signed, config, files.schedules.as_deref(), phase)
    );
    (of_role.into(), of_key.into(), deployed)
}

/// Role and key show themselves in an export: RDS assumes the one and encrypts with the other.
async fn last_export(aws: &Aws, config: &Config) -> Line {
    let mut line = Line::new("aws", "export role and key");
    match aws.rds.last_export(&config.export.bucket, &config.export.role_arn).await {
        Ok(Some(last)) if last.status == "COMPLETE" => {
            let at =
                last.started.map(|at| format!(" of {}", at.strftime("%F"))).unwrap_or_default();
            line.good(format!("the export {}{at} was written by them", last.id));
        }
        Ok(Some(last)) if last.status == "FAILED" => line.bad(
            format!("the export {} failed: {}", last.id, last.failure.unwrap_or_default()),
            "see the lines of both above, and what RDS says of the export in its console",
        ),
        Ok(Some(last)) => {
            line.unchecked(format!("the export {} is {}", last.id, last.status), None)
        }
        Ok(None) => line.unchecked("no export has shown yet that RDS can use them", None),
        Err(error) => line.failed(&error, advice(&error, "rds:DescribeExportTasks")),
    }
    line
}

async fn token_key(aws: &Aws, config: &Config, phase: Phase) -> Option<Line> {
    let secret = config.transfer.token_key.as_deref()?;
    let mut line = Line::new("aws", "key of tokens");
    match aws.secrets.get(secret).await {
        Ok(value) => match TokenKey::parse(value.bytes(), secret) {
            Ok(_) => line.good(format!("{secret} holds one")),
            Err(error) => line.failed(
                &error,
                "put a key of 32 random bytes there, or name a new secret and run `landbridge key create`",
            ),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let what = format!("the secret {secret} is not there, or empty");
            line = phase.missing(line, &what, "landbridge key create");
        }
        // Only the transfer may read it: a person need not be able to.
        Err(error) if error.kind() == ErrorKind::Denied => line.unchecked(
            format!("these credentials may not read {secret}"),
            Some(format!("aws secretsmanager describe-secret --secret-id {secret}")),
        ),
        Err(error) => line.failed(&error, advice(&error, "secretsmanager:GetSecretValue")),
    }
    Some(line)
}

/// Whether the schedules are on shows in the snapshots that they take.
async fn running(aws: &Aws, config: &Config, phase: Phase) -> Line {
    let mut line = Line::new("aws", "schedules at work");
    let look =
        format!("aws scheduler list-schedules --group-name landbridge-{}", config.source.name);
    if phase.before_apply {
        line.unchecked("nothing runs before `terraform apply`", None);
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
        line.unchecked("no snapshot of ours is there yet", Some(look));
        return line;
    };
    let now = match crate::clock::Clock::from_env() {
        Ok(clock) => clock.now(),
        Err(failure) => {
            line.bad(failure.to_string(), "remove or correct the variable");
            return line;
        }
    };
    let age = now.duration_since(at);
    if age <= SILENCE {
        line.good(format!("{id} is {} min old", age.as_mins().max(0)));
    } else {
        line.bad(
            format!("the newest snapshot of ours, {id}, is {} h old", age.as_hours()),
            format!("see that the schedules are enabled ({look}) and what /aws/lambda/landbridge-{}-snapshot logs", config.source.name),
        );
    }
    line
}

async fn clock(region: &str) -> Line {
    let mut line = Line::new("aws", "clock");
    match date_of(&endpoint(region)).await {
        Some(theirs) => judge(&mut line, Timestamp::now(), theirs),
        None => line.unchecked("S3 does not answer with a date", Some("date -u".to_owned())),
    }
    line
}

fn judge(line: &mut Line, ours: Timestamp, theirs: Timestamp) {
    let off = ours.duration_since(theirs);
    if off.abs() <= SKEW {
        line.good(format!("{} s from that of S3", off.as_secs().abs()));
    } else {
        let which = if off.is_positive() { "ahead of" } else { "behind" };
        line.bad(
            format!("this machine's is {} s {which} that of S3", off.as_secs().abs()),
            "set it: requests that are signed 15 minutes off are refused, and tokens look expired",
        );
    }
}

/// Where S3 is asked for the time, with nobody's credentials.
fn endpoint(region: &str) -> String {
    let own = |name: &str| std::env::var(name).ok().filter(|url| !url.is_empty());
    own("AWS_ENDPOINT_URL_S3").or_else(|| own("AWS_ENDPOINT_URL")).unwrap_or_else(|| {
        let end = if region.starts_with("cn-") { ".cn" } else { "" };
        format!("https://s3.{region}.amazonaws.com{end}")
    })
}

async fn date_of(url: &str) -> Option<Timestamp> {
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
    use super::super::line::State;
    use super::*;

    #[test]
    fn a_clock_may_be_off_by_a_minute() {
        let theirs: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
        for (off, state, found) in [
            (0, State::Good, "0 s from that of S3"),
            (-60, State::Good, "60 s from that of S3"),
            (61, State::Bad, "this machine's is 61 s ahead of that of S3"),
            (-900, State::Bad, "this machine's is 900 s behind that of S3"),
        ] {
            let mut line = Line::new("aws", "clock");
            judge(&mut line, theirs + SignedDuration::from_secs(off), theirs);
            assert_eq!((line.state, line.found.as_str()), (state, found));
        }
    }

    #[test]
    fn the_date_of_http_is_read() {
        let date = rfc2822::parse("Sat, 21 Nov 2026 00:00:00 GMT").unwrap();
        assert_eq!(date.timestamp().to_string(), "2026-11-21T00:00:00Z");
    }
}
