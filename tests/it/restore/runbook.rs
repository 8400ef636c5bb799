//! Every command of the runbook, in order, exactly as written there.

use super::*;
use crate::support::root;

/// The commands in the fenced blocks of a page.
fn commands(page: &str) -> Vec<String> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside && !line.trim().is_empty() {
            commands.push(line.to_owned());
        }
    }
    commands
}

/// The words of a command, without quotes.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in command.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().expect("a word").push(letter),
        }
    }
    words
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_runbook_works() {
    let page = std::fs::read_to_string(root().join("docs/runbooks/restore.md")).expect("the page");
    let commands = commands(&page);
    assert!(commands.len() >= 14, "{commands:#?}");
    // A published day with exactly the names that the page uses.
    let sql = "CREATE TABLE people (id bigint, name text); INSERT INTO people VALUES (1, 'one')";
    let contract = "version: 1\ntables:\n  public.people:\n    columns:\n      id: { source: bigint, \
                    type: INT64, class: none }\n      name: { source: text, type: STRING, class: name }\n";
    let (_server, _shop, env) =
        super::rows::start_with_postgres_at(sql, Some(contract.to_owned()), "2026-11-20T15:50:00Z")
            .await;
    let failed = env.run_until("2026-11-20T17:30:00Z").await;
    assert!(failed.is_empty(), "{failed:#?}");
    env.cloud.skip_until(at("2026-11-21T04:59:59Z"));
    snapshot(&env, "2026-11-21T05:00:00Z").await;
    env.cloud.clock().advance_to(at("2026-11-21T06:00:00Z"));

    for line in &commands {
        let words = words(line);
        let (program, args) = words.split_first().expect("a command");
        assert_eq!(program, "landbridge", "{line}");
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut command = command(&env, &args);
        command.env("SHOP_URL", "postgres://landbridge@any/shop");
        let output = finish_command(&env, command).await;
        assert_eq!(output.code, 0, "{line}\n{}\n{}", output.out, output.err);
        println!("{line}");
    }
    let names = ["shop-prod", "shop-restored", "shop-restored-1437", "shop-of-the-day"];
    for name in names {
        assert!(
            env.cloud.aws().describe_database(DatabaseKind::Instance, name).is_some(),
            "{name}"
        );
    }
    assert!(env.cloud.aws().describe_database(DatabaseKind::Instance, "shop-prod-drill").is_none());
}
