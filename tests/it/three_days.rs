//! The main job: three days of a database that changes.

use std::sync::Arc;

use landbridge_core::receipt::{NoteCode, ReceiptState};
use landbridge_local::Principal::{Analyst, PiiReader, Stranger};
use landbridge_local_database::SampleDatabase;

use crate::support::{MIDNIGHT, TestEnvBuilder, at};

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_transferred_for_three_days_and_stays_masked() {
    let first = at(MIDNIGHT).to_zoned(jiff::tz::TimeZone::get("Asia/Seoul").unwrap()).date();
    let env = TestEnvBuilder::demo(Arc::new(SampleDatabase::new(first, 0.01))).build().await;
    let days = [
        ("2026-11-21", "2026-11-20T20:00:00Z"),
        ("2026-11-22", "2026-11-21T20:00:00Z"),
        ("2026-11-23", "2026-11-22T20:00:00Z"),
    ];
    let mut bookings = Vec::new();
    for (day, until) in days {
        let failed = env.run_until(until).await;
        assert!(failed.is_empty(), "{day}: {failed:#?}");
        let receipts = env.receipts(day).await;
        assert_eq!(receipts.len(), 7, "{day}: {:?}", receipts.keys());
        for (target, receipt) in &receipts {
            assert_eq!(
                receipt.state,
                ReceiptState::Published,
                "{day} {target}: {:?}",
                receipt.problem
            );
            assert_eq!(receipt.rows_footer, receipt.rows_planned, "{day} {target}");
            assert_eq!(Some(receipt.rows_footer), receipt.rows_loaded, "{day} {target}");
            assert_eq!(receipt.rows_loaded, receipt.rows_table, "{day} {target}");
            assert!(receipt.columns.iter().all(|column| column.tag_read_back), "{day} {target}");
            let mut codes = receipt.notes.iter().map(|note| note.code);
            assert!(codes.all(|code| code != NoteCode::LooksPersonal), "{day} {target}");
        }
        bookings.push(receipts["public.bookings"].rows_footer);
        if day != "2026-11-21" {
            assert_eq!(
                receipts["public.coupons"].rows_footer, 0,
                "{day}: the table is emptied on the second day"
            );
        }
        if day == "2026-11-22" {
            let shrank = receipts["public.coupons"]
                .notes
                .iter()
                .any(|note| note.code == NoteCode::TableShrank);
            assert!(shrank, "an emptied table is reported: {:?}", receipts["public.coupons"].notes);
            assert!(env.alerts("load").iter().any(|alert| alert.to_string().contains("shrank")));
        }
    }
    assert!(
        bookings.windows(2).all(|pair| pair[0] != pair[1]),
        "the database changes from day to day: {bookings:?}"
    );

    // The column that the contract does not name is NULL for every reader, including readers of
    // personal data.
    let passports = "SELECT COUNT(passport_no) FROM shop.creators";
    assert_eq!(env.query(Analyst, passports).await.unwrap(), [["0"]]);
    assert_eq!(env.query(PiiReader, passports).await.unwrap(), [["0"]]);
    let creators = env.receipts("2026-11-23").await.remove("public.creators").unwrap();
    let passport = creators.columns.iter().find(|column| column.name == "passport_no").unwrap();
    assert_eq!((passport.class.as_str(), passport.tag_read_back), ("unclassified", true));

    let emails = "SELECT email FROM shop.creators ORDER BY id LIMIT 1";
    let masked = env.query(Analyst, emails).await.unwrap().remove(0).remove(0);
    let plain = env.query(PiiReader, emails).await.unwrap().remove(0).remove(0);
    assert!(masked.starts_with("XXXXX@"), "{masked}");
    assert!(plain.contains('@') && !plain.starts_with("XXXXX"));
    let refused = env.query(Stranger, "SELECT * FROM shop.creators").await.unwrap_err();
    assert!(refused.contains("does not have permission to access policy tag"), "{refused}");
    env.query(Stranger, "SELECT id FROM shop.creators LIMIT 1").await.unwrap();

    // Reported when it appears, and not again the next day.
    let alert_count = |function: &str, words: &str| {
        env.alerts(function).iter().filter(|alert| alert.to_string().contains(words)).count()
    };
    assert_eq!(alert_count("load", "passport_no"), 1);
    assert_eq!(
        alert_count("transfer", "the export has a warning"),
        2,
        "postgres and template1, once"
    );

    // An analyst can query the receipts.
    let proof = "SELECT day, COUNT(*), COUNTIF(state = 'published'), SUM(rows_table) FROM landbridge_ops.receipts GROUP BY day ORDER BY day";
    let proof = env.query(Analyst, proof).await.unwrap();
    assert_eq!(proof.len(), 3);
    assert!(proof.iter().all(|row| row[1] == "7" && row[2] == "7"), "{proof:?}");
}
