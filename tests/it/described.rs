//! The descriptions of tables and columns in BigQuery: class, mask and day, beside a person's own text.

use landbridge_core::receipt::NoteCode;
use landbridge_local::Principal::Analyst;
use landbridge_local_google::Grants;

use crate::support::{SMALL_CONTRACT, TestEnv, TestEnvBuilder};

/// The description of the table `people`, and of one of its columns.
fn described(env: &TestEnv, column: &str) -> [String; 2] {
    let resource = env.cloud.google().table_resource("shop", "people").expect("a table");
    let fields = resource["schema"]["fields"].as_array().expect("fields");
    let field = fields.iter().find(|field| field["name"] == column).expect("a column");
    [&resource, field].map(|it| it["description"].as_str().unwrap_or_default().to_owned())
}

/// The patches of the table among the recorded calls.
fn patches(env: &TestEnv) -> usize {
    let calls = env.cloud.calls().recorded_calls().into_iter();
    calls.filter(|it| it.request.starts_with("PATCH ") && it.request.ends_with("/people")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptions_say_class_mask_and_day_and_keep_what_a_person_wrote() {
    let env = TestEnvBuilder::small().build().await;
    assert!(env.run_day(0).await.is_empty());
    let [table, name] = described(&env, "name");
    let of_day = |day: &str| {
        format!("[Landbridge] Rows of public.people as of {day}; replaced by each newer day.")
    };
    assert_eq!(table, of_day("2026-11-21"));
    assert!(name.starts_with("[Landbridge] Class name ("), "{name}");
    assert!(described(&env, "id")[1].contains("No class"), "{:?}", described(&env, "id"));
    assert!(described(&env, "secret")[1].contains("Class unclassified: NULL"));

    // As an installation of before has it: descriptions without our mark.
    let google = env.cloud.google();
    google.add_principal("owner", "owner@example.com", Grants::owner());
    for sql in [
        "ALTER TABLE shop.people SET OPTIONS (description = 'All people.')",
        "ALTER TABLE shop.people ALTER COLUMN name SET OPTIONS (description = 'Full name')",
    ] {
        google.query_as("owner@example.com", sql).await.expect("a statement");
    }
    let masked = "SELECT name, email FROM shop.people ORDER BY id";
    let before = env.query(Analyst, masked).await.expect("an answer");
    env.cloud.calls().start_recording();
    assert!(env.run_day(1).await.is_empty());
    assert_eq!(patches(&env), 2, "before the rows, and after their proof");
    let [table, name] = described(&env, "name");
    assert_eq!(table, format!("All people.\n{}", of_day("2026-11-22")));
    assert!(name.starts_with("Full name\n[Landbridge] Class name ("), "{name}");
    // Nothing but the text changed: no change of the schema is noted, and the masks are the same.
    let receipt = env.receipts("2026-11-22").await.remove("public.people").expect("a receipt");
    let mut codes = receipt.notes.iter().map(|note| note.code);
    assert!(codes.all(|code| code != NoteCode::SchemaChanged), "{:?}", receipt.notes);
    assert!(receipt.columns.iter().all(|column| column.tag_read_back), "{:?}", receipt.columns);
    assert_eq!(env.query(Analyst, masked).await.expect("an answer"), before);

    // A class that changes between loads is in the description as soon as its tag is set.
    let email = "email: { source: character varying, type: STRING, class: ";
    env.deploy_contract(&SMALL_CONTRACT.replace(&format!("{email}email"), &format!("{email}ip")));
    env.tick("protect", "2026-11-22T01:10:00Z").await;
    let [table, changed] = described(&env, "email");
    assert!(changed.starts_with("[Landbridge] Class ip ("), "{changed}");
    assert_eq!(table, format!("All people.\n{}", of_day("2026-11-22")));
    env.assert_no_cell_logged(&format!("{table}{name}{changed}"));
}
