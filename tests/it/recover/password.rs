//! A password is asked for in a terminal, and shown nowhere.

use mysql_async::prelude::Queryable;

use super::DAY;
use crate::proof::source::mariadb;
use crate::restore::terminal::Terminal;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_asked_for_in_a_terminal_and_not_shown() {
    let (server, mut client, env) = mariadb().await;
    let user = "CREATE USER writer IDENTIFIED BY 'hunter2'; GRANT ALL ON shop.* TO writer";
    client.query_drop(user).await.expect("a user");
    let url = server.url_of("shop");
    let (_, place) = url.split_once('@').expect("a user");
    let to = format!("mysql://writer@{place}");
    for (name, password, expected, text) in [
        ("wrong", "hunter3", 1, "use a user that may log in, with its password"),
        ("right", "hunter2", 0, "all 501 rows"),
    ] {
        let args = ["recover", "shop.orders", "--at", DAY, "--to", &to, "--as", name];
        let mut terminal = Terminal::start(&env, &args);
        terminal.prompt(|screen| screen.ends_with("Password of writer at 127.0.0.1:")).await;
        terminal.answer(password);
        let (code, screen) = terminal.end(&env).await;
        assert_eq!(code, expected, "{screen}");
        assert!(screen.contains(text) && !screen.contains(password), "{screen}");
    }
    let rows: Option<u64> =
        client.query_first("SELECT COUNT(*) FROM shop.`right`").await.expect("rows");
    assert_eq!(rows, Some(501));
}
