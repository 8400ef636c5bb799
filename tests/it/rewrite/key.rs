//! The token key changes: in the middle of a day, and from one day to the next.

use landbridge_core::receipt::{Note, NoteCode, ReceiptState};
use landbridge_local::Principal::Analyst;
use landbridge_parquet::rewrite::TokenKey;

use super::{FIRST, SECOND, THIRD, builder_for, contract, table};
use crate::support::{CARD, TOKEN_KEY};

/// Days, and numbers of cards that become tokens.
const DAY_AND_CARD: &str = "day: { source: date, type: DATE, class: none }
    card: { source: text, type: STRING, class: none, transform: tokenise }";

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_one_day_use_one_key() {
    let cards = |day: &str| {
        let row = [Some(day.to_owned()), Some(format!("{CARD}0003"))];
        let row: Vec<Option<&str>> = row.iter().map(Option::as_deref).collect();
        table(&[("day", "date"), ("card", "text")], &[&row])
    };
    let (database, builder) = builder_for(cards("infinity"), DAY_AND_CARD);
    let env = builder.build().await;
    let aws = env.cloud.aws();
    let token = |key: &str| {
        TokenKey::parse(key.as_bytes(), "").unwrap().token("", format!("{CARD}0003").as_bytes())
    };
    let loaded_tokens = async || env.query(Analyst, "SELECT card FROM shop.t").await.unwrap();
    // The table is transferred once, and held for another reason.
    assert!(env.run_day(0).await.is_empty());
    assert_eq!(env.receipts(FIRST).await["public.t"].state, ReceiptState::Held);

    // If it were transferred again, its tokens would not join with those of the published tables.
    let other_key = TOKEN_KEY.replace("AAEC", "BBEC");
    aws.put_secret("landbridge/shop/token-key", &other_key);
    env.deploy_contract(&contract(&DAY_AND_CARD.replace("DATE,", "DATE, on_misfit: keep_text,")));
    for stage in ["transfer", "load"] {
        assert!(env.tick(stage, "2026-11-20T20:40:00Z").await.is_response(), "{stage}");
    }
    let receipt = env.receipts(FIRST).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Held);
    let problem = receipt.problem.unwrap().to_string();
    assert!(problem.contains("is not the one that this day began with"), "{problem}");
    assert!(problem.contains("secret landbridge/shop/token-key; restore its earlier"), "{problem}");
    assert!(
        !env.landing_objects().keys().any(|name| name.contains("-r2/")),
        "no object of revision 2 exists"
    );

    // With the original key the same day continues.
    aws.put_secret("landbridge/shop/token-key", TOKEN_KEY);
    for stage in ["transfer", "load"] {
        assert!(env.tick(stage, "2026-11-20T20:50:00Z").await.is_response(), "{stage}");
    }
    let receipt = env.receipts(FIRST).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published, "{:?}", receipt.problem);
    assert_eq!(loaded_tokens().await, [[token(TOKEN_KEY)]]);

    // Another key from the next day on: the tables are published, and the change is reported.
    aws.put_secret("landbridge/shop/token-key", &other_key);
    database.set_table(cards("2026-11-22")).unwrap();
    assert!(env.run_day(1).await.is_empty());
    let receipt = env.receipts(SECOND).await.remove("public.t").unwrap();
    assert_eq!(receipt.state, ReceiptState::Published);
    assert_eq!(loaded_tokens().await, [[token(&other_key)]]);
    let changed = |note: &Note| note.code == NoteCode::TokenKeyChanged;
    let note = receipt.notes.iter().find(|note| changed(note)).expect("a note");
    assert!(note.to_string().contains("than those of 2026-11-21"), "{note}");
    // Reported once, and not again on the third day.
    assert!(env.run_day(2).await.is_empty());
    let receipt = env.receipts(THIRD).await.remove("public.t").unwrap();
    assert!(!receipt.notes.iter().any(changed), "{:?}", receipt.notes);
}
