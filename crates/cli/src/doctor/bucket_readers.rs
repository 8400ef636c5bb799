//! Checks who may read the landing bucket, whose files contain plain personal data.

use landbridge_core::ErrorKind;
use landbridge_core::config::Config;
use landbridge_gcp::Inspector;
use landbridge_gcp::inspect::BucketBinding;

use super::advice;
use super::line::ReportLine;

/// The roles with which nobody reads an object or can give himself the right to. Any other role, and any
/// custom role, counts as one that reads (Google documentation, "IAM roles for Cloud Storage").
const CANNOT_READ: [&str; 4] = [
    "roles/storage.objectCreator",
    "roles/storage.legacyBucketReader",
    "roles/storage.legacyBucketWriter",
    "roles/storage.bucketViewer",
];

/// The functions whose principals the policy of terraform/modules/gcp names.
const FUNCTIONS: [&str; 2] = ["transfer", "load"];

/// Reads the bucket's policy and reports every reader other than the functions. `project_number` is
/// that of the project that owns the bucket.
pub(super) async fn check(
    line: &mut ReportLine,
    inspector: &Inspector,
    config: &Config,
    project_number: Option<u64>,
) {
    let bucket = &config.transfer.bucket;
    let manual_check = || Some(format!("gcloud storage buckets get-iam-policy gs://{bucket}"));
    match inspector.bucket_policy(bucket).await {
        Ok(Some(policy)) => report(line, &policy, &config.source.name, project_number),
        Ok(None) => line.unchecked("Cloud Storage returned no policy", manual_check()),
        Err(error) if error.kind() == ErrorKind::Denied => line.unchecked(
            "these credentials lack storage.buckets.getIamPolicy on the bucket",
            manual_check(),
        ),
        Err(error) => line.failed(&error, advice(&error, "storage.buckets.getIamPolicy")),
    }
}

fn report(
    line: &mut ReportLine,
    policy: &[BucketBinding],
    source: &str,
    project_number: Option<u64>,
) {
    let foreign = foreign_readers(policy, source, project_number);
    if foreign.is_empty() {
        line.good(
            "by the bucket's policy only transfer and load; roles on the project are not in it",
        );
    } else {
        line.bad(
            format!("others may read its plain files: {}", foreign.join(", ")),
            "run terraform apply, which sets the bucket's complete policy, then find out who added the member",
        );
    }
}

/// Each member that is not ours, with the role with which it may read: `projectViewer:shop-analytics
/// (roles/storage.legacyObjectReader)`.
fn foreign_readers(
    policy: &[BucketBinding],
    source: &str,
    project_number: Option<u64>,
) -> Vec<String> {
    let reading = policy.iter().filter(|binding| !CANNOT_READ.contains(&binding.role.as_str()));
    reading
        .flat_map(|binding| binding.members.iter().map(move |member| (member, &binding.role)))
        .filter(|(member, _)| !is_ours(member, source, project_number))
        .map(|(member, role)| format!("{member} ({role})"))
        .collect()
}

/// Whether a member is the principal set of transfer or load in the pool of this project.
fn is_ours(member: &str, source: &str, project_number: Option<u64>) -> bool {
    let Some((number, rest)) = member
        .strip_prefix("principalSet://iam.googleapis.com/projects/")
        .and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    let own_project = match (number.parse::<u64>(), project_number) {
        (Ok(number), Some(own)) => number == own,
        (Ok(_), None) => true,
        (Err(_), _) => false,
    };
    let pool = format!("locations/global/workloadIdentityPools/landbridge-{source}");
    own_project
        && FUNCTIONS.iter().any(|function| {
            rest == format!("{pool}/attribute.aws_role/landbridge-{source}-{function}")
        })
}

#[cfg(test)]
mod tests {
    use super::super::line::CheckState;
    use super::*;

    const POOL: &str = "principalSet://iam.googleapis.com/projects/123456789012/locations/global/\
                        workloadIdentityPools/landbridge-shop/attribute.aws_role";

    fn binding(role: &str, members: &[&str]) -> BucketBinding {
        let members = members.iter().map(|it| (*it).to_owned()).collect();
        BucketBinding { role: format!("roles/storage.{role}"), members }
    }

    /// What terraform/modules/gcp sets.
    fn ours() -> Vec<BucketBinding> {
        let (transfer, load) =
            (format!("{POOL}/landbridge-shop-transfer"), format!("{POOL}/landbridge-shop-load"));
        vec![
            binding("objectCreator", &[&transfer]),
            binding("objectViewer", &[&transfer, &load]),
            binding("legacyBucketReader", &[&load]),
            binding("objectUser", &[&load]),
        ]
    }

    fn line(more: &[BucketBinding], number: Option<u64>) -> ReportLine {
        let mut line = ReportLine::new("google", "bucket readers");
        report(&mut line, &[ours(), more.to_vec()].concat(), "shop", number);
        line
    }

    #[test]
    fn the_policy_of_terraform_is_good_and_googles_default_bindings_are_not() {
        let number = Some(123_456_789_012);
        for known in [number, None] {
            assert_eq!(line(&[], known).state, CheckState::Good);
        }
        // Google's documentation, "IAM roles for Cloud Storage": what a new bucket has.
        let default = [
            binding("legacyBucketOwner", &["projectEditor:p", "projectOwner:p"]),
            binding("legacyBucketReader", &["projectViewer:p"]),
            binding("legacyObjectOwner", &["projectEditor:p", "projectOwner:p"]),
            binding("legacyObjectReader", &["projectViewer:p"]),
        ];
        let found = line(&default, number);
        assert_eq!(found.state, CheckState::Bad);
        assert_eq!(
            found.found,
            "others may read its plain files: \
             projectEditor:p (roles/storage.legacyBucketOwner), \
             projectOwner:p (roles/storage.legacyBucketOwner), \
             projectEditor:p (roles/storage.legacyObjectOwner), \
             projectOwner:p (roles/storage.legacyObjectOwner), \
             projectViewer:p (roles/storage.legacyObjectReader)"
        );
    }

    #[test]
    fn only_our_two_functions_of_this_project_may_read() {
        let number = Some(123_456_789_012);
        let pool = |text: &str| POOL.replace("123456789012", text);
        for (member, bad) in [
            ("allUsers".to_owned(), true),
            ("allAuthenticatedUsers".to_owned(), true),
            ("user:someone@example.com".to_owned(), true),
            // The protection pass has no right on the bucket; another source's load, a longer name and
            // the whole pool are not ours.
            (format!("{POOL}/landbridge-shop-protect"), true),
            (format!("{POOL}/landbridge-shop-load-2"), true),
            (format!("{POOL}/landbridge-payroll-load"), true),
            (POOL.replace("/attribute.aws_role", "/*"), true),
            (format!("{}/landbridge-shop-load", pool("987654321098")), true),
            (format!("{}/landbridge-shop-load", pool("p")), true),
            (format!("{POOL}/landbridge-shop-load"), false),
        ] {
            let found = line(&[binding("objectViewer", &[&member])], number);
            assert_eq!(found.state == CheckState::Bad, bad, "{member}: {}", found.found);
        }
    }

    #[test]
    fn a_role_that_reads_nothing_is_harmless_and_an_unknown_role_is_not() {
        let someone = ["user:someone@example.com"];
        for role in ["objectCreator", "legacyBucketReader", "legacyBucketWriter", "bucketViewer"] {
            assert_eq!(line(&[binding(role, &someone)], None).state, CheckState::Good, "{role}");
        }
        let custom = BucketBinding {
            role: "projects/p/roles/mine".to_owned(),
            members: vec![someone[0].to_owned()],
        };
        for unknown in [binding("admin", &someone), binding("newRole", &someone), custom] {
            let found = line(std::slice::from_ref(&unknown), None);
            assert_eq!(found.state, CheckState::Bad, "{}", unknown.role);
        }
    }
}
