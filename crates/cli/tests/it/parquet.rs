//! `landbridge parquet rewrite`.

use expect_test::expect;

use crate::landbridge;

#[test]
fn invalid_plans_and_files_are_reported() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("in.parquet"), b"PAR1 this is none PAR1").expect("written");
    std::fs::write(dir.path().join("drop.yaml"), "columns: { x: drop }\n").expect("written");
    std::fs::write(dir.path().join("token.yaml"), "columns: { x: { tokenise: {} } }\n")
        .expect("written");
    std::fs::write(dir.path().join("wrong.yaml"), "colums: {}\n").expect("written");
    let run = |plan: &str| {
        landbridge(dir.path(), &["parquet", "rewrite", "in.parquet", "out.parquet", "--plan", plan])
            .all()
    };
    expect![[r#"
        exit code 1
        err | error: the footer of a Parquet file has an impossible length: in.parquet — inspect the named object; a table that needs it is not loaded until it is correct
        exit code 2
        err | error: the plan tokenises columns: give the file of the token key with --token-key
        exit code 2
        err | error: wrong.yaml:1:1: unknown key `colums`; did you mean `columns`?
        err | 1 error in wrong.yaml
        exit code 2
        err | error: the file none.yaml does not exist; name another file with --plan
    "#]]
    .assert_eq(&["drop.yaml", "token.yaml", "wrong.yaml", "none.yaml"].map(run).concat());
    assert!(!dir.path().join("out.parquet").exists(), "a failed rewrite leaves no output");
    assert_eq!(
        std::fs::read_dir(dir.path()).expect("a folder").count(),
        4,
        "a failed rewrite leaves no temporary file"
    );
}
