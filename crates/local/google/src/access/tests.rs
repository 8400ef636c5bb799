use super::*;

const ROOT: &str = "projects/p/locations/l/taxonomies/t/policyTags/root";
const LEAF: &str = "projects/p/locations/l/taxonomies/t/policyTags/leaf";

fn tag_tree() -> AccessControl {
    let mut access = AccessControl::default();
    access.add_policy_tag(PolicyTag {
        name: ROOT.into(),
        display_name: "pii".into(),
        parent: None,
    });
    access.add_policy_tag(PolicyTag {
        name: LEAF.into(),
        display_name: "email".into(),
        parent: Some(ROOT.into()),
    });
    access
}

fn add_data_policy(access: &mut AccessControl, tag: &str, rule: MaskingRule, reader: &str) {
    access.set_data_policy(tag, rule, BTreeSet::from([reader.to_owned()]));
}

fn principal(grants: Grants) -> Principal {
    Principal::new("principal@example.com", grants)
}

#[test]
fn a_taxonomy_enforces_its_tags_if_it_is_activated_or_has_a_data_policy() {
    let mut access = tag_tree();
    let anyone = principal(Grants::none());
    assert_eq!(access.column_access(&anyone, LEAF), ColumnAccess::Denied);
    access.set_activated(taxonomy_of(LEAF), false);
    assert_eq!(access.column_access(&anyone, LEAF), ColumnAccess::Plain);
    add_data_policy(&mut access, ROOT, MaskingRule::AlwaysNull, "another@example.com");
    assert_eq!(access.column_access(&anyone, LEAF), ColumnAccess::Denied);
}

#[test]
fn an_unknown_tag_hides_the_column() {
    assert_eq!(
        tag_tree().column_access(&principal(Grants::none()), "nowhere"),
        ColumnAccess::Denied
    );
}

#[test]
fn the_role_nearest_to_the_column_decides() {
    let reader = "principal@example.com";
    let mut access = tag_tree();
    add_data_policy(&mut access, ROOT, MaskingRule::AlwaysNull, "another@example.com");
    assert_eq!(access.column_access(&principal(Grants::none()), LEAF), ColumnAccess::Denied);
    let root = principal(Grants::none().fine_grained_reader(ROOT));
    assert_eq!(access.column_access(&root, LEAF), ColumnAccess::Plain);
    // A masking rule nearer to the column overrides the role at the root.
    add_data_policy(&mut access, LEAF, MaskingRule::EmailMask, reader);
    assert_eq!(access.column_access(&root, LEAF), ColumnAccess::Masked(MaskingRule::EmailMask));
    // At the same level, plain access overrides masking.
    let both = principal(Grants::none().fine_grained_reader(LEAF));
    assert_eq!(access.column_access(&both, LEAF), ColumnAccess::Plain);
}

#[test]
fn the_rule_with_the_highest_priority_applies() {
    let mut access = tag_tree();
    for rule in [MaskingRule::AlwaysNull, MaskingRule::Default, MaskingRule::Sha256] {
        add_data_policy(&mut access, LEAF, rule, ALL_AUTHENTICATED_USERS);
    }
    let reader = principal(Grants::none());
    assert_eq!(access.column_access(&reader, LEAF), ColumnAccess::Masked(MaskingRule::Sha256));
}

#[test]
fn only_the_data_owner_may_set_tags() {
    let access = tag_tree();
    for (role, is_allowed) in
        [(Role::DataOwner, true), (Role::DataEditor, false), (Role::DataViewer, false)]
    {
        let caller = principal(Grants::none().dataset_role("d", role));
        assert_eq!(
            access.allows_on_dataset(&caller, "d", "bigquery.tables.setCategory"),
            is_allowed
        );
    }
}
