//! The performance of storage: which IOPS and throughput a request to RDS may name.

use super::settings::{Setting, SettingValue, Settings};

/// From this size on, in GiB, the IOPS and the throughput of gp3 storage can be set. Below it, RDS
/// rejects a request that names them (RDS User Guide, "gp3 storage": Db2, MariaDB, MySQL,
/// PostgreSQL).
const GP3_THRESHOLD_GIB: i64 = 400;
/// The IOPS of gp3 storage below the threshold. Storage above it never has so few.
const GP3_BASELINE_IOPS: i64 = 3_000;

/// Removes the IOPS and the throughput that RDS refuses for this type and size of storage. RDS
/// describes storage that has no such property with 0 (`StorageThroughput` of gp2).
pub fn remove_what_rds_refuses(settings: &mut Settings) {
    let number = |setting| match settings.get(setting) {
        Some(SettingValue::Number(number)) => Some(*number),
        _ => None,
    };
    let (iops, gib) = (number(Setting::Iops), number(Setting::StorageGb));
    let throughput = number(Setting::StorageThroughput);
    let Some(storage) = settings.get(Setting::StorageType).map(SettingValue::to_string) else {
        // Members of an Aurora cluster have no storage of their own.
        return;
    };
    let (may_set_iops, may_set_throughput) = match storage.as_str() {
        "gp3" => {
            // Records of clusters did not contain the size.
            let is_large = match gib {
                Some(gib) => gib >= GP3_THRESHOLD_GIB,
                None => iops.is_some_and(|iops| iops > GP3_BASELINE_IOPS),
            };
            (is_large, is_large)
        }
        io if io.starts_with("io") => (true, false),
        _ => (false, false),
    };
    if !may_set_iops || iops.is_some_and(|iops| iops <= 0) {
        settings.remove(Setting::Iops);
    }
    if !may_set_throughput || throughput.is_some_and(|throughput| throughput <= 0) {
        settings.remove(Setting::StorageThroughput);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_rds_accepts_for_the_storage_is_named() {
        // Type, size, IOPS and throughput as recorded; IOPS and throughput in the request.
        type Case =
            (&'static str, Option<i64>, Option<i64>, Option<i64>, (Option<i64>, Option<i64>));
        let cases: [Case; 12] = [
            ("gp2", Some(100), None, Some(0), (None, None)),
            ("gp2", Some(2_000), Some(0), Some(0), (None, None)),
            ("standard", Some(100), None, Some(0), (None, None)),
            ("gp3", Some(20), Some(3_000), Some(125), (None, None)),
            ("gp3", Some(399), Some(3_000), Some(0), (None, None)),
            ("gp3", Some(400), Some(12_000), Some(500), (Some(12_000), Some(500))),
            ("gp3", None, Some(3_000), None, (None, None)),
            ("gp3", None, Some(16_000), None, (Some(16_000), None)),
            ("io2", Some(100), Some(16_000), Some(0), (Some(16_000), None)),
            ("aurora-iopt1", None, Some(0), Some(0), (None, None)),
            ("aurora-iopt1", None, Some(9), Some(9), (None, None)),
            ("io1", Some(100), Some(0), None, (None, None)),
        ];
        for (storage, gib, iops, throughput, expected) in cases {
            let mut settings = Settings::default();
            settings.set(Setting::StorageType, Some(SettingValue::Text(storage.into())));
            settings.set(Setting::StorageGb, gib.map(SettingValue::Number));
            settings.set(Setting::Iops, iops.map(SettingValue::Number));
            settings.set(Setting::StorageThroughput, throughput.map(SettingValue::Number));
            remove_what_rds_refuses(&mut settings);
            let number = |setting| match settings.get(setting) {
                Some(SettingValue::Number(number)) => Some(*number),
                _ => None,
            };
            let named = (number(Setting::Iops), number(Setting::StorageThroughput));
            assert_eq!(named, expected, "{storage} of {gib:?} GiB");
        }
    }
}
