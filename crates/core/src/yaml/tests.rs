use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::*;

/// A ferry line.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Line {
    name: String,
    flag: Flag,
    #[serde(default)]
    berths: u8,
    #[serde(default)]
    night: bool,
    #[serde(default)]
    ports: BTreeMap<String, Port>,
    #[serde(default)]
    crew: Option<Crew>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Port {
    #[schemars(schema_with = "format::time_zone")]
    zone: String,
    #[serde(default)]
    quays: Vec<u16>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Crew {
    captain: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Flag {
    /// Of Korea.
    Korea,
    /// Of Japan.
    Japan,
}

fn rules(line: &Line) -> Vec<Violation> {
    let ports = KeyPath::root().key("ports");
    match line.ports.keys().next() {
        Some(first) if line.ports.len() == 1 => {
            vec![Violation::new(ports.key(first), "a line needs two ports").help("name another")]
        }
        _ => Vec::new(),
    }
}

fn check(text: &str, expected: Expect) {
    let shown = match parse_checked::<Line>("line.yaml", text, rules) {
        Ok(line) => format!("{line:#?}"),
        Err(diagnostics) => diagnostics.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_valid_file() {
    check(
        r#"
name: "Busan – Hakata" # a comment
flag: korea
night: true
ports:
  busan: { zone: Asia/Seoul, quays: [1, 22] }
  hakata: { zone: Asia/Tokyo }
crew:
"#,
        expect![[r#"
            Line {
                name: "Busan – Hakata",
                flag: Korea,
                berths: 0,
                night: true,
                ports: {
                    "busan": Port {
                        zone: "Asia/Seoul",
                        quays: [
                            1,
                            22,
                        ],
                    },
                    "hakata": Port {
                        zone: "Asia/Tokyo",
                        quays: [],
                    },
                },
                crew: None,
            }"#]],
    );
}

#[test]
fn all_errors_are_reported_at_once() {
    check(
        r#"
name: 7
flag: corea
berths: many
nigth: true
ports:
  busan:
    zone: Asia/Soul
    quays: [1, two, 70000]
  hakata:
    zone: Asia/Tokyo
    zone: Asia/Seoul
    depth: 4
  nowhere: {}
crew: { }
mast: 1
"#,
        expect![[r#"
            line.yaml:2:7: `name` must be text, but is a number; put it in quotes
            line.yaml:3:7: `flag` cannot be `corea`; did you mean `korea`?
            line.yaml:4:9: `berths` must be a whole number, but is text
            line.yaml:5:1: unknown key `nigth`; did you mean `night`?
            line.yaml:8:11: `ports.busan.zone`: `Asia/Soul` is not a time zone; did you mean `Asia/Seoul`?
            line.yaml:9:16: `ports.busan.quays[1]` must be a whole number, but is text
            line.yaml:9:21: `ports.busan.quays[2]` must be from 0 to 65535, but is 70000
            line.yaml:12:5: duplicate key `zone` in `ports.hakata`; remove it, or the one on line 11
            line.yaml:13:5: unknown key `depth` in `ports.hakata`; use one of `zone`, `quays`
            line.yaml:14:3: key `zone` is missing in `ports.nowhere`
            line.yaml:15:1: key `captain` is missing in `crew`
            line.yaml:16:1: unknown key `mast`; use one of `name`, `flag`, `berths`, `night`, `ports`, `crew`
            12 errors in line.yaml"#]],
    );
}

#[test]
fn rules_also_run_on_a_file_with_minor_errors() {
    check(
        r#"
name: Line
flag: japan
colour: white
ports:
  busan: { zone: Seoul }
"#,
        expect![[r#"
            line.yaml:4:1: unknown key `colour`; use one of `name`, `flag`, `berths`, `night`, `ports`, `crew`
            line.yaml:6:3: a line needs two ports; name another
            line.yaml:6:18: `ports.busan.zone`: `Seoul` is not a time zone; did you mean `Asia/Seoul`?
            3 errors in line.yaml"#]],
    );
}

#[test]
fn a_misspelt_key_is_read_as_what_was_meant() {
    check(
        "name: Line\nflag: korea\nnihgt: 1\nporst: { busan: { zoen: Asia/Soul } }\n",
        expect![[r#"
            line.yaml:3:1: unknown key `nihgt`; did you mean `night`?
            line.yaml:3:8: `night` must be `true` or `false`, but is a number
            line.yaml:4:1: unknown key `porst`; did you mean `ports`?
            line.yaml:4:19: unknown key `zoen` in `ports.busan`; did you mean `zone`?
            line.yaml:4:25: `ports.busan.zone`: `Asia/Soul` is not a time zone; did you mean `Asia/Seoul`?
            5 errors in line.yaml"#]],
    );
    check(
        "nane: Line\nflag: korea\nname: Line\n",
        expect![[r#"
            line.yaml:1:1: unknown key `nane`; did you mean `name`?
            1 error in line.yaml"#]],
    );
}

#[test]
fn wrong_types_of_values() {
    check(
        "- name\n- flag\n",
        expect![[r#"
            line.yaml:1:1: the file must be a mapping of keys, but is a list
            1 error in line.yaml"#]],
    );
    check(
        "",
        expect![[r#"
            line.yaml:1:1: the file must be a mapping of keys, but is nothing
            1 error in line.yaml"#]],
    );
    check(
        "name: [a]\nflag: {}\nberths: 1.5\nnight: yes\nports: busan\n",
        expect![[r#"
            line.yaml:1:7: `name` must be text, but is a list
            line.yaml:2:7: `flag` must be text, but is a mapping
            line.yaml:3:9: `berths` must be a whole number, but is a fraction
            line.yaml:4:8: `night` must be `true` or `false`, but is text
            line.yaml:5:8: `ports` must be a mapping of keys, but is text
            5 errors in line.yaml"#]],
    );
    check(
        "name: Line\nflag: korea\nberths: 010\n",
        expect![[r#"
            line.yaml:3:9: `berths` must be a whole number, but is text; remove the leading zero
            1 error in line.yaml"#]],
    );
    check(
        "name: Line\nflag: korea\nberths: 256\n",
        expect![[r#"
            line.yaml:3:9: `berths` must be from 0 to 255, but is 256
            1 error in line.yaml"#]],
    );
    check(
        "name:\nflag:\n",
        expect![[r#"
            line.yaml:1:5: `name` must be text, but is nothing
            line.yaml:2:5: `flag` must be text, but is nothing
            2 errors in line.yaml"#]],
    );
}

#[test]
fn invalid_yaml() {
    check(
        "name: 'Line\nflag: korea\n",
        expect![[r#"
            line.yaml:1:7: not valid YAML: invalid indentation in quoted scalar
            1 error in line.yaml"#]],
    );
    check(
        "name: Line\n  flag: korea\n",
        expect![[r#"
            line.yaml:2:7: not valid YAML: mapping values are not allowed in this context
            1 error in line.yaml"#]],
    );
    check(
        "name: &n Line\nflag: *n\n",
        expect![[r#"
            line.yaml:1:7: anchors (`&…`) and tags (`!…`) are not supported
            line.yaml:2:7: aliases (`*…`) are not supported; write out the value
            2 errors in line.yaml"#]],
    );
    check(
        "name: !!str 7\nflag: korea\n",
        expect![[r#"
            line.yaml:1:7: anchors (`&…`) and tags (`!…`) are not supported
            1 error in line.yaml"#]],
    );
    check(
        "name: Line\nflag: korea\n---\nname: Other\n",
        expect![[r#"
            line.yaml:3:1: a second document (`---`) starts here; write only one document per file
            1 error in line.yaml"#]],
    );
    check(
        "{ name: Line, flag: korea, [a]: b }",
        expect![[r#"
            line.yaml:1:28: a key must be a single word or quoted text
            1 error in line.yaml"#]],
    );
    check(
        &"[".repeat(200),
        expect![[r#"
            line.yaml:1:33: nested too deeply
            1 error in line.yaml"#]],
    );
    check(
        "name: \u{1}\nflag: \tkorea\n",
        expect![[r#"
        Line {
            name: "\u{1}",
            flag: Korea,
            berths: 0,
            night: false,
            ports: {},
            crew: None,
        }"#]],
    );
}

#[test]
fn a_value_built_in_code_follows_the_same_rules() {
    let port = Port { zone: "Asia/Soul".into(), quays: vec![] };
    let shown: Vec<String> = violations_of(&port).iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["`zone`: `Asia/Soul` is not a time zone; did you mean `Asia/Seoul`?"]);
}

#[test]
fn a_later_violation_gets_its_position() {
    let text = "name: Line\nflag: korea\nports:\n  busan:\n    zone: Asia/Seoul\n";
    let document = parse::<Line>("line.yaml", text).expect("a sound file");
    let zone = KeyPath::root().key("ports").key("busan").key("zone");
    let lines: Vec<String> =
        [zone.clone(), KeyPath::root().key("ports"), KeyPath::root().key("berths"), zone.index(3)]
            .into_iter()
            .map(|path| document.diagnostic(Violation::new(path, "late")).to_string())
            .collect();
    assert_eq!(
        lines,
        [
            "line.yaml:5:11: late",
            "line.yaml:3:1: late",
            "line.yaml:1:1: late",
            "line.yaml:5:11: late"
        ]
    );
}

#[test]
fn every_wrong_kind_of_value_is_named() {
    let text = |flag: &str, ports: &str| format!("name: a\nflag: {flag}\n{ports}");
    let first = |text: &str| match parse::<Line>("line.yaml", text) {
        Ok(_) => "valid".to_owned(),
        Err(diagnostics) => {
            assert_eq!((diagnostics.file(), diagnostics.all().is_empty()), ("line.yaml", false));
            diagnostics.all()[0].to_string()
        }
    };
    let shown = [
        text("korea", ""),
        text("korea", "extra: 1"),
        text("korea", "ports: { b: { zone: Asia/Seoul, quays: 1 } }"),
        text("korea", "ports: { b: { zone: Asia/Seoul, quays: } }"),
        text("korea", "ports: { b: { zone: Asia/Seoul, quays: { a: 1 } } }"),
        text("korea", "ports: { b: { zone: Asia/Seoul, quays: [1, b] } }"),
        text("korea", "ports: { b: { zone: JST } }"),
        text("korea", "ports: { b: { zone: true } }"),
        text("korea", "ports: { b: { zone: } }"),
        text("korea", "ports: [a]"),
        text("korea", "berths: 256"),
        text("korea", "berths: -1"),
        text("korea", "berths: 01"),
        text("korea", "berths: 1.5"),
        text("korea", "berths: yes"),
        text("korea", "night: 1"),
        text("korea", "night: yes"),
        text("korea", "crew: ~"),
        text("korea", "crew: { captain: 1 }"),
        text("korea", "crew: captain"),
        text("Korea", ""),
        text("china", ""),
    ]
    .map(|it| first(&it));
    expect![[r#"
        valid
        line.yaml:3:1: unknown key `extra`; use one of `name`, `flag`, `berths`, `night`, `ports`, `crew`
        line.yaml:3:40: `ports.b.quays` must be a list, but is a number; write it in brackets, for example `[a, b]`
        line.yaml:3:38: `ports.b.quays` must be a list, but is nothing
        line.yaml:3:40: `ports.b.quays` must be a list, but is a mapping
        line.yaml:3:44: `ports.b.quays[1]` must be a whole number, but is text
        line.yaml:3:21: `ports.b.zone`: `JST` is not a time zone; did you mean `Asia/Tokyo`?
        line.yaml:3:21: `ports.b.zone` must be text, but is true or false; put it in quotes
        line.yaml:3:19: `ports.b.zone` must be text, but is nothing
        line.yaml:3:8: `ports` must be a mapping of keys, but is a list
        line.yaml:3:9: `berths` must be from 0 to 255, but is 256
        line.yaml:3:9: `berths` must be from 0 to 255, but is -1
        line.yaml:3:9: `berths` must be a whole number, but is text; remove the leading zero
        line.yaml:3:9: `berths` must be a whole number, but is a fraction
        line.yaml:3:9: `berths` must be a whole number, but is text
        line.yaml:3:8: `night` must be `true` or `false`, but is a number
        line.yaml:3:8: `night` must be `true` or `false`, but is text
        valid
        line.yaml:3:18: `crew.captain` must be text, but is a number; put it in quotes
        line.yaml:3:7: `crew` must be a mapping of keys, but is text
        line.yaml:2:7: `flag` cannot be `Korea`; did you mean `korea`?
        line.yaml:2:7: `flag` cannot be `china`; use one of `korea`, `japan`"#]].assert_eq(&shown.join("\n"));
}

#[test]
fn a_suggestion_is_near_or_a_short_list() {
    for (word, candidates, expected) in [
        ("emial", &["email", "phone"][..], Some("did you mean `email`?")),
        ("EMAIL", &["email_mask", "phone"], Some("did you mean `email_mask`?")),
        ("em", &["email_mask", "phone"], Some("use one of `email_mask`, `phone`")),
        ("email", &["email_mask", "email_hash"], Some("use one of `email_mask`, `email_hash`")),
        ("zone", &["a", "b"], Some("use one of `a`, `b`")),
        // Up to a third of the letters differ, and no more.
        ("abcdef", &["abcdxy"], Some("did you mean `abcdxy`?")),
        ("abcde", &["abcxy"], Some("use one of `abcxy`")),
        ("zone", &[], None),
        (
            "zone",
            &["a"; 16],
            Some(
                "use one of `a`, `a`, `a`, `a`, `a`, `a`, `a`, `a`, `a`, `a`, `a`, `a`, `a`, `a`, `a`, `a`",
            ),
        ),
        ("zone", &["a"; 17], None),
    ] {
        assert_eq!(nearest::suggestion(word, candidates).as_deref(), expected, "{word}");
    }
}
