//! What is asked, and where each answer comes from: an option, the account, the terminal.

use landbridge_aws::rds::SourceCandidate;
use landbridge_core::config::SourceKind;

use super::InitArgs;
use super::terminal::Terminal;
use crate::failure::{Failure, Result};

/// Everything the files are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) name: String,
    pub(super) kind: SourceKind,
    pub(super) source: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) zone: String,
    pub(super) project: String,
    pub(super) location: String,
    pub(super) dataset: String,
    pub(super) export_bucket: String,
    pub(super) landing_bucket: String,
}

/// Regions whose nearest Google Cloud location and whose people's time zone are known. Both are
/// only proposed.
const NEAREST: [(&str, &str, &str); 12] = [
    ("ap-northeast-2", "asia-northeast3", "Asia/Seoul"),
    ("ap-northeast-1", "asia-northeast1", "Asia/Tokyo"),
    ("ap-northeast-3", "asia-northeast2", "Asia/Tokyo"),
    ("ap-southeast-1", "asia-southeast1", "Asia/Singapore"),
    ("ap-southeast-2", "australia-southeast1", "Australia/Sydney"),
    ("ap-south-1", "asia-south1", "Asia/Kolkata"),
    ("eu-central-1", "europe-west3", "Europe/Berlin"),
    ("eu-west-1", "europe-west1", "Europe/Dublin"),
    ("eu-west-2", "europe-west2", "Europe/London"),
    ("us-east-1", "us-east4", "America/New_York"),
    ("us-east-2", "us-east5", "America/New_York"),
    ("us-west-2", "us-west1", "America/Los_Angeles"),
];

/// The region: asked first, since the account is looked at in it.
pub(super) fn region(args: &InitArgs, terminal: Option<&mut Terminal>) -> Result<String> {
    let environment = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|region| !region.is_empty()));
    match (&args.region, environment, terminal) {
        (Some(region), _, _) => Ok(region.clone()),
        (None, from, Some(terminal)) => {
            terminal.ask("AWS region of the database", from.as_deref(), &any)
        }
        (None, Some(region), None) => Ok(region),
        (None, None, None) => Err(missing(&["--region", "--project"])),
    }
}

/// All answers. Without a terminal, what has no answer is told at once.
pub(super) fn collect(
    args: &InitArgs,
    region: String,
    found: &[SourceCandidate],
    mut terminal: Option<&mut Terminal>,
) -> Result<Answers> {
    let near = NEAREST.iter().find(|(name, ..)| *name == region);
    let candidate = database(args, found, terminal.as_deref_mut())?;
    let mut open = Open { terminal, missing: Vec::new() };

    let given = args.source.clone().or_else(|| candidate.map(|it| it.id.clone()));
    let source = open.answer(given, "--source", "DB instance or cluster in RDS", None, &any)?;
    let known = args.kind.map(SourceKind::from).or_else(|| candidate.map(|it| it.kind));
    let kind = match known {
        Some(kind) => kind,
        None => {
            let question = "Is it an instance or a cluster?";
            let word = open.answer(None, "--kind", question, Some("instance"), &kind_word)?;
            if word == "cluster" { SourceKind::Cluster } else { SourceKind::Instance }
        }
    };
    let account = args.account.clone().or_else(|| candidate.map(|it| it.account().to_owned()));
    let account =
        open.answer(account, "--account", "AWS account, 12 digits", None, &account_word)?;
    let project =
        open.answer(args.project.clone(), "--project", "Google Cloud project id", None, &any)?;
    let proposed = short(&source);
    let name =
        open.proposed(args.name.clone(), "Short name, from which everything is named", &proposed)?;
    let zone = near.map_or("UTC", |(_, _, zone)| *zone);
    let zone = open.proposed(args.zone.clone(), "Time zone in which a day is a day", zone)?;
    let location = match near {
        Some((_, location, _)) => {
            open.proposed(args.location.clone(), "Location of the datasets", location)?
        }
        None => {
            let question = "Location of the datasets";
            open.answer(args.location.clone(), "--location", question, None, &any)?
        }
    };
    let dataset = name.replace('-', "_");
    let dataset = open.proposed(args.dataset.clone(), "Dataset of the tables", &dataset)?;
    open.done()?;
    let export_bucket = format!("{name}-exports-{account}");
    let landing_bucket = format!("{project}-{name}-landing");
    Ok(Answers {
        export_bucket: args.export_bucket.clone().unwrap_or(export_bucket),
        landing_bucket: args.landing_bucket.clone().unwrap_or(landing_bucket),
        name,
        kind,
        source,
        region,
        account,
        zone,
        project,
        location,
        dataset,
    })
}

/// Which of the account's databases is meant; none when nothing was found.
fn database<'a>(
    args: &InitArgs,
    found: &'a [SourceCandidate],
    terminal: Option<&mut Terminal>,
) -> Result<Option<&'a SourceCandidate>> {
    let kind = args.kind.map(SourceKind::from);
    let fits: Vec<&SourceCandidate> = found
        .iter()
        .filter(|it| kind.is_none_or(|kind| it.kind == kind))
        .filter(|it| args.source.as_ref().is_none_or(|id| *id == it.id))
        .collect();
    match (fits.as_slice(), terminal) {
        ([], _) if found.is_empty() => Ok(None),
        ([], _) => Err(Failure::Usage(format!(
            "there is no such database; there are {}",
            listed(found.iter())
        ))),
        ([only], _) => Ok(Some(only)),
        (several, None) => Err(Failure::Usage(format!(
            "there are several databases, say which with --source: {}",
            listed(several.iter().copied())
        ))),
        (several, Some(terminal)) => {
            for (number, it) in (1..).zip(several) {
                let line = format!(
                    "  {number}  {} {}, {}, {}\n",
                    it.kind.as_str(),
                    it.id,
                    it.engine,
                    it.status
                );
                terminal.say(&line)?;
            }
            let count = several.len();
            let judge = |answer: &str| match answer.parse::<usize>() {
                Ok(number) if (1..=count).contains(&number) => Ok(()),
                _ => Err(format!("a number from 1 to {count}")),
            };
            let answer = terminal.ask("Which database", Some("1"), &judge)?;
            let number: usize = answer.parse().unwrap_or(1);
            Ok(several.get(number - 1).copied())
        }
    }
}

fn listed<'a>(all: impl Iterator<Item = &'a SourceCandidate>) -> String {
    let names: Vec<String> = all.map(|it| format!("{} {}", it.kind.as_str(), it.id)).collect();
    names.join(", ")
}

/// Answers that are not there yet.
struct Open<'a> {
    terminal: Option<&'a mut Terminal>,
    missing: Vec<&'static str>,
}

impl Open<'_> {
    /// The answer that is given, else asked for; without a terminal it is missing, unless it has
    /// a default.
    fn answer(
        &mut self,
        given: Option<String>,
        option: &'static str,
        question: &str,
        default: Option<&str>,
        judge: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<String> {
        match (given, self.terminal.as_mut()) {
            (Some(given), _) => {
                judge(&given).map_err(|why| Failure::Usage(format!("{option} {given}: {why}")))?;
                Ok(given)
            }
            (None, Some(terminal)) => terminal.ask(question, default, judge),
            (None, None) => {
                self.missing.push(option);
                Ok(String::new())
            }
        }
    }

    /// The answer that is given, else asked for with a proposal; without a terminal the proposal.
    fn proposed(
        &mut self,
        given: Option<String>,
        question: &str,
        proposal: &str,
    ) -> Result<String> {
        match (given, self.terminal.as_mut()) {
            (Some(given), _) => Ok(given),
            (None, Some(terminal)) => terminal.ask(question, Some(proposal), &any),
            (None, None) => Ok(proposal.to_owned()),
        }
    }

    fn done(self) -> Result {
        if self.missing.is_empty() { Ok(()) } else { Err(missing(&self.missing)) }
    }
}

fn missing(options: &[&str]) -> Failure {
    Failure::Usage(format!(
        "this is no terminal, so nothing can be asked; say {}",
        options.join(", ")
    ))
}

/// A name made from an id: what a source's name may hold, not too long.
fn short(id: &str) -> String {
    let base = id.trim_end_matches("-prod").trim_end_matches("-production");
    base.to_ascii_lowercase().chars().take(20).collect::<String>().trim_end_matches('-').to_owned()
}

/// The file's own check judges these.
fn any(_: &str) -> Result<(), String> {
    Ok(())
}

fn kind_word(word: &str) -> Result<(), String> {
    match word {
        "instance" | "cluster" => Ok(()),
        _ => Err("instance or cluster".to_owned()),
    }
}

fn account_word(account: &str) -> Result<(), String> {
    let good = account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit());
    if good { Ok(()) } else { Err("12 digits: aws sts get-caller-identity".to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};
    use std::sync::{Arc, Mutex};

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        init: InitArgs,
    }

    fn args(options: &[&str]) -> InitArgs {
        Line::parse_from([&["init"], options].concat()).init
    }

    fn candidate(kind: SourceKind, id: &str) -> SourceCandidate {
        SourceCandidate {
            kind,
            id: id.to_owned(),
            arn: format!("arn:aws:rds:ap-northeast-2:123456789012:db:{id}"),
            engine: "postgres".to_owned(),
            status: "available".to_owned(),
            storage_gib: Some(20),
        }
    }

    /// What was asked.
    #[derive(Clone, Default)]
    struct Asked(Arc<Mutex<Vec<u8>>>);

    impl Write for Asked {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("a lock").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_terminal_is_asked_what_is_open() {
        let asked = Asked::default();
        let answers = "2\nshop-analytics\n\n\n\nmine\n";
        let mut terminal = Terminal::new(Cursor::new(answers), asked.clone());
        let found =
            [candidate(SourceKind::Instance, "a"), candidate(SourceKind::Instance, "shop-prod")];
        let got =
            collect(&args(&[]), "ap-northeast-2".into(), &found, Some(&mut terminal)).expect("all");
        assert_eq!(
            got,
            Answers {
                name: "shop".into(),
                kind: SourceKind::Instance,
                source: "shop-prod".into(),
                region: "ap-northeast-2".into(),
                account: "123456789012".into(),
                zone: "Asia/Seoul".into(),
                project: "shop-analytics".into(),
                location: "asia-northeast3".into(),
                dataset: "mine".into(),
                export_bucket: "shop-exports-123456789012".into(),
                landing_bucket: "shop-analytics-shop-landing".into(),
            }
        );
        let text = String::from_utf8(asked.0.lock().expect("a lock").clone()).expect("text");
        expect_test::expect![[r#"
            "  1  instance a, postgres, available\n  2  instance shop-prod, postgres, available\nWhich database [1]: Google Cloud project id: Short name, from which everything is named [shop]: Time zone in which a day is a day [Asia/Seoul]: Location of the datasets [asia-northeast3]: Dataset of the tables [shop]: "
        "#]]
        .assert_debug_eq(&text);
    }

    #[test]
    fn without_a_terminal_everything_that_is_missing_is_named() {
        let instance = |id| candidate(SourceKind::Instance, id);
        let said = |options: &[&str], found: &[SourceCandidate]| {
            collect(&args(options), "eu-north-1".into(), found, None)
                .expect_err("something is missing")
                .to_string()
        };
        let nothing = "this is no terminal, so nothing can be asked; say ";
        assert_eq!(
            said(&[], &[]),
            format!("{nothing}--source, --kind, --account, --project, --location")
        );
        assert_eq!(said(&[], &[instance("a")]), format!("{nothing}--project, --location"));
        assert_eq!(
            said(&[], &[instance("a"), candidate(SourceKind::Cluster, "b")]),
            "there are several databases, say which with --source: instance a, cluster b"
        );
        assert_eq!(
            said(&["--source", "c"], &[instance("a")]),
            "there is no such database; there are instance a"
        );
        assert_eq!(
            said(&["--account", "12"], &[]),
            "--account 12: 12 digits: aws sts get-caller-identity"
        );
    }

    #[test]
    fn names_are_made_from_ids() {
        for (id, name) in [
            ("shop-prod", "shop"),
            ("Orders", "orders"),
            ("a-very-long-identifier-of-a-database", "a-very-long-identifi"),
        ] {
            assert_eq!(short(id), name);
        }
    }
}
