//! The command in a terminal: what it asks, what an answer does, and what is checked after the answer,
//! because a question can be open for a long time.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use landbridge_local_wire::{Admission, ArrivedCall, CallObserver};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::sync::Barrier;

use super::swap::{SWAP, resource_ids};
use super::*;

const FUTURE: [&str; 5] = ["restore", "--at", "2026-11-21 23:00", "--as", "shop-restored"];

/// The command in a pseudo-terminal, as a person sees it.
pub(crate) struct Terminal {
    child: Child,
    keyboard: std::fs::File,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    pub(crate) fn start(env: &TestEnv, args: &[&str]) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let controller = openpt(flags).expect("a pseudo-terminal");
        grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("a pseudo-terminal");
        let name = ptsname(&controller, Vec::new()).expect("its name").into_string().expect("text");
        let terminal = || {
            let file = std::fs::File::options().read(true).write(true).open(&name);
            Stdio::from(file.expect("the terminal of the command"))
        };
        let mut command = command(env, args);
        command.stdin(terminal()).stdout(terminal()).stderr(terminal());
        // A dumb terminal shows no colour, also where a build runs.
        command.env("TERM", "dumb").env("CI", "true");
        let child = command.spawn().expect("the command");
        // The copies that the command does not have would keep the terminal open.
        drop(command);
        let keyboard = std::fs::File::from(controller);
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut output, seen) = (keyboard.try_clone().expect("a copy"), screen.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // An error is the end: Linux reports EIO when the last program has closed the terminal.
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
                seen.lock().expect("the screen").push_str(&text);
            }
        });
        Self { child, keyboard, screen }
    }

    fn screen(&self) -> String {
        self.screen.lock().expect("the screen").clone()
    }

    /// Waits until the command asks a question that contains `text`, and returns the screen.
    async fn question(&mut self, text: &str) -> String {
        self.prompt(|screen| screen.ends_with("[y/N]") && screen.contains(text)).await
    }

    /// Waits until the screen, without white space at its end, is as `is_asked` says, and returns it.
    pub(crate) async fn prompt(&mut self, is_asked: impl Fn(&str) -> bool) -> String {
        let begun = std::time::Instant::now();
        loop {
            let screen = self.screen();
            if is_asked(screen.trim_end()) {
                return screen;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "no question: {screen}");
            let ended = self.child.try_wait().expect("a process");
            assert!(ended.is_none(), "it ended without the question: {screen}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn answer(&mut self, text: &str) {
        self.keyboard.write_all(format!("{text}\n").as_bytes()).expect("an answer");
    }

    /// Waits for the end, while virtual time passes. Returns the exit code and the screen.
    pub(crate) async fn end(mut self, env: &TestEnv) -> (i32, String) {
        let status = while_time_passes(env, self.child.wait()).await.expect("an end");
        // The reader may be behind the process.
        tokio::time::sleep(Duration::from_millis(200)).await;
        (status.code().unwrap_or(-1), self.screen())
    }
}

fn exists(env: &TestEnv, id: &str) -> bool {
    env.cloud.aws().describe_database(DatabaseKind::Instance, id).is_some()
}

/// Between the plan that a person sees and the answer, another person takes the name that the original
/// would get, or renames the source. The person agreed to another plan, so nothing is renamed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_whose_databases_change_before_the_answer_renames_nothing() {
    let env = start_env().await;
    assert_eq!(run(&env, &super::swap::RESTORE).await.code, 0);
    let before = resource_ids(&env).await;
    let sdk = sdk(&env);
    let asked = &SWAP[..4];

    let mut no = Terminal::start(&env, asked);
    let shown = no.question("Rename them?").await;
    assert!(shown.contains("1. shop-prod → shop-prod-replaced"), "{shown}");
    no.answer("n");
    let (code, screen) = no.end(&env).await;
    assert!(code == 1 && screen.contains("not confirmed; nothing was changed"), "{screen}");
    assert_eq!(resource_ids(&env).await, before);

    // The name that the original would get.
    let mut taken = Terminal::start(&env, asked);
    taken.question("Rename them?").await;
    let call = sdk.create_db_instance().db_instance_identifier("shop-prod-replaced");
    call.engine("postgres").db_instance_class("db.t4g.micro").send().await.expect("a database");
    let between = resource_ids(&env).await;
    taken.answer("y");
    let (code, screen) = taken.end(&env).await;
    assert!(code == 1 && screen.contains("this run renamed nothing"), "{screen}");
    assert_eq!(resource_ids(&env).await, between);
    let call = sdk.delete_db_instance().db_instance_identifier("shop-prod-replaced");
    call.skip_final_snapshot(true).send().await.expect("a deletion");
    env.cloud.clock().advance_to(env.cloud.clock().now() + SignedDuration::from_mins(30));
    assert_eq!(resource_ids(&env).await, before);

    // The source is renamed, by a person or by another swap: the plan has one step less now.
    let mut renamed = Terminal::start(&env, asked);
    renamed.question("Rename them?").await;
    let call = sdk.modify_db_instance().db_instance_identifier(SOURCE).apply_immediately(true);
    call.new_db_instance_identifier("shop-prod-replaced").send().await.expect("a rename");
    env.cloud.clock().advance_to(env.cloud.clock().now() + SignedDuration::from_mins(30));
    renamed.answer("y");
    let (code, screen) = renamed.end(&env).await;
    let said = "the databases have changed since the plan was shown; this run renamed nothing";
    assert!(code == 1 && screen.contains(said), "{screen}");
    let after = resource_ids(&env).await;
    assert_eq!(after["shop-restored"], before["shop-restored"]);
    assert_eq!(after["shop-prod-replaced"], before[SOURCE]);
    assert_eq!(after.len(), 2);

    // The next run shows what is left, and an agreement to it counts.
    let mut agreed = Terminal::start(&env, asked);
    let shown = agreed.question("Rename them?").await;
    assert!(shown.contains("1. shop-restored → shop-prod") && !shown.contains("2. "), "{shown}");
    agreed.answer("yes");
    let (code, screen) = agreed.end(&env).await;
    assert_eq!(code, 0, "{screen}");
    assert_eq!(resource_ids(&env).await[SOURCE], before["shop-restored"]);
}

/// A time in the future is more likely a slip than a request for the newest snapshot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_in_the_future_is_asked_about() {
    let env = start_env().await;
    let asks = "2026-11-21 23:00 KST is in the future: it is 2026-11-21 12:";
    for answer in ["n", "", "later"] {
        let mut terminal = Terminal::start(&env, &FUTURE);
        terminal.question(asks).await;
        terminal.answer(answer);
        let (code, screen) = terminal.end(&env).await;
        assert!(code == 1 && screen.contains("not confirmed; nothing was changed"), "{screen}");
        assert!(!screen.contains("Restore shop-restored?"), "{screen}");
        assert!(!exists(&env, "shop-restored"));
    }
    // `y` is an answer to this question alone; the plan is shown then, with the remark, and asked about.
    let newest = snapshot(&env, "2026-11-21T04:00:00Z").await;
    let mut terminal = Terminal::start(&env, &FUTURE);
    let shown = terminal.question("Restore the newest snapshot?").await;
    assert!(!shown.contains(&newest), "{shown}");
    terminal.answer("y");
    let shown = terminal.question("Restore shop-restored?").await;
    assert!(shown.contains("This is the newest snapshot") && shown.contains(&newest), "{shown}");
    assert!(!exists(&env, "shop-restored"));
    terminal.answer("y");
    let (code, screen) = terminal.end(&env).await;
    assert_eq!(code, 0, "{screen}");
    let tags = env.cloud.aws().database_tags(DatabaseKind::Instance, "shop-restored");
    assert_eq!(tags.expect("tags")["landbridge:restored-from"], newest);
}

/// Lets the first two calls to RDS of each of two processes take effect in pairs: both processes have looked
/// twice for a drill that runs before either of them begins its restore, however slow one of them is.
struct InStep {
    calls: AtomicUsize,
    pair: Arc<Barrier>,
}

impl Default for InStep {
    fn default() -> Self {
        Self { calls: AtomicUsize::new(0), pair: Arc::new(Barrier::new(2)) }
    }
}

impl CallObserver for InStep {
    fn before(&self, call: ArrivedCall) -> BoxFuture<'static, Admission> {
        let waits = call.server == "rds" && self.calls.fetch_add(1, Ordering::SeqCst) < 4;
        let pair = self.pair.clone();
        async move {
            if waits {
                pair.wait().await;
            }
            Admission::Proceed
        }
        .boxed()
    }
}

/// Two operators confirm a drill at the same moment: both have seen that no drill runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_drills_at_the_same_moment_one_is_refused_and_deletes_nothing() {
    let env = start_env().await;
    let args = ["drill", "--without-rows"];
    let mut both = [Terminal::start(&env, &args), Terminal::start(&env, &args)];
    for terminal in &mut both {
        terminal.question("and delete it afterwards?").await;
    }
    env.cloud.calls().set_observer(Arc::new(InStep::default()));
    both.iter_mut().for_each(|terminal| terminal.answer("y"));
    let [one, other] = both;
    let (one, other) = tokio::join!(one.end(&env), other.end(&env));
    let (done, refused) = if one.0 == 0 { (one, other) } else { (other, one) };
    assert_eq!((done.0, refused.0), (0, 1), "{}\n\n{}", done.1, refused.1);
    assert!(done.1.contains("drill good"), "{}", done.1);
    let said = "another drill began to restore shop-prod-drill at the same moment";
    assert!(refused.1.contains(said), "{}", refused.1);
    assert_eq!(env.ledger("drills/").await.len(), 1);
    assert!(!exists(&env, "shop-prod-drill"), "the drill that ran has deleted it");
}
