//! Checks who may read the landing bucket, whose files contain plain personal data.

use landbridge_core::ErrorKind;
use landbridge_core::access::{Deployment, own_function};
use landbridge_core::config::{Config, FUNCTION_WORKER};
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

/// Reads the bucket's policy and reports every reader other than the functions. `project_number` is
/// that of the project that owns the bucket.
pub(super) async fn check(
    line: &mut ReportLine,
    inspector: &Inspector,
    (config, deployment): (&Config, &Deployment),
    project_number: Option<u64>,
) {
    let bucket = &config.transfer.bucket;
    let manual_check = || Some(format!("gcloud storage buckets get-iam-policy gs://{bucket}"));
    match inspector.bucket_policy(bucket).await {
        Ok(Some(policy)) => report(line, &policy, deployment, project_number),
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
    deployment: &Deployment,
    project_number: Option<u64>,
) {
    let foreign = foreign_readers(policy, deployment, project_number);
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
    deployment: &Deployment,
    project_number: Option<u64>,
) -> Vec<String> {
    let reading = policy.iter().filter(|binding| !CANNOT_READ.contains(&binding.role.as_str()));
    reading
        .flat_map(|binding| binding.members.iter().map(move |member| (member, &binding.role)))
        .filter(|(member, _)| !is_ours(member, deployment, project_number))
        .map(|(member, role)| format!("{member} ({role})"))
        .collect()
}

/// Whether a member is the principal set of a function that the policy of terraform/modules/gcp names as a
/// reader, in the pool of this project. All databases of the file share the bucket.
fn is_ours(member: &str, deployment: &Deployment, project_number: Option<u64>) -> bool {
    let reads =
        matches!(own_function(member, deployment), Some("transfer" | FUNCTION_WORKER | "load"));
    let number = member
        .strip_prefix("principalSet://iam.googleapis.com/projects/")
        .and_then(|rest| rest.split_once('/'))
        .and_then(|(number, _)| number.parse::<u64>().ok());
    reads && number.is_some_and(|it| project_number.is_none_or(|own| own == it))
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
        let [transfer, worker, load] = ["transfer", "transfer-item", "load"]
            .map(|function| format!("{POOL}/landbridge-shop-{function}"));
        vec![
            binding("objectCreator", &[&transfer, &worker]),
            binding("objectViewer", &[&transfer, &worker, &load]),
            binding("legacyBucketReader", &[&load]),
            binding("objectUser", &[&load]),
        ]
    }

    fn line(more: &[BucketBinding], number: Option<u64>) -> ReportLine {
        let mut line = ReportLine::new("google", "bucket readers");
        let text = landbridge_cli_support::files::EXAMPLE_CONFIG;
        let config = landbridge_core::config::parse("landbridge.yaml", text).expect("a valid file");
        let deployment = Deployment::of_one(&config);
        report(&mut line, &[ours(), more.to_vec()].concat(), &deployment, number);
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
    fn only_our_functions_of_this_project_may_read() {
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

    /// The pool has the name that the databases share, the roles have the names of the databases.
    #[test]
    fn the_functions_of_all_databases_may_read() {
        let text = include_str!("../../../../examples/two-databases/landbridge.yaml");
        let databases = landbridge_core::config::parse_databases("landbridge.yaml", text);
        let deployment = Deployment::of(&databases.expect("a valid file"));
        let pool = POOL.replace("landbridge-shop", "landbridge-company");
        for (role, is_reader) in [
            ("landbridge-shop-load", true),
            ("landbridge-billing-transfer", true),
            ("landbridge-company-load", false),
            ("landbridge-billing-protect", false),
        ] {
            let member = format!("{pool}/{role}");
            assert_eq!(is_ours(&member, &deployment, Some(123_456_789_012)), is_reader, "{role}");
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
