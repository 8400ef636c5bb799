//! Generators that pick one of a few fixed words.

use super::Rng;

/// One word of the list that is called `name`.
pub(super) fn value(name: &str, rng: &mut Rng) -> Option<String> {
    let lists = [TRAITS, HEALTH_WORDS, SYSTEM_WORDS, BUSINESS_WORDS];
    let (_, words) = lists.into_iter().flatten().find(|(list, _)| *list == name)?;
    Some((*rng.pick(words)).to_owned())
}

/// The name of a generator and the values that it picks from. A value that stands twice is twice
/// as frequent.
type List = (&'static str, &'static [&'static str]);

/// Traits of a person.
const TRAITS: &[List] = &[
    ("gender_mf", &["M", "F", "F", "M", "U"]),
    ("gender_word", &["male", "female", "other", "prefer_not_to_say"]),
    ("gender_code", &["1", "2", "1", "2", "9"]),
    ("gender_kr", &["남", "여", "남성", "여성"]),
];

/// Health data of a person.
const HEALTH_WORDS: &[List] = &[
    (
        "diagnosis_en",
        &[
            "Essential hypertension",
            "Type 2 diabetes mellitus",
            "Migraine without aura",
            "Major depressive disorder",
            "Low back pain",
        ],
    ),
    (
        "diagnosis_kr",
        &[
            "본태성 고혈압",
            "제2형 당뇨병",
            "급성 기관지염",
            "우울 에피소드",
            "요추 염좌",
            "위식도역류병",
        ],
    ),
    (
        "medication",
        &[
            "Metformin 500 mg",
            "Lisinopril 10 mg",
            "Atorvastatin 20 mg",
            "Sertraline 50 mg",
            "타이레놀정 500mg",
            "아모디핀정",
        ],
    ),
    ("allergy", &["penicillin", "peanuts", "latex", "none known", "shellfish"]),
    ("allergy_kr", &["페니실린", "땅콩", "없음", "조영제", "갑각류"]),
    ("blood_type", &["A", "B", "O", "AB"]),
    ("disability_kr", &["해당없음", "지체 3급", "시각 1급", "청각 4급"]),
];

/// Words of computer systems that say nothing about a person.
const SYSTEM_WORDS: &[List] = &[
    ("browser", &["Chrome", "Safari", "Firefox", "Edge", "Samsung Internet", "Whale"]),
    ("os", &["Windows", "macOS", "Android", "iOS", "Linux"]),
    ("phone_model", &["iPhone 15 Pro", "SM-S918N", "Pixel 8", "Galaxy A54", "LM-G900N"]),
    ("mime", &["image/jpeg", "application/pdf", "text/plain", "image/png"]),
    ("table_name", &["customers", "orders", "addresses", "phone_numbers", "members", "emails"]),
    ("http_method", &["GET", "POST", "PUT", "DELETE"]),
    ("locale", &["ko_KR", "en_US", "en", "ko", "ja-JP", "de"]),
    ("timezone", &["Asia/Seoul", "UTC", "America/New_York", "Europe/Berlin"]),
];

/// Words and codes of a business.
const BUSINESS_WORDS: &[List] = &[
    ("department_en", &["Engineering", "Finance", "People Ops", "Field Sales", "Legal"]),
    ("department_kr", &["총무과", "인사팀", "개발1팀", "영업본부", "민원봉사과", "재무팀"]),
    ("bank_kr", &["국민은행", "신한은행", "우리은행", "농협", "카카오뱅크"]),
    ("currency", &["KRW", "USD", "EUR", "JPY"]),
    ("country_code", &["KR", "US", "JP", "DE", "GB", "VN"]),
    ("status", &["active", "pending", "closed", "failed", "archived"]),
    ("status_upper", &["READY", "DONE", "CANCELLED", "HOLD"]),
    ("yn", &["Y", "N", "Y"]),
    ("bool", &["t", "f"]),
    ("flag01", &["0", "1"]),
    ("empty_or_code", &["", "", "A1", "B2", "Z"]),
];
