//! Collects the answers: from an option, else from the AWS account, else from the terminal.

use landbridge_aws::rds::SourceCandidate;
use landbridge_core::config::SourceKind;

use super::InitArgs;
use super::terminal::Terminal;
use crate::failure::{Failure, Result};

/// All values that the files are generated from.
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
    /// Who sees personal data masked: members of IAM policies.
    pub(super) masked_readers: Vec<String>,
    /// Who sees personal data.
    pub(super) readers: Vec<String>,
    pub(super) export_bucket: String,
    pub(super) landing_bucket: String,
}

/// The answer that names no reader.
const NO_MEMBERS: &str = "none";

/// AWS regions with the nearest Google Cloud location and the local time zone. Both are only proposals.
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

/// The region. It is asked first, because the account's databases are read in it.
pub(super) fn region(args: &InitArgs, terminal: Option<&mut Terminal>) -> Result<String> {
    let environment = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|region| !region.is_empty()));
    match (&args.region, environment, terminal) {
        (Some(region), _, _) => Ok(region.clone()),
        (None, from, Some(terminal)) => {
            terminal.ask("AWS region of the database", from.as_deref(), &any_value)
        }
        (None, Some(region), None) => Ok(region),
        (None, None, None) => Err(missing(&["--region", "--project"])),
    }
}

/// Collects all answers. Without a terminal, the error names all missing options at once.
pub(super) fn collect(
    args: &InitArgs,
    region: String,
    found: &[SourceCandidate],
    mut terminal: Option<&mut Terminal>,
) -> Result<Answers> {
    let nearest = NEAREST.iter().find(|(name, ..)| *name == region);
    let candidate = select_database(args, found, terminal.as_deref_mut())?;
    let mut questions = Questions { terminal, missing: Vec::new() };

    let given = args.source.clone().or_else(|| candidate.map(|it| it.id.clone()));
    let source =
        questions.answer(given, "--source", "DB instance or cluster in RDS", None, &any_value)?;
    let kind = questions.kind(args, candidate)?;
    let account = args.account.clone().or_else(|| candidate.map(|it| it.account().to_owned()));
    let account = questions.answer(
        account,
        "--account",
        "AWS account, 12 digits",
        None,
        &validate_account,
    )?;
    let project = questions.answer(
        args.project.clone(),
        "--project",
        "Google Cloud project id",
        None,
        &any_value,
    )?;
    let proposed = short_name(&source);
    let name = questions.with_proposal(
        args.name.clone(),
        "Short name, part of every resource's name",
        &proposed,
    )?;
    let zone = nearest.map_or("UTC", |(_, _, zone)| *zone);
    let zone =
        questions.with_proposal(args.zone.clone(), "Time zone of days and schedules", zone)?;
    let location = questions.location(args, nearest.map(|(_, location, _)| *location))?;
    let dataset = name.replace('-', "_");
    let dataset =
        questions.with_proposal(args.dataset.clone(), "Dataset of the tables", &dataset)?;
    let masked_readers = questions.members(
        &args.masked_reader,
        "Who sees personal data masked? Groups such as group:analysts@example.com, separated by commas",
    )?;
    let readers = questions.members(&args.reader, "Who sees personal data in plain text?")?;
    questions.finish()?;
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
        masked_readers,
        readers,
    })
}

/// Selects one of the account's databases; `None` if the account was not read or has none.
fn select_database<'a>(
    args: &InitArgs,
    found: &'a [SourceCandidate],
    terminal: Option<&mut Terminal>,
) -> Result<Option<&'a SourceCandidate>> {
    let kind = args.kind.map(SourceKind::from);
    let matching: Vec<&SourceCandidate> = found
        .iter()
        .filter(|it| kind.is_none_or(|kind| it.kind == kind))
        .filter(|it| args.source.as_ref().is_none_or(|id| *id == it.id))
        .collect();
    match (matching.as_slice(), terminal) {
        ([], _) if found.is_empty() => Ok(None),
        ([], _) => Err(Failure::Usage(format!(
            "the account has no such database. It has: {}",
            listed(found.iter())
        ))),
        ([only], _) => Ok(Some(only)),
        (several, None) => Err(Failure::Usage(format!(
            "the account has several databases. Choose one with --source: {}",
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
                terminal.print(&line)?;
            }
            let count = several.len();
            let validate = |answer: &str| match answer.parse::<usize>() {
                Ok(number) if (1..=count).contains(&number) => Ok(()),
                _ => Err(format!("must be a number from 1 to {count}")),
            };
            let answer = terminal.ask("Which database", Some("1"), &validate)?;
            let number: usize = answer.parse().unwrap_or(1);
            Ok(several.get(number - 1).copied())
        }
    }
}

fn listed<'a>(all: impl Iterator<Item = &'a SourceCandidate>) -> String {
    let names: Vec<String> = all.map(|it| format!("{} {}", it.kind.as_str(), it.id)).collect();
    names.join(", ")
}

/// Asks for answers, or records them as missing if there is no terminal.
struct Questions<'a> {
    terminal: Option<&'a mut Terminal>,
    missing: Vec<&'static str>,
}

impl Questions<'_> {
    /// Returns the given answer, else asks for it. Without a terminal, the option is missing.
    fn answer(
        &mut self,
        given: Option<String>,
        option: &'static str,
        question: &str,
        default: Option<&str>,
        validate: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<String> {
        match (given, self.terminal.as_mut()) {
            (Some(given), _) => {
                validate(&given)
                    .map_err(|why| Failure::Usage(format!("{option} {given}: {why}")))?;
                Ok(given)
            }
            (None, Some(terminal)) => terminal.ask(question, default, validate),
            (None, None) => {
                self.missing.push(option);
                Ok(String::new())
            }
        }
    }

    /// Returns the given answer, else asks with a proposal. Without a terminal, returns the proposal.
    fn with_proposal(
        &mut self,
        given: Option<String>,
        question: &str,
        proposal: &str,
    ) -> Result<String> {
        match (given, self.terminal.as_mut()) {
            (Some(given), _) => Ok(given),
            (None, Some(terminal)) => terminal.ask(question, Some(proposal), &any_value),
            (None, None) => Ok(proposal.to_owned()),
        }
    }

    /// What the source is: the given word, else what RDS says of the database, else the answer.
    fn kind(&mut self, args: &InitArgs, candidate: Option<&SourceCandidate>) -> Result<SourceKind> {
        let known = args.kind.map(SourceKind::from).or_else(|| candidate.map(|it| it.kind));
        if let Some(kind) = known {
            return Ok(kind);
        }
        let question = "Is it an instance or a cluster?";
        let word = self.answer(None, "--kind", question, Some("instance"), &validate_kind)?;
        Ok(if word == "cluster" { SourceKind::Cluster } else { SourceKind::Instance })
    }

    /// Where the datasets are. The location `nearest` to the AWS region is proposed; without one, the option is needed.
    fn location(&mut self, args: &InitArgs, nearest: Option<&str>) -> Result<String> {
        let (given, question) = (args.location.clone(), "Location of the datasets");
        match nearest {
            Some(nearest) => self.with_proposal(given, question, nearest),
            None => self.answer(given, "--location", question, None, &any_value),
        }
    }

    /// Returns the given members, else asks for them. Without a terminal, there are none: each person who may
    /// read is named by a person.
    fn members(&mut self, given: &[String], question: &str) -> Result<Vec<String>> {
        match self.terminal.as_mut() {
            Some(terminal) if given.is_empty() => {
                let answer = terminal.ask(question, Some(NO_MEMBERS), &validate_members)?;
                Ok(members_in(&answer).map(str::to_owned).collect())
            }
            _ => Ok(given.to_vec()),
        }
    }

    fn finish(self) -> Result {
        if self.missing.is_empty() { Ok(()) } else { Err(missing(&self.missing)) }
    }
}

fn missing(options: &[&str]) -> Failure {
    Failure::Usage(format!(
        "standard input is not a terminal, so the command cannot ask: give {}",
        options.join(", ")
    ))
}

/// A source name from a database id: lower case, at most 20 characters, without `-prod`.
fn short_name(id: &str) -> String {
    let base = id.trim_end_matches("-prod").trim_end_matches("-production");
    base.to_ascii_lowercase().chars().take(20).collect::<String>().trim_end_matches('-').to_owned()
}

/// Accepts any answer: the configuration's own validation checks it.
fn any_value(_: &str) -> Result<(), String> {
    Ok(())
}

fn validate_kind(word: &str) -> Result<(), String> {
    match word {
        "instance" | "cluster" => Ok(()),
        _ => Err("must be instance or cluster".to_owned()),
    }
}

/// The members in an answer; none in [`NO_MEMBERS`].
fn members_in(answer: &str) -> impl Iterator<Item = &str> {
    answer.split([',', ' ']).filter(|it| !it.is_empty() && *it != NO_MEMBERS)
}

/// Checks the form of each member, as the configuration's own validation does.
fn validate_members(answer: &str) -> Result<(), String> {
    let is_member = |it: &str| match it.split_once(':') {
        Some(("group" | "user" | "serviceAccount", address)) => address.contains('@'),
        Some((kind, rest)) => !kind.is_empty() && !rest.is_empty(),
        None => false,
    };
    match members_in(answer).find(|it| !is_member(it)) {
        None => Ok(()),
        Some(other) => {
            Err(format!("{other}: write it in the form group:analysts@example.com, or user:…"))
        }
    }
}

fn validate_account(account: &str) -> Result<(), String> {
    let good = account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit());
    if good {
        Ok(())
    } else {
        Err("must have 12 digits; see aws sts get-caller-identity".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};
    use std::sync::{Arc, Mutex};

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct TestCommand {
        #[command(flatten)]
        init: InitArgs,
    }

    fn args(options: &[&str]) -> InitArgs {
        TestCommand::parse_from([&["init"], options].concat()).init
    }

    fn candidate(kind: SourceKind, id: &str) -> SourceCandidate {
        SourceCandidate {
            kind,
            id: id.to_owned(),
            arn: format!("arn:aws:rds:ap-northeast-2:123456789012:db:{id}"),
            engine: "postgres".to_owned(),
            status: "available".to_owned(),
            storage_gib: Some(20),
            storage_type: "gp3".to_owned(),
            multi_az: false,
            kms_key: None,
            backup_days: 7,
        }
    }

    /// The text that was written to the terminal.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("a lock").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn missing_answers_are_asked_at_the_terminal() {
        let written = Written::default();
        let answers = "2\nshop-analytics\n\n\n\nmine\nanalysts@example.com\ngroup:analysts@example.com, user:a@example.com\n\n";
        let mut terminal = Terminal::new(Cursor::new(answers), written.clone());
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
                masked_readers: vec![
                    "group:analysts@example.com".into(),
                    "user:a@example.com".into()
                ],
                readers: Vec::new(),
                export_bucket: "shop-exports-123456789012".into(),
                landing_bucket: "shop-analytics-shop-landing".into(),
            }
        );
        let text = String::from_utf8(written.0.lock().expect("a lock").clone()).expect("text");
        expect_test::expect![[r#"
            "  1  instance a, postgres, available\n  2  instance shop-prod, postgres, available\nWhich database [1]: Google Cloud project id: Short name, part of every resource's name [shop]: Time zone of days and schedules [Asia/Seoul]: Location of the datasets [asia-northeast3]: Dataset of the tables [shop]: Who sees personal data masked? Groups such as group:analysts@example.com, separated by commas [none]:   analysts@example.com: write it in the form group:analysts@example.com, or user:…\nWho sees personal data masked? Groups such as group:analysts@example.com, separated by commas [none]: Who sees personal data in plain text? [none]: "
        "#]]
        .assert_debug_eq(&text);
    }

    #[test]
    fn without_a_terminal_the_error_names_all_missing_options() {
        let instance = |id| candidate(SourceKind::Instance, id);
        let error_of = |options: &[&str], found: &[SourceCandidate]| {
            collect(&args(options), "eu-north-1".into(), found, None)
                .expect_err("something is missing")
                .to_string()
        };
        let nothing = "standard input is not a terminal, so the command cannot ask: give ";
        assert_eq!(
            error_of(&[], &[]),
            format!("{nothing}--source, --kind, --account, --project, --location")
        );
        assert_eq!(error_of(&[], &[instance("a")]), format!("{nothing}--project, --location"));
        assert_eq!(
            error_of(&[], &[instance("a"), candidate(SourceKind::Cluster, "b")]),
            "the account has several databases. Choose one with --source: instance a, cluster b"
        );
        assert_eq!(
            error_of(&["--source", "c"], &[instance("a")]),
            "the account has no such database. It has: instance a"
        );
        assert_eq!(
            error_of(&["--account", "12"], &[]),
            "--account 12: must have 12 digits; see aws sts get-caller-identity"
        );
    }

    #[test]
    fn a_short_name_is_derived_from_the_id() {
        for (id, name) in [
            ("shop-prod", "shop"),
            ("Orders", "orders"),
            ("a-very-long-identifier-of-a-database", "a-very-long-identifi"),
        ] {
            assert_eq!(short_name(id), name);
        }
    }
}
