//! The plan and the report as text.

use landbridge_probe::google::{self, Options};
use landbridge_probe::{Report, Verdict, aws};

use crate::paint::Paint;
use crate::render::{self, counted, left};

/// What a run creates and what it costs. For the person at the terminal: a plan has names, a report has none.
pub(super) fn plan(options: &Options) -> String {
    let Options { project, location, bucket, .. } = options;
    let claims =
        if options.claims.is_empty() { google::claims().len() } else { options.claims.len() };
    let persona = |account: &Option<String>, option: &str| match account {
        Some(account) => account.clone(),
        None => format!("none: claims that need {option} are not tested"),
    };
    format!(
        "landbridge probe google: {claims}\n  \
           dataset         {marker}<time>_<random> in {project}, {location}, and up to four more with a number; tables expire after 24 hours\n  \
           taxonomy        of the same name, and a second one, with 13 policy tags and about 11 data policies\n  \
           objects         gs://{bucket}/{prefix}<time>_<random>/, less than 3 MB\n  \
           rows            generated; no row of yours is read\n  \
           masked reader   {masked}\n  \
           plain reader    {plain}\n  \
           federation      {federation}\n  \
           calls           about 940 and more while it waits, of which about 190 are queries that read less than 10 MB each\n  \
           cost            nothing within the free 1 TB of queries a month, otherwise less than 0.01 USD\n  \
           time            10 to 30 minutes, most of it waiting for policies to take effect\n  \
           at the end      all of it is deleted\n",
        claims = counted(claims, "claim"),
        marker = google::MARKER,
        prefix = google::PREFIX,
        masked = persona(&options.masked_reader, "--masked-reader"),
        plain = persona(&options.plain_reader, "--plain-reader"),
        federation = federation(options),
    )
}

/// Which AWS roles ask which provider for tokens.
fn federation(options: &Options) -> String {
    let Some(federation) = &options.federation else {
        return "none: claims that need --federation are not tested".to_owned();
    };
    let given = |is_given: bool, option: &str| match is_given {
        true => format!("the role of {option}"),
        false => format!("no role of {option}"),
    };
    format!(
        "{} and {} ask {}",
        given(federation.admitted.is_some(), "--admitted"),
        given(federation.other.is_some(), "--other"),
        federation.account.audience().trim_start_matches("//iam.googleapis.com/"),
    )
}

/// What a run on AWS does and what it costs.
pub(super) fn aws_plan(options: &aws::Options) -> String {
    let export = match &options.export {
        Some(prefix) => {
            format!("names, sizes, manifests and up to 300 footers below {prefix}; no row")
        }
        None => "none: claims that need --export are not tested".to_owned(),
    };
    let writes = match options.writes {
        true => format!(
            "about 30 objects of a few bytes in s3://{}/{}<time>_<random>/, deleted at the end",
            options.bucket,
            google::PREFIX
        ),
        false => "none: claims that need --write are not tested".to_owned(),
    };
    let signs = match &options.signing_key {
        Some(key) => format!("two generated texts with {key}"),
        None => "none: landbridge.yaml has no proof.sign".to_owned(),
    };
    format!(
        "landbridge probe aws: {claims}\n  \
           reads   quotas, snapshots of {source}, export tasks, what IAM's simulator says of roles and keys\n  \
           export  {export}\n  \
           signs   {signs}\n  \
           writes  {writes}\n  \
           cost    less than 0.01 USD\n",
        claims = counted(aws::CLAIMS.len(), "claim"),
        source = options.source,
    )
}

/// The report.
pub(super) fn report(report: &Report) -> String {
    let paint = Paint::stdout();
    let rows = report.findings.iter().map(|finding| {
        vec![
            finding.claim.to_owned(),
            finding.verdict.name().to_owned(),
            finding.seen.as_str().to_owned(),
        ]
    });
    let table =
        render::table(&[left("claim"), left("verdict"), left("what was seen")], rows.collect(), 0);
    let summary = format!(
        "{}: {} hold, {} not hold, {} not tested",
        counted(report.findings.len(), "claim"),
        report.holds,
        match report.does_not_hold {
            1 => "1 does".to_owned(),
            number => format!("{number} do"),
        },
        report.not_tested
    );
    let fails = report.findings.iter().any(|it| it.verdict == Verdict::DoesNotHold);
    let summary = if fails { paint.red(&summary) } else { paint.bold(&summary) };
    let cleaned = match report.cleaned_up {
        true => "nothing that the run created is left",
        false => "something that was created may be left; run `landbridge probe clean`",
    };
    format!("{table}\n{summary}\n{cleaned}\n")
}
