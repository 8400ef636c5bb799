//! Sentences and documents: about persons, about health, and about things.

use super::Rng;
use super::digital::ipv4;
use super::people::{email, email_kr, kr_mobile, kr_name, login, us_phone};
use super::words::{CITIES, EN_FIRST, EN_LAST, KR_PROVINCES, PRODUCTS_EN, PRODUCTS_KR};

/// A text or a document of the list that is called `name`, its slots filled.
pub(super) fn value(name: &str, rng: &mut Rng) -> Option<String> {
    let lists = [PERSON_TEXTS, PLAIN_TEXTS, DOCUMENTS, HEALTH_NOTES];
    let (_, templates) = lists.into_iter().flatten().find(|(list, _)| *list == name)?;
    Some(fill(templates, rng))
}

/// Text in which users and clerks write about persons.
const PERSON_TEXTS: &[(&str, &[&str])] = &[
    (
        "text_en_person",
        &[
            "Called {en}, left a voicemail at {usphone}. Wants a refund for the {item}.",
            "Please deliver to my neighbour {en} if I am out. She lives next door.",
            "Hi, this is {en}. My mail is {email} and I still wait for order {n}.",
            "{first} complained that the driver was rude. Promised a call back on Monday.",
            "Spoke with Mrs. {last}; her husband {first} will sign on Friday.",
            "Customer moved to {city} with two children, see the new address on file.",
        ],
    ),
    (
        "text_kr_person",
        &[
            "{kr} 고객님 요청으로 배송지 변경함. 연락처 {phone}",
            "{kr}님 어머니가 대신 방문하여 서류 제출. 다음 주 재연락 요망",
            "환불 요청, {krmail} 로 결과 회신 바랍니다.",
            "담당자 {kr} 과장 부재중, {phone} 으로 다시 전화하기로 함",
            "고객이 {province}로 이사하여 해지 문의함. 남편 {kr}님 명의",
            "상담 중 화를 많이 내심. {kr}님께 사과 문자 발송",
        ],
    ),
    (
        "memo_kr",
        &[
            "{kr} 지인 소개",
            "{phone} 문자 요청",
            "{kr}씨 배우자",
            "재방문 예정",
            "VIP, {kr} 팀장 담당",
            "외상 3만원 ({kr})",
            "전화 안 받음",
        ],
    ),
    (
        "subject_en",
        &[
            "Refund for order {n}",
            "Password reset does not work for {email}",
            "Re: call with {en}",
            "Question about my {item}",
            "Wrong name on the invoice, should be {en}",
            "Where is my parcel?",
        ],
    ),
    (
        "subject_kr",
        &[
            "배송 언제 되나요?",
            "{kr} 환불 문의드립니다",
            "주문번호 {n} 취소해 주세요",
            "로그인이 안 돼요",
            "{item_kr} 재입고 문의",
            "개명으로 이름을 {kr}(으)로 바꿔주세요",
        ],
    ),
    (
        "chat_en",
        &[
            "lol same here",
            "can you text me? {usphone}",
            "I met {first} at the gym yesterday",
            "we are at the cafe near {city} station",
            "my doctor says I need two weeks off :(",
            "ok see you",
        ],
    ),
    (
        "chat_kr",
        &[
            "ㅋㅋㅋ 나도 그래",
            "제 번호 {phone} 이에요 연락주세요",
            "어제 {kr}이랑 밥 먹었어",
            "지금 어디야?",
            "우리 애가 감기라 오늘은 못 가요",
            "{province} 사는 사람 있나요",
        ],
    ),
    (
        "review_en",
        &[
            "Bought it for my son, he loves the {item}.",
            "Staff member {first} was very kind to my mother.",
            "Stopped working after a week. Contact me at {email}.",
            "Five stars, arrived in {city} in two days.",
        ],
    ),
    (
        "review_kr",
        &[
            "우리 아들 생일 선물로 샀는데 좋아하네요",
            "{item_kr} 두 번째 구매입니다. 남편이 좋아해요",
            "상담해주신 {kr}님 친절하셨어요",
            "배송 느려요. {phone} 으로 연락 주세요",
        ],
    ),
    (
        "bio_en",
        &[
            "Father of two, runner, nurse in {city}.",
            "I'm {first}. Opinions are mine. Mail: {email}",
            "she/her, writer, born in {city}",
            "Student of law. Cats.",
        ],
    ),
    (
        "bio_kr",
        &[
            "두 아이 엄마, {province} 거주",
            "{kr}입니다. 사진 찍는 것을 좋아해요",
            "개발자 / {krmail}",
            "안녕하세요 잘 부탁드립니다",
        ],
    ),
    (
        "delivery_note_kr",
        &[
            "부재시 경비실에 맡겨주세요",
            "문 앞에 놔주세요. 공동현관 #1234*",
            "배송 전 {phone} 로 전화 부탁드려요",
            "{kr} 앞으로 전달 부탁드립니다",
            "아기가 자고 있으니 벨 누르지 말아주세요",
            "빠른 배송 부탁드립니다",
        ],
    ),
    (
        "log_line_person",
        &[
            "login failed for {email} from {ip}",
            "user {login} changed phone to {usphone}",
            "mail to {email} bounced: mailbox full",
            "password reset requested by {login}",
        ],
    ),
    (
        "audit_change",
        &[
            "{\"email\": [\"{email}\", \"{krmail}\"]}",
            "{\"last_name\": [\"{last}\", \"{last}\"]}",
            "{\"phone\": [null, \"{usphone}\"]}",
            "{\"status\": [\"active\", \"closed\"]}",
        ],
    ),
    (
        "wp_meta_value",
        &[
            "{first}",
            "{last}",
            "{login}",
            "a:1:{s:13:\"administrator\";b:1;}",
            "{usphone}",
            "{email}",
            "true",
            "",
        ],
    ),
    ("answer_en", &["{first}'s bakery", "my mother is {en}", "{city}", "rex the dog"]),
    (
        "survey_kr",
        &[
            "{kr} 선생님 수업이 좋았습니다",
            "집이 멀어서 힘들어요",
            "우울증으로 휴학했었습니다",
            "없음",
        ],
    ),
];

/// Health data of a person that is not text.
pub(super) fn health(name: &str, rng: &mut Rng) -> Option<String> {
    Some(match name {
        "icd10" => {
            let letter = rng.letters("ABCEFGHIJKLMNRSZ", 1);
            format!("{letter}{}{}", rng.digits(2), rng.pick(&["", ".0", ".9", ".1", ".31"]))
        }
        "blood_type_rh" => {
            format!("{}{}", rng.pick(&["A", "B", "O", "AB"]), rng.pick(&["+", "+", "-", " Rh+"]))
        }
        "blood_pressure" => format!("{}/{}", rng.between(95, 178), rng.between(55, 110)),
        _ => return None,
    })
}

/// Text about things, and markup.
const PLAIN_TEXTS: &[(&str, &[&str])] = &[
    (
        "product_text_en",
        &[
            "The {item} is made of durable material. Machine washable.",
            "New for this season. Ships in two days. Two year warranty.",
            "Includes a cable and a manual. Not suitable for children under three.",
        ],
    ),
    (
        "product_text_kr",
        &[
            "{item_kr} 입니다. 국내산 원료로 만들었습니다.",
            "세탁기 사용 가능, 색상은 모니터에 따라 다를 수 있습니다.",
            "유통기한은 제조일로부터 12개월입니다.",
        ],
    ),
    (
        "notice_kr",
        &[
            "정기 점검으로 서비스가 일시 중단됩니다.",
            "개인정보 처리방침이 개정되었습니다.",
            "설 연휴 배송 안내드립니다.",
        ],
    ),
    (
        "notice_en",
        &[
            "Scheduled maintenance on Sunday.",
            "Our privacy policy has changed.",
            "Now with free shipping over 50 USD.",
        ],
    ),
    (
        "error_text",
        &[
            "timeout after 30000 ms",
            "NullPointerException at OrderService.java:{n}",
            "connection refused",
            "HTTP 502 from upstream",
            "duplicate key value violates unique constraint \"users_email_key\"",
        ],
    ),
    (
        "html_template",
        &[
            "<p>Hello {{ user.first_name }}, confirm your email: {{ link }}</p>",
            "<h1>Your order {{ order.number }}</h1><p>Ship to {{ address }}</p>",
            "<p>{{name}} 고객님, 주문이 완료되었습니다.</p>",
        ],
    ),
    (
        "subject_template",
        &[
            "Welcome to our shop!",
            "Your order {{ number }} has shipped",
            "[한빛몰] #{name}님의 주문이 접수되었습니다",
            "Reset your password",
        ],
    ),
    (
        "sql_text",
        &[
            "SELECT email, phone FROM customers WHERE id = $1",
            "UPDATE members SET addr = ? WHERE mb_id = ?",
            "DELETE FROM sessions WHERE expires_at < now()",
        ],
    ),
    (
        "code_name_kr",
        &["배송준비중", "결제완료", "휴대전화", "이메일", "정회원", "주민등록번호", "탈퇴"],
    ),
    ("menu_kr", &["회원관리", "주소록 관리", "주문내역", "환자 접수", "급여 관리", "통계"]),
    ("course_en", &["Introduction to Biology", "Algebra II", "World History", "Data Structures"]),
    ("course_kr", &["자료구조", "한국사의 이해", "미적분학", "간호학개론"]),
    (
        "wp_option_value",
        &[
            "yes",
            "https://blog.example",
            "a:2:{i:0;s:5:\"posts\";i:1;s:4:\"page\";}",
            "closed",
            "1",
            "twentytwentyfour",
        ],
    ),
];

/// JSON and other documents.
const DOCUMENTS: &[(&str, &[&str])] = &[
    (
        "json_person",
        &[
            "{\"name\": \"{en}\", \"email\": \"{email}\", \"phone\": \"{usphone}\"}",
            "{\"city\": \"{city}\", \"email\": \"{email}\", \"birthday\": \"1984-0{d}-1{d}\"}",
        ],
    ),
    (
        "json_person_kr",
        &[
            "{\"성명\": \"{kr}\", \"연락처\": \"{phone}\", \"email\": \"{krmail}\"}",
            "{\"userNm\": \"{kr}\", \"hpNo\": \"{phone}\", \"addr\": \"{province} 새봄로 {d}\"}",
        ],
    ),
    (
        "json_event_person",
        &[
            "{\"v\": {d}, \"type\": \"signup\", \"user\": {\"ip\": \"{ip}\", \"email\": \"{email}\"}}",
            "{\"cart\": {n}, \"type\": \"checkout\", \"ship_to\": {\"zip\": \"9{d}1{d}{d}\", \"name\": \"{en}\"}}",
        ],
    ),
    (
        "json_profile_fields",
        &[
            "[{\"name\": \"Website\", \"value\": \"https://{login}.example\"}, {\"name\": \"Pronouns\", \"value\": \"she/her\"}]",
            "[{\"name\": \"Lives in\", \"value\": \"{city}\"}]",
        ],
    ),
    (
        "json_settings",
        &[
            "{\"beta\": false, \"theme\": \"dark\", \"page_size\": {d}0}",
            "{\"notify\": true, \"columns\": [\"email\", \"phone\"]}",
            "{\"qty\": {d}, \"size\": \"XL\", \"color\": \"blue\"}",
        ],
    ),
    (
        "json_event",
        &[
            "{\"button\": \"buy\", \"position\": {d}}",
            "{\"plan\": \"pro\", \"seats\": {d}, \"trial\": true}",
            "{\"cached\": false, \"duration_ms\": {n}}",
        ],
    ),
    (
        "json_job",
        &[
            "{\"job\": \"SendInvoice\", \"args\": [{n}], \"retry\": 3}",
            "{\"displayName\": \"App\\\\Jobs\\\\ResizeImage\", \"maxTries\": {d}, \"data\": {\"id\": {n}}}",
        ],
    ),
    (
        "json_permissions",
        &["[\"orders.read\", \"orders.write\"]", "[\"*\"]", "[\"customers.export\"]"],
    ),
    (
        "geojson_area",
        &[
            "{\"type\": \"Polygon\", \"coordinates\": [[[127.0{d}, 37.5], [127.1, 37.5{d}], [127.1, 37.6], [127.0{d}, 37.5]]]}",
        ],
    ),
    ("php_array", &["a:2:{s:5:\"color\";s:4:\"blue\";s:4:\"size\";i:{d};}", "a:0:{}"]),
];

/// Notes of a clinic about a patient.
const HEALTH_NOTES: &[(&str, &[&str])] = &[
    (
        "health_note_en",
        &[
            "Pt {en} reports chest pain since Monday.",
            "Pregnant, 24 weeks. No complications.",
            "Smoker, 10 a day. BP 142/91. Start lisinopril 10 mg.",
            "Knee pain after a fall; X-ray ordered.",
        ],
    ),
    (
        "health_note_kr",
        &[
            "{kr} 환자 3일 전부터 기침, 발열 38.2도",
            "임신 24주, 특이사항 없음",
            "혈압 142/91, 약 복용 시작",
            "무릎 통증으로 물리치료 권고",
            "항우울제 복용 중",
        ],
    ),
];

/// One of `templates` with its slots filled. A slot that is not listed stays as it is, so that
/// JSON and `{{ template }}` markup pass unchanged.
fn fill(templates: &[&str], rng: &mut Rng) -> String {
    let mut text = (*rng.pick(templates)).to_owned();
    for slot in SLOTS {
        while let Some(start) = text.find(slot) {
            let value = slot_value(slot, rng);
            text.replace_range(start..start + slot.len(), &value);
        }
    }
    text
}

const SLOTS: &[&str] = &[
    "{en}",
    "{first}",
    "{last}",
    "{email}",
    "{usphone}",
    "{city}",
    "{item}",
    "{kr}",
    "{phone}",
    "{krmail}",
    "{province}",
    "{item_kr}",
    "{login}",
    "{ip}",
    "{n}",
    "{d}",
];

fn slot_value(slot: &str, rng: &mut Rng) -> String {
    match slot {
        "{en}" => format!("{} {}", rng.pick(EN_FIRST), rng.pick(EN_LAST)),
        "{first}" => (*rng.pick(EN_FIRST)).to_owned(),
        "{last}" => (*rng.pick(EN_LAST)).to_owned(),
        "{email}" => email(rng),
        "{usphone}" => us_phone(rng),
        "{city}" => (*rng.pick(CITIES)).to_owned(),
        "{item}" => (*rng.pick(PRODUCTS_EN)).to_owned(),
        "{kr}" => kr_name(rng),
        "{phone}" => kr_mobile(rng),
        "{krmail}" => email_kr(rng),
        "{province}" => (*rng.pick(KR_PROVINCES)).to_owned(),
        "{item_kr}" => (*rng.pick(PRODUCTS_KR)).to_owned(),
        "{login}" => login(rng),
        "{ip}" => ipv4(rng),
        "{n}" => rng.between(1000, 99999).to_string(),
        "{d}" => rng.between(1, 9).to_string(),
        other => unreachable!("the slot {other} has no value"),
    }
}
