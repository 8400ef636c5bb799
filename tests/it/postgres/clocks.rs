//! Times without a zone: readers see the time of the source, or the true instant.

use landbridge_core::receipt::{NoteCode, Receipt};
use landbridge_local::Principal::Analyst;

use crate::support::TestEnv;

/// The contract of the table `clocks` alone.
pub(super) const CONTRACT: &str = r#"version: 1
tables:
  "public.clocks":
    zone: Asia/Seoul
    columns:
      id: { source: integer, type: INT64, class: none }
      wall: { source: timestamp without time zone, type: DATETIME, class: none }
      seoul: { source: timestamp without time zone, type: TIMESTAMP, class: none }
      paris: { source: timestamp without time zone, type: TIMESTAMP, class: none, zone: Europe/Paris }
      instant: { source: timestamp with time zone, type: TIMESTAMP, class: none }
"#;

/// Asserts what an analyst sees of `clocks`, and what its receipt says.
pub(super) async fn check(env: &TestEnv, receipt: &Receipt) {
    let select = "SELECT wall, seoul, paris, instant FROM shop.clocks ORDER BY id";
    let seen = env.query(Analyst, select).await.expect("an answer");
    assert_eq!(
        seen,
        [
            [
                "2026-03-01T09:30:00.500000",
                "2026-03-01 00:30:00.500000 UTC",
                "2026-03-01 08:30:00.500000 UTC",
                "2026-03-01 00:30:00.500000 UTC",
            ],
            ["2026-03-29T02:30:00", "2026-03-28 17:30:00 UTC", "2026-03-29 01:30:00 UTC", "NULL"],
            ["9999-12-31T23:59:59", "9999-12-31 14:59:59 UTC", "2026-10-25 00:30:00 UTC", "NULL"],
        ]
    );
    let sql = "SELECT COUNT(*) FROM shop.clocks WHERE wall >= DATETIME '2026-03-01 09:30:00' AND wall < '2026-04-01'";
    assert_eq!(env.query(Analyst, sql).await.expect("an answer"), [["2"]]);
    let changed = receipt.notes.iter().filter(|note| note.code == NoteCode::ClockChanged);
    let changed: Vec<_> = changed.map(|it| (it.column.as_deref(), it.to_string())).collect();
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!(changed[0].0, Some("paris"));
    assert!(changed[0].1.contains("skips 1 of its local times and repeats 1"), "{}", changed[0].1);
}
