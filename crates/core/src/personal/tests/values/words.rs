//! Word lists that more than one module draws from.

/// Korean family names. Kim, Lee and Park stand several times, as they are a good part of the
/// population.
pub(super) const KR_SURNAMES: &[&str] = &[
    "김", "김", "김", "김", "이", "이", "이", "박", "박", "최", "정", "강", "조", "윤", "장", "임",
    "한", "오", "서", "신", "권", "황", "안", "송", "류", "홍", "전", "고", "문", "손", "배", "백",
    "허", "남", "심", "노", "하", "곽", "성", "차", "주", "우", "남궁", "황보", "제갈", "선우",
];

/// First syllables of Korean given names.
pub(super) const KR_GIVEN_FIRST: &[&str] = &[
    "민", "서", "지", "도", "예", "하", "수", "현", "준", "은", "영", "미", "재", "성", "승", "태",
    "상", "정", "경", "혜", "유", "시", "주", "다", "채", "윤", "건", "동", "기", "순",
];

/// Second syllables of Korean given names.
pub(super) const KR_GIVEN_SECOND: &[&str] = &[
    "준", "윤", "우", "연", "현", "민", "아", "은", "호", "빈", "원", "진", "희", "영", "숙", "자",
    "수", "훈", "석", "철", "환", "린", "율", "솔", "경", "옥", "식", "규", "나", "혁",
];

/// Korean names in Latin letters: family names.
pub(super) const KR_SURNAMES_LATIN: &[&str] =
    &["Kim", "Lee", "Park", "Choi", "Jung", "Kang", "Cho", "Yoon", "Jang", "Lim", "Han", "Shin"];

/// Korean names in Latin letters: syllables of given names.
pub(super) const KR_GIVEN_LATIN: &[&str] = &[
    "min", "seo", "ji", "do", "ye", "ha", "su", "hyun", "jun", "eun", "young", "mi", "jae", "woo",
    "yeon", "ho", "bin", "won", "jin", "hee", "sook", "hoon", "seok", "rin", "sol", "kyung",
];

/// English given names.
pub(super) const EN_FIRST: &[&str] = &[
    "James",
    "Olivia",
    "Liam",
    "Emma",
    "Noah",
    "Charlotte",
    "Oliver",
    "Amelia",
    "Theodore",
    "Sophia",
    "Henry",
    "Isabella",
    "Lucas",
    "Mia",
    "William",
    "Evelyn",
    "Benjamin",
    "Harper",
    "Priya",
    "Mateo",
    "Fatima",
    "Chinedu",
    "Ingrid",
    "Björn",
    "Zoë",
    "Siobhán",
    "Mary Ann",
    "Jean-Luc",
    "Aisha",
    "Dmitri",
    "Grace",
    "Walter",
    "Ruth",
    "Hector",
    "Joan",
    "Ravi",
    "Summer",
    "Mark",
    "Bill",
    "Rose",
];

/// English family names.
pub(super) const EN_LAST: &[&str] = &[
    "Smith",
    "Johnson",
    "Williams",
    "Brown",
    "Jones",
    "García",
    "Miller",
    "Davis",
    "Rodriguez",
    "Martinez",
    "Wilson",
    "Anderson",
    "Thomas",
    "Taylor",
    "Moore",
    "Jackson",
    "Thompson",
    "White",
    "O'Neill",
    "McAllister",
    "van der Berg",
    "Okafor",
    "Nakamura",
    "Patel",
    "Müller",
    "Kowalski",
    "Lindqvist",
    "Haddad",
    "Fitzgerald",
    "Cook",
    "Stone",
    "Rivers",
    "Young",
    "Baker",
    "Nguyen",
];

/// Cities of the United States and elsewhere.
pub(super) const CITIES: &[&str] = &[
    "Springfield",
    "Austin",
    "Portland",
    "Boulder",
    "San Jose",
    "Columbus",
    "Madison",
    "Reno",
    "Leeds",
    "Cork",
    "Toronto",
    "St. Paul",
    "Des Moines",
    "Salem",
    "Tucson",
    "Bristol",
];

/// Korean provinces and metropolitan cities.
pub(super) const KR_PROVINCES: &[&str] = &[
    "서울특별시",
    "부산광역시",
    "대구광역시",
    "인천광역시",
    "광주광역시",
    "대전광역시",
    "울산광역시",
    "경기도",
    "강원특별자치도",
    "충청북도",
    "전라남도",
    "경상북도",
    "제주특별자치도",
];

/// Korean districts, each with its province.
pub(super) const KR_DISTRICTS: &[(&str, &str)] = &[
    ("서울특별시", "강남구"),
    ("서울특별시", "서초구"),
    ("서울특별시", "마포구"),
    ("서울", "중구"),
    ("부산광역시", "해운대구"),
    ("대구광역시", "수성구"),
    ("인천광역시", "연수구"),
    ("대전광역시", "유성구"),
    ("울산광역시", "남구"),
    ("경기도", "성남시 분당구"),
    ("경기", "수원시 영통구"),
    ("충청북도", "청주시 흥덕구"),
    ("전라남도", "여수시"),
    ("경상북도", "포항시 북구"),
    ("제주특별자치도", "제주시"),
];

/// Names of goods in English.
pub(super) const PRODUCTS_EN: &[&str] = &[
    "Cotton Crew T-Shirt",
    "Stainless Water Bottle 750 ml",
    "Wireless Mouse M2",
    "Oak Side Table",
    "Trail Running Shoe",
    "Ceramic Mug Set",
    "USB-C Hub 7-in-1",
    "Merino Beanie",
    "LED Desk Lamp",
    "Victoria Armchair",
    "Jack Wolf Backpack 20L",
    "Charlotte Floral Dress",
    "Noise Cancelling Headset",
];

/// Names of goods in Korean.
pub(super) const PRODUCTS_KR: &[&str] = &[
    "유기농 현미 5kg",
    "무선 이어폰 프로",
    "극세사 차렵이불",
    "스테인리스 냄비 24cm",
    "제주 감귤 3kg",
    "남성 기모 맨투맨",
    "여성 롱 패딩",
    "하진 원목 책상",
    "수분 진정 크림 50ml",
    "강아지 사료 2kg",
    "캠핑용 접이식 의자",
    "A4 복사용지 2500매",
    "한우 국거리 600g",
];
