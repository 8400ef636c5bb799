//! `landbridge models check`.

use expect_test::expect;

use super::{landbridge, repository};

const CONFIG: &str = "examples/demo/landbridge.yaml";

#[test]
fn a_laundering_model_is_refused_with_the_column_and_the_reader() {
    let dir = tempfile::TempDir::new().expect("a directory");
    let demo = std::fs::read_to_string(repository().join(CONFIG)).expect("the demo's file");
    let finance = demo.replace(
        r#"readers: ["group:analysts@example.com", "group:pii-readers@example.com"], reads"#,
        r#"readers: ["group:finance@example.com"], reads"#,
    );
    assert_ne!(finance, demo);
    std::fs::write(dir.path().join("landbridge.yaml"), finance).expect("a file");
    let contract = repository().join("examples/demo/contract.yaml");
    std::fs::copy(contract, dir.path().join("contract.yaml")).expect("a copy");
    let models = dir.path().join("compiled");
    std::fs::create_dir(&models).expect("a folder");
    std::fs::write(models.join("good.sql"), "SELECT id FROM shop.bookings").expect("a file");
    std::fs::write(models.join("bad.sql"), "SELECT traveller_email FROM shop.bookings")
        .expect("a file");
    expect![[r#"
        exit code 2
        err | compiled/bad.sql: it uses bookings.traveller_email of class email, which group:finance@example.com may not read, but may read the models; leave the column out, or add them to pii.classes.email.masked_readers, or remove them from warehouse.models.readers
        err | 1 of 2 models refused
    "#]]
    .assert_eq(&landbridge(dir.path(), &["models", "check", "compiled"]).all());
    expect![[r#"
        exit code 0
        out | 1 model checked: every reader of the models (1) may read every class that is used
    "#]]
    .assert_eq(&landbridge(dir.path(), &["models", "check", "compiled/good.sql"]).all());
    expect![[r#"
        exit code 2
        err | error: cannot read absent.json: No such file or directory (os error 2); name the compiled models
    "#]].assert_eq(&landbridge(dir.path(), &["models", "check", "absent.json"]).all());
}
