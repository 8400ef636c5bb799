//! Identifiers of networks and devices, secrets, and the plain words of computer systems.

use super::numbers::luhn_digit;
use super::{ALPHANUMERIC, Rng};

/// Addresses, devices, sessions and positions.
pub(super) fn identifier(name: &str, rng: &mut Rng) -> Option<String> {
    Some(match name {
        "ipv4" => ipv4(rng),
        "ipv6" => ipv6(rng),
        "ip_mixed" if rng.chance(75) => ipv4(rng),
        "ip_mixed" => ipv6(rng),
        "ip_list" => format!("{}, 10.{}.{}.4", ipv4(rng), rng.below(256), rng.below(256)),
        "mac" => mac(rng),
        "mac_canonical" => mac(rng).to_lowercase().replace('-', ":"),
        "uuid" => uuid(rng),
        "idfa" => uuid(rng).to_uppercase(),
        "imei" => {
            let body = format!("35{}", rng.digits(12));
            format!("{body}{}", luhn_digit(&body))
        }
        "imsi" => format!("45005{}", rng.digits(10)),
        "android_id" => rng.hex(16),
        "push_token" => {
            format!("{}:APA91b{}", rng.letters(ALPHANUMERIC, 22), rng.letters(ALPHANUMERIC, 134))
        }
        "user_agent" => user_agent(rng),
        "client_id" => {
            format!("GA1.2.{}.{}", rng.digits(9), rng.between(1_600_000_000, 1_790_000_000))
        }
        "session_token" => rng.letters(ALPHANUMERIC, 32),
        "session_java" => format!("{}.worker{}", rng.hex(32).to_uppercase(), rng.between(1, 4)),
        "session_data" => format!(
            ".eJx{}:{}:{}",
            rng.letters(ALPHANUMERIC, 90),
            rng.letters(ALPHANUMERIC, 6),
            rng.letters(ALPHANUMERIC, 43)
        ),
        "latitude" => format!("{}.{}", rng.between(33, 43), rng.digits(6)),
        "longitude" => format!("{}.{}", rng.between(124, 131), rng.digits(6)),
        "longitude_us" => format!("-{}.{}", rng.between(71, 122), rng.digits(6)),
        "wkt_point" => format!(
            "POINT(12{}.{} 3{}.{})",
            rng.between(5, 9),
            rng.digits(6),
            rng.between(3, 8),
            rng.digits(6)
        ),
        "pg_point" => format!(
            "(12{}.{},3{}.{})",
            rng.between(5, 9),
            rng.digits(5),
            rng.between(3, 8),
            rng.digits(5)
        ),
        "lat_lng" => format!(
            "3{}.{},12{}.{}",
            rng.between(3, 8),
            rng.digits(5),
            rng.between(5, 9),
            rng.digits(5)
        ),
        _ => return None,
    })
}

/// Passwords, their hashes, tokens and keys.
pub(super) fn secret(name: &str, rng: &mut Rng) -> Option<String> {
    Some(match name {
        "bcrypt" => format!(
            "$2{}$1{}${}",
            rng.pick(&["a", "b", "y"]),
            rng.between(0, 2),
            rng.letters(ALPHANUMERIC, 53)
        ),
        "django_hash" => format!(
            "pbkdf2_sha256$600000${}${}=",
            rng.letters(ALPHANUMERIC, 22),
            rng.letters(ALPHANUMERIC, 43)
        ),
        "phpass" => format!("$P$B{}", rng.letters(ALPHANUMERIC, 30)),
        "mysql_password" => format!("*{}", rng.hex(40).to_uppercase()),
        "argon2" => format!(
            "$argon2id$v=19$m=65536,t=3,p=4${}${}",
            rng.letters(ALPHANUMERIC, 22),
            rng.letters(ALPHANUMERIC, 43)
        ),
        "plain_password" => {
            let word = *rng.pick(&["qwer", "summer", "dragon", "hello", "love", "test"]);
            format!("{word}{}{}", rng.between(1, 2026), rng.pick(&["!", "@", "", "#"]))
        }
        "md5" => rng.hex(32),
        "sha1" => rng.hex(40),
        "sha256" => rng.hex(64),
        "sha256_base64" => format!("{}=", rng.letters(ALPHANUMERIC, 43)),
        "salt" => rng.hex(16),
        "jwt" => format!(
            "eyJhbGciOiJIUzI1NiJ9.eyJ{}.{}",
            rng.letters(ALPHANUMERIC, 70),
            rng.letters(ALPHANUMERIC, 43)
        ),
        "api_key" => {
            let prefix = *rng.pick(&["sk_test_", "pk_test_", "key-", ""]);
            format!("{prefix}{}", rng.letters(ALPHANUMERIC, 32))
        }
        "token_urlsafe" => rng.letters(ALPHANUMERIC, 43),
        "totp_secret" => rng.letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 32),
        "bytes_base64" => format!("{}==", rng.letters(ALPHANUMERIC, 22)),
        "pem_private" => format!(
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE{}\n-----END RSA PRIVATE KEY-----",
            rng.letters(ALPHANUMERIC, 120)
        ),
        "pem_public" => format!(
            "-----BEGIN PUBLIC KEY-----\nMIIB{}\n-----END PUBLIC KEY-----",
            rng.letters(ALPHANUMERIC, 90)
        ),
        "backup_codes" => format!("{{{},{},{}}}", rng.hex(8), rng.hex(8), rng.hex(8)),
        "bytes" => format!("\\x{}", rng.hex(64)),
        "jpeg_bytes" => format!("\\xffd8ffe000104a464946{}", rng.hex(64)),
        _ => return None,
    })
}

/// Hosts, links and files.
pub(super) fn system(name: &str, rng: &mut Rng) -> Option<String> {
    Some(match name {
        "hostname" => format!(
            "{}-{:02}.{}.internal.example",
            rng.pick(&["web", "db", "cache", "edge"]),
            rng.between(1, 24),
            rng.pick(&["icn", "fra", "iad"])
        ),
        "domain" => {
            format!("{}.example", rng.pick(&["mastodon", "social", "fosstodon", "shop", "status"]))
        }
        "url" => format!(
            "https://www.example.com/{}/{}",
            rng.pick(&["products", "blog", "help", "events", "c"]),
            rng.between(1, 99999)
        ),
        "url_path" => format!(
            "/{}/{}",
            rng.pick(&["member/login", "api/v1/orders", "board/view", "admin/menu", "search"]),
            rng.between(1, 900)
        ),
        "url_profile" => format!("https://social.example/users/{}", super::people::login(rng)),
        "file_path" => format!(
            "/data/upload/{}/{:02}/{}.{}",
            rng.between(2019, 2026),
            rng.between(1, 12),
            rng.hex(12),
            rng.pick(&["jpg", "png", "pdf", "hwp"])
        ),
        "file_name" => format!(
            "{}_{}.{}",
            rng.pick(&["invoice", "IMG", "report", "banner", "견적서", "첨부파일"]),
            rng.between(1, 9999),
            rng.pick(&["pdf", "jpg", "xlsx", "hwp"])
        ),
        _ => return None,
    })
}

/// Versions, classes and other marks of software.
pub(super) fn software(name: &str, rng: &mut Rng) -> Option<String> {
    Some(match name {
        "version" => format!("{}.{}.{}", rng.between(0, 9), rng.between(0, 30), rng.between(0, 12)),
        "migration" => format!(
            "{:04}_{}",
            rng.between(1, 99),
            rng.pick(&[
                "initial",
                "add_user_email",
                "alter_address_type",
                "remove_ssn",
                "create_index"
            ])
        ),
        "migration_version" => format!(
            "{}{:02}{:02}{}",
            rng.between(2015, 2026),
            rng.between(1, 12),
            rng.between(1, 28),
            rng.digits(6)
        ),
        "class_name" => format!(
            "App\\{}\\{}",
            rng.pick(&["Models", "Jobs", "Notifications"]),
            rng.pick(&["User", "Order", "SendEmail", "Address"])
        ),
        "java_class" => format!(
            "com.example.{}.{}",
            rng.pick(&["member", "order", "batch"]),
            rng.pick(&["MemberServiceImpl", "AddressValidator", "EmailSender"])
        ),
        "cron" => format!("{} {} * * *", rng.between(0, 59), rng.between(0, 23)),
        "color" => format!("#{}", rng.hex(6)),
        "serial_no" => format!(
            "{}-{}-{}",
            rng.pick(&["SN", "TMP", "GW"]),
            rng.digits(4),
            rng.letters("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", 6)
        ),
        _ => return None,
    })
}

/// An address of the ranges for documentation and for benchmarks.
pub(super) fn ipv4(rng: &mut Rng) -> String {
    match rng.below(4) {
        0 => format!("203.0.113.{}", rng.below(256)),
        1 => format!("198.51.100.{}", rng.below(256)),
        2 => format!("198.{}.{}.{}", rng.between(18, 19), rng.below(256), rng.below(256)),
        _ => format!("192.0.2.{}", rng.below(256)),
    }
}

/// An address of the documentation prefix 2001:db8::/32.
fn ipv6(rng: &mut Rng) -> String {
    let group = |rng: &mut Rng| format!("{:x}", rng.between(1, 0xffff));
    format!("2001:db8:{}:{}::{}", group(rng), group(rng), group(rng))
}

/// A locally administered hardware address.
fn mac(rng: &mut Rng) -> String {
    let separator = *rng.pick(&[":", ":", "-"]);
    let tail: Vec<String> = (0..5).map(|_| rng.hex(2)).collect();
    let address = format!("02{separator}{}", tail.join(separator));
    if rng.chance(40) { address.to_uppercase() } else { address }
}

/// A random UUID (version 4).
fn uuid(rng: &mut Rng) -> String {
    let variant = rng.letters("89ab", 1);
    format!("{}-{}-4{}-{variant}{}-{}", rng.hex(8), rng.hex(4), rng.hex(3), rng.hex(3), rng.hex(12))
}

fn user_agent(rng: &mut Rng) -> String {
    let major = rng.between(110, 140);
    match rng.below(4) {
        0 => format!(
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"
        ),
        1 => format!(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.{} Mobile/15E148 Safari/604.1",
            rng.between(0, 7),
            rng.between(0, 7)
        ),
        2 => format!(
            "Mozilla/5.0 (Linux; Android 14; SM-S918N) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Mobile Safari/537.36"
        ),
        _ => format!(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:{major}.0) Gecko/20100101 Firefox/{major}.0"
        ),
    }
}
