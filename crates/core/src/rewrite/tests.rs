use super::*;

#[test]
fn a_plan_reads_from_yaml() {
    let text = "\
max_misfit_share: 0.01
columns:
  born: { retype: { to: date } }
  amount: { retype: { to: { numeric: { precision: 12, scale: 2 } }, on_misfit: keep_text } }
  tags: { retype: { to: { list: text } } }
  code: { annotate: string }
  account: { tokenise: { domain: account } }
  notes: drop
  memo: set_null
rename: { code: 코드, tags: \"a b\" }
";
    let plan = RewritePlan::from_yaml(text, "plan.yaml").expect("it is a plan").into_value();
    plan.validate().expect("it makes sense");
    assert_eq!(plan.action("notes"), Action::Drop);
    assert_eq!(plan.action("memo"), Action::SetNull);
    assert_eq!(plan.action("not named"), Action::Keep);
    assert_eq!(plan.action("code"), Action::Annotate(AnnotateAs::String));
    assert_eq!(plan.action("account"), Action::Tokenise { domain: "account".into() });
    let list = TargetType::List(Box::new(TargetType::Text));
    assert_eq!(plan.action("tags"), Action::Retype { to: list, on_misfit: None });
    let numeric = TargetType::Numeric(Decimal { precision: 12, scale: 2 });
    let keep = Some(OnMisfit::KeepText);
    assert_eq!(plan.action("amount"), Action::Retype { to: numeric, on_misfit: keep });
    assert!((plan.max_misfit_share - 0.01).abs() < 1e-12);
    let names = ["code", "tags", "memo"].map(|name| plan.output_name(name));
    assert_eq!(names, ["코드", "a b", "memo"]);
}

#[test]
fn impossible_types_are_refused() {
    let decimal = |precision, scale| Decimal { precision, scale };
    for to in [
        TargetType::Numeric(decimal(39, 9)),
        TargetType::Numeric(decimal(38, 10)),
        TargetType::Numeric(decimal(30, 0)),
        TargetType::Numeric(decimal(0, 0)),
        TargetType::Bignumeric(decimal(76, 37)),
        TargetType::Bignumeric(decimal(76, 39)),
        TargetType::Text,
        TargetType::List(Box::new(TargetType::List(Box::new(TargetType::Int64)))),
    ] {
        let mut plan = RewritePlan::default();
        let action = Action::Retype { to: to.clone(), on_misfit: None };
        plan.columns.insert("x".into(), action);
        assert_eq!(
            plan.validate().expect_err("it cannot exist").kind(),
            ErrorKind::Config,
            "{to:?}"
        );
    }
    let plan = RewritePlan { max_misfit_share: 1.5, ..RewritePlan::default() };
    assert_eq!(plan.validate().expect_err("no share").kind(), ErrorKind::Config);
    let rename = [("a".to_owned(), String::new())].into();
    let plan = RewritePlan { rename, ..RewritePlan::default() };
    assert_eq!(plan.validate().expect_err("no name").context(), "column `a`");
}

#[test]
fn every_reason_is_listed_in_its_place() {
    for (place, misfit) in Misfit::ALL.into_iter().enumerate() {
        assert_eq!(misfit as usize, place);
    }
}

#[test]
fn a_plan_is_checked_and_described() {
    let timestamp_in = |zone: &str| TargetType::TimestampIn(zone.to_owned());
    for (to, valid) in [
        (timestamp_in("Asia/Seoul"), true),
        (timestamp_in("Asia/Seul"), false),
        (TargetType::Text, false),
        (TargetType::List(Box::new(TargetType::Text)), true),
        (TargetType::List(Box::new(timestamp_in("Mars"))), false),
        (TargetType::Numeric(Decimal { precision: 38, scale: 9 }), true),
        (TargetType::Numeric(Decimal { precision: 39, scale: 9 }), false),
        (TargetType::Numeric(Decimal { precision: 12, scale: 10 }), false),
        (TargetType::Numeric(Decimal { precision: 1, scale: 2 }), false),
        (TargetType::Numeric(Decimal { precision: 0, scale: 0 }), false),
        (TargetType::Bignumeric(Decimal { precision: 76, scale: 38 }), true),
        (TargetType::Bignumeric(Decimal { precision: 77, scale: 38 }), false),
    ] {
        assert_eq!(to.validate("c").is_ok(), valid, "{to:?}");
    }
    let tokenise = |domain: &str| Action::Tokenise { domain: domain.to_owned() }.describe();
    assert_eq!(
        (tokenise(""), tokenise("d")),
        ("tokenise".to_owned(), "tokenise in `d`".to_owned())
    );
}
