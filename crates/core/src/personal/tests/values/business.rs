//! Values of a business: keys, codes, goods, amounts, companies, moments.

use super::words::{CITIES, KR_DISTRICTS, PRODUCTS_EN, PRODUCTS_KR};
use super::{ALPHANUMERIC, Rng};

/// Keys, codes and amounts.
pub(super) fn value(name: &str, rng: &mut Rng, row: usize) -> Option<String> {
    Some(match name {
        "seq" => (row + 1).to_string(),
        "id" => rng.between(1, 250_000).to_string(),
        "big_id" => rng.between(100_000_000_000, 999_999_999_999_999).to_string(),
        "code_upper" => {
            format!("{}{:03}", rng.letters("ABCDEFGHJKLMNPRSTUVW", 2), rng.between(1, 999))
        }
        "order_no" => format!(
            "{}{:02}{:02}-{}",
            rng.between(2019, 2026),
            rng.between(1, 12),
            rng.between(1, 28),
            rng.digits(7)
        ),
        "order_no_long" => format!(
            "20{}{:02}{:02}{}",
            rng.between(19, 26),
            rng.between(1, 12),
            rng.between(1, 28),
            rng.digits(8)
        ),
        "reference" => {
            format!("{}_{}", rng.pick(&["ch", "pi", "re", "tx"]), rng.letters(ALPHANUMERIC, 24))
        }
        "booking_code" => rng.letters("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 6),
        "sku" => format!(
            "{}-{}-{}",
            rng.letters("ABCDEFGHJKLM", 3),
            rng.digits(4),
            rng.pick(&["S", "M", "L", "BK"])
        ),
        "ean13" => format!("88{}", rng.digits(11)),
        "amount" => rng.decimal(1, 4999, 2),
        "won" => (rng.between(5, 9800) * 100).to_string(),
        "small_int" => rng.between(0, 100).to_string(),
        "big_count" => rng.between(0, 9_000_000).to_string(),
        "rate" => rng.decimal(0, 49, 4),
        _ => return None,
    })
}

/// Names of goods, companies and places of business.
pub(super) fn named(name: &str, rng: &mut Rng) -> Option<String> {
    Some(match name {
        "slug" => format!(
            "{}-{}",
            rng.pick(&["summer-sale", "how-to-return", "blue-shirt", "privacy-policy"]),
            rng.between(1, 400)
        ),
        "product_en" => (*rng.pick(PRODUCTS_EN)).to_owned(),
        "product_kr" => (*rng.pick(PRODUCTS_KR)).to_owned(),
        "company_en" => format!(
            "{} {}",
            rng.pick(&[
                "Northwind",
                "Globex",
                "Initech",
                "Johnson & Sons",
                "Umbra Retail",
                "Blue Harbor"
            ]),
            rng.pick(&["Inc.", "LLC", "Ltd", "GmbH", "Group"])
        ),
        "company_kr" => format!(
            "{}{}",
            rng.pick(&["(주)", "주식회사 ", "㈜", ""]),
            rng.pick(&[
                "한빛테크",
                "새롬물산",
                "가온푸드",
                "누리상사",
                "김가네식당",
                "이레건설",
                "정다운약국"
            ])
        ),
        "branch_kr" => format!("{}점", rng.pick(KR_DISTRICTS).1),
        "store_en" => {
            format!("{} {}", rng.pick(CITIES), rng.pick(&["Downtown", "Outlet", "Mall", "Airport"]))
        }
        "bic" => format!(
            "{}{}2{}",
            rng.letters("ABCDEFGHKLMNPRSTUW", 4),
            rng.pick(&["DE", "GB", "KR", "FR"]),
            rng.letters("ABCDEFGHKL", 1)
        ),
        "ticker" => rng.letters("ABCDEFGHKLMNPRSTUW", 4),
        "tags" => format!(
            "{{{},{}}}",
            rng.pick(&["vip", "sale", "new"]),
            rng.pick(&["summer", "wholesale", "kids"])
        ),
        _ => return None,
    })
}

/// Dates and times as PostgreSQL and MySQL print them.
pub(super) fn moment(name: &str, rng: &mut Rng) -> Option<String> {
    let (year, month, day) = (rng.between(2018, 2026), rng.between(1, 12), rng.between(1, 28));
    let (hour, minute, second) = (rng.between(0, 23), rng.between(0, 59), rng.between(0, 59));
    Some(match name {
        "tstz" => format!(
            "{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{}{}+00",
            rng.digits(5),
            rng.between(1, 9)
        ),
        "ts" => format!(
            "{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{}{}",
            rng.digits(2),
            rng.between(1, 9)
        ),
        "datetime" => format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"),
        "iso" => format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"),
        "day" => format!("{year}-{month:02}-{day:02}"),
        "day_yyyymmdd" => format!("{year}{month:02}{day:02}"),
        "time14" => format!("{year}{month:02}{day:02}{hour:02}{minute:02}{second:02}"),
        "month6" => format!("{year}{month:02}"),
        "clock" => format!("{hour:02}:{minute:02}:00"),
        "hhmm" => format!("{hour:02}{minute:02}"),
        "epoch" => rng.between(1_514_764_800, 1_790_000_000).to_string(),
        "epoch_ms" => rng.between(1_514_764_800_000, 1_790_000_000_000).to_string(),
        "year" => year.to_string(),
        _ => return None,
    })
}
