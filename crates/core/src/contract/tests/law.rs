//! What a contract lets leave AWS, by law and by sense: what `check` refuses, and what is proposed.

use super::*;
use crate::personal::Evidence;

/// What `check` says of a contract of one table with these columns, one per line.
fn check_columns(columns: &str, expected: Expect) {
    let columns: String = columns.lines().map(|line| format!("      {}\n", line.trim())).collect();
    check(
        &format!(
            "version: 1\ntables:\n  public.members:\n    columns:\n      id: {{ source: bigint, type: INT64, class: none }}\n{columns}"
        ),
        expected,
    );
}

#[test]
fn resident_numbers_leave_aws_in_no_form_without_a_legal_basis() {
    check_columns(
        "jumin_no: { source: char, type: STRING, class: none }
         mbr_rrno: { source: text, type: STRING, class: national_id, transform: tokenise }
         ihidnum: { source: bigint, type: INT64, class: unclassified }
         주민등록번호: { source: text, type: STRING, class: national_id }
         etc1: { source: text, type: STRING, class: national_id, resident_number: true }",
        expect![[r#"
            contract.yaml:6:7: column `jumin_no` contains resident registration numbers, and would leave AWS as they are without a legal basis; write `transform: drop`. If a statute requires or permits to process them (Personal Information Protection Act, Article 24-2), add `legal_basis: "<statute>, Article <number>"`; if the column contains something else, add `resident_number: false`
            contract.yaml:7:7: column `mbr_rrno` contains resident registration numbers, and would leave AWS as tokens without a legal basis; write `transform: drop`. If a statute requires or permits to process them (Personal Information Protection Act, Article 24-2), add `legal_basis: "<statute>, Article <number>"`; if the column contains something else, add `resident_number: false`
            contract.yaml:8:7: column `ihidnum` contains resident registration numbers, and would leave AWS as they are without a legal basis; write `transform: drop`. If a statute requires or permits to process them (Personal Information Protection Act, Article 24-2), add `legal_basis: "<statute>, Article <number>"`; if the column contains something else, add `resident_number: false`
            contract.yaml:9:7: column `주민등록번호` contains resident registration numbers, and would leave AWS as they are without a legal basis; write `transform: drop`. If a statute requires or permits to process them (Personal Information Protection Act, Article 24-2), add `legal_basis: "<statute>, Article <number>"`; if the column contains something else, add `resident_number: false`
            contract.yaml:10:7: column `etc1` contains resident registration numbers, and would leave AWS as they are without a legal basis; write `transform: drop`. If a statute requires or permits to process them (Personal Information Protection Act, Article 24-2), add `legal_basis: "<statute>, Article <number>"`; if the column contains something else, add `resident_number: false`
            5 errors in contract.yaml"#]],
    );
}

#[test]
fn resident_numbers_that_stay_or_have_a_basis_are_accepted() {
    check_columns(
        "jumin_no: { source: char, type: STRING, class: national_id, transform: drop }
         mbr_rrno: { source: text, type: STRING, class: national_id, transform: set_null }
         ihidnum: { source: text, type: STRING, class: national_id, legal_basis: 소득세법 제145조 }
         payee_rrn: { source: text, type: STRING, class: national_id, transform: tokenise, legal_basis: \"Income Tax Act, Article 145\" }
         resident_no: { source: text, type: STRING, class: none, resident_number: false }
         resident_count: { source: bigint, type: INT64, class: none }
         rrn_verified: { source: boolean, type: BOOL, class: none }",
        expect!["valid"],
    );
}

#[test]
fn a_class_of_resident_numbers_says_what_its_columns_contain() {
    let class = "  classes:\n    resident_number: { mask: ALWAYS_NULL }";
    let text = DEMO_CONFIG.replace("  classes:", class);
    let config = config::parse(config::FILE_NAME, &text).expect("valid");
    let contract = "version: 1\ntables:\n  public.t:\n    columns:\n      c: { source: text, type: STRING, class: resident_number }\n";
    let errors = parse(FILE_NAME, contract, &config).expect_err("no basis").to_string();
    assert!(errors.contains("column `c` contains resident registration numbers"), "{errors}");
}

#[test]
fn a_legal_basis_names_an_article() {
    check_columns(
        "rrn: { source: text, type: STRING, class: national_id, legal_basis: required by law }
         jumin: { source: text, type: STRING, class: national_id, legal_basis: \" \" }",
        expect![[r#"
            contract.yaml:6:75: `tables."public.members".columns.rrn.legal_basis`: `required by law` is not a statute with its article; name the statute and the article, for example `소득세법 제145조` or `Income Tax Act, Article 145`
            contract.yaml:7:77: `tables."public.members".columns.jumin.legal_basis`: ` ` is not a statute with its article; name the statute and the article, for example `소득세법 제145조` or `Income Tax Act, Article 145`
            2 errors in contract.yaml"#]],
    );
}

/// A class for random ids has a hash as its mask, and a number that can be listed is put into it.
#[test]
fn a_mask_that_can_be_computed_is_refused_for_numbers_that_can_be_listed() {
    let class = "  classes:\n    customer_key: { mask: SHA256, domain: large }";
    let text = DEMO_CONFIG.replace("  classes:", class);
    let config = config::parse(config::FILE_NAME, &text).expect("valid");
    let mut shown = String::new();
    for name in [
        "passport_no",
        "drvr_lcns_no",
        "frgnr_no",
        "card_no",
        "acct_no",
        "ssn",
        "bizrno",
        "hp_no",
        "brth_ymd",
        "customer_key",
        "email",
        "card_type",
    ] {
        for rest in ["class: customer_key", "class: customer_key, transform: tokenise"] {
            let contract = format!(
                "version: 1\ntables:\n  public.t:\n    columns:\n      {name}: {{ source: text, type: STRING, {rest} }}\n"
            );
            let said = match parse(FILE_NAME, &contract, &config) {
                Ok(_) => "valid".to_owned(),
                Err(errors) => errors.to_string(),
            };
            if !(rest.ends_with("tokenise") && said == "valid") {
                shown.push_str(&format!("{name}: {said}\n"));
            }
        }
    }
    expect![[r#"
        passport_no: contract.yaml:5:57: column `passport_no` contains passport numbers, which can be listed, and the mask SHA256 of class `customer_key` does not hide them; write `transform: tokenise`, or a class whose mask is ALWAYS_NULL or DEFAULT_MASKING_VALUE
        1 error in contract.yaml
        drvr_lcns_no: contract.yaml:5:58: column `drvr_lcns_no` contains licence numbers, which can be listed, and the mask SHA256 of class `customer_key` does not hide them; write `transform: tokenise`, or a class whose mask is ALWAYS_NULL or DEFAULT_MASKING_VALUE
        1 error in contract.yaml
        frgnr_no: contract.yaml:5:54: column `frgnr_no` contains foreigner registration numbers, which can be listed, and the mask SHA256 of class `customer_key` does not hide them; write `transform: tokenise`, or a class whose mask is ALWAYS_NULL or DEFAULT_MASKING_VALUE
        1 error in contract.yaml
        card_no: contract.yaml:5:53: column `card_no` contains payment card numbers, which can be listed, and the mask SHA256 of class `customer_key` does not hide them; write `transform: tokenise`, or a class whose mask is ALWAYS_NULL or DEFAULT_MASKING_VALUE
        1 error in contract.yaml
        acct_no: contract.yaml:5:53: column `acct_no` contains bank account numbers, which can be listed, and the mask SHA256 of class `customer_key` does not hide them; write `transform: tokenise`, or a class whose mask is ALWAYS_NULL or DEFAULT_MASKING_VALUE
        1 error in contract.yaml
        ssn: contract.yaml:5:49: column `ssn` contains national identity numbers, which can be listed, and the mask SHA256 of class `customer_key` does not hide them; use a class whose mask is ALWAYS_NULL or DEFAULT_MASKING_VALUE
        1 error in contract.yaml
        bizrno: contract.yaml:5:52: column `bizrno` contains business registration numbers, which can be listed, and the mask SHA256 of class `customer_key` does not hide them; use a class whose mask is ALWAYS_NULL or DEFAULT_MASKING_VALUE
        1 error in contract.yaml
        hp_no: contract.yaml:5:51: column `hp_no` contains phone numbers, which can be listed, and the mask SHA256 of class `customer_key` does not hide them; use a class whose mask is ALWAYS_NULL or DEFAULT_MASKING_VALUE
        1 error in contract.yaml
        brth_ymd: contract.yaml:5:54: column `brth_ymd` contains dates of birth or ages, which can be listed, and the mask SHA256 of class `customer_key` does not hide them; use a class whose mask is ALWAYS_NULL or DEFAULT_MASKING_VALUE
        1 error in contract.yaml
        customer_key: valid
        email: valid
        card_type: valid
    "#]].assert_eq(&shown);
}

/// What is proposed for a column of these names and this type, with values of this form.
fn proposed(config: &Config, name: &str, source: &str, values: &[String]) -> String {
    let bigquery_type = match source {
        "bigint" => BigQueryType::Int64,
        _ => BigQueryType::String,
    };
    let column = |name: &str, source_type: &str, bigquery_type| ProposedColumn {
        mode: Mode::Nullable,
        name: name.to_owned(),
        source_type: source_type.to_owned(),
        bigquery_type,
    };
    let id = column("id", "bigint", BigQueryType::Int64);
    let columns = vec![id, column(name, source, bigquery_type)];
    let table = ProposedTable { schema: "public".into(), name: "t".into(), columns };
    let mut evidence = Evidence::default();
    for value in values {
        evidence.observe(value);
    }
    let samples = Samples::from([("public.t".to_owned(), [(name.to_owned(), evidence)].into())]);
    let mut contract = Contract::of_no_table();
    contract.add_missing(&[table], &samples, config);
    assert_eq!(contract.validate(config), [], "{name}");
    let text = contract.render();
    let line = text.lines().find(|line| line.trim().starts_with(&format!("{name}: ")));
    line.expect("the column").trim().to_owned()
}

#[test]
fn numbers_that_identify_people_are_proposed_dropped_or_tokenised() {
    let config = demo_config();
    let resident: Vec<String> =
        (0..60).map(|n| format!("9001{:02}-1{:06}", n % 28 + 1, n)).collect();
    let foreigner: Vec<String> =
        (0..60).map(|n| format!("9001{:02}-5{:06}", n % 28 + 1, n)).collect();
    let mixed: Vec<String> = resident.iter().take(1).chain(&foreigner).cloned().collect();
    let cards: Vec<String> = ["4111111111111111", "5500005555555559", "4012888888881881"]
        .map(str::to_owned)
        .into_iter()
        .cycle()
        .take(60)
        .collect();
    let none: &[String] = &[];
    let mut shown = String::new();
    for (name, source, values) in [
        ("jumin_no", "char", none),
        ("rrn", "bigint", none),
        ("c1", "text", resident.as_slice()),
        ("national_id", "text", resident.as_slice()),
        ("c2", "text", foreigner.as_slice()),
        ("c3", "text", mixed.as_slice()),
        ("frgnr_no", "text", none),
        ("passport_no", "text", none),
        ("lcns_no", "text", none),
        ("card_no", "bigint", none),
        ("c4", "text", cards.as_slice()),
        ("acct_no", "text", none),
        ("passport_nos", "text[]", none),
        ("card_type", "text", none),
        ("email", "text", none),
    ] {
        shown.push_str(&proposed(&config, name, source, values));
        shown.push('\n');
    }
    expect![[r#"
        jumin_no: { source: char, type: STRING, class: national_id, transform: drop }
        rrn: { source: bigint, type: INT64, class: national_id, transform: drop }
        c1: { source: text, type: STRING, class: national_id, transform: drop, resident_number: true }
        national_id: { source: text, type: STRING, class: national_id, transform: drop, resident_number: true }
        c2: { source: text, type: STRING, class: national_id, transform: tokenise, token_domain: foreigner_number }
        c3: { source: text, type: STRING, class: national_id, transform: drop, resident_number: true }
        frgnr_no: { source: text, type: STRING, class: national_id, transform: tokenise, token_domain: foreigner_number }
        passport_no: { source: text, type: STRING, class: national_id, transform: tokenise, token_domain: passport }
        lcns_no: { source: text, type: STRING, class: national_id, transform: tokenise, token_domain: licence }
        card_no: { source: bigint, type: STRING, class: account, transform: tokenise, token_domain: card }
        c4: { source: text, type: STRING, class: account, transform: tokenise, token_domain: card }
        acct_no: { source: text, type: STRING, class: account, transform: tokenise, token_domain: account }
        passport_nos: { source: "text[]", type: STRING, class: national_id, transform: tokenise, token_domain: passport }
        card_type: { source: text, type: STRING, class: none }
        email: { source: text, type: STRING, class: email }
    "#]].assert_eq(&shown);
    // Without a key there are no tokens: the values stay in AWS, and the reason says it.
    let text = DEMO_CONFIG.replace("  token_key: ", "  # token_key: ");
    let config = config::parse(config::FILE_NAME, &text).expect("valid");
    assert_eq!(
        proposed(&config, "passport_no", "text", none),
        "passport_no: { source: text, type: STRING, class: national_id, transform: set_null }"
    );
}
