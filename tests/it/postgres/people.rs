//! People with Korean and English personal data, and what an analyst sees of them.

use tokio_postgres::Client;

/// The table, with the class of each classified column; all others are `none`. Two names say nothing, because
/// a contract with such masks for columns that are named as resident or account numbers is refused.
pub(super) const CLASSES: [(&str, &str); 9] = [
    ("name", "name"),
    ("name_en", "name"),
    ("email", "email"),
    ("phone", "phone"),
    ("birth_date", "birth"),
    ("padded_code", "identity"),
    ("short_code", "account"),
    // Free text and pictures may contain any personal data.
    ("note", "unclassified"),
    ("photo", "unclassified"),
];

/// The classes of the demo whose masks this test replaces, and one that only this test uses: with
/// hashes and visible characters, more of BigQuery's rules are compared cell by cell. For real
/// data of these classes, such masks hide nothing; hence `domain: large`.
const MASKS: [(&str, &str); 5] = [
    ("name", "SHA256"),
    ("phone", "LAST_FOUR_CHARACTERS"),
    ("birth", "FIRST_FOUR_CHARACTERS"),
    ("account", "LAST_FOUR_CHARACTERS"),
    ("identity", "SHA256"),
];

/// The demo's configuration with [`MASKS`].
pub(super) fn with_masks(config: &str) -> String {
    let (before, classes) = config.split_once("  classes:\n").expect("classes");
    let (classes, after) = classes.split_once("\nchecks:").expect("checks");
    let mut kept = String::new();
    let mut replaced = false;
    for line in classes.lines() {
        if let Some(class) = line.strip_prefix("    ").filter(|line| !line.starts_with([' ', '#']))
        {
            replaced = MASKS.iter().any(|(name, _)| class.starts_with(&format!("{name}:")));
        }
        if !replaced {
            kept += &format!("{line}\n");
        }
    }
    for (class, mask) in MASKS {
        kept += &format!(
            r#"    {class}:
      mask: {mask}
      domain: large
      masked_readers: ["group:analysts@example.com"]
      readers: ["group:pii-readers@example.com"]
"#
        );
    }
    format!("{before}  classes:\n{kept}\nchecks:{after}")
}

const SCHEMA: &str = "
    CREATE TABLE people (
        id bigint PRIMARY KEY, name varchar(80), name_en varchar(80), email varchar(120),
        phone varchar(20), birth_date date, padded_code char(16), short_code varchar(30),
        note text, photo bytea, joined timestamptz, active boolean, score double precision,
        logins smallint, key uuid)";

/// One person: the columns of [`SCHEMA`] from `id` to `note`.
type Person = [Option<&'static str>; 9];

/// All people are fictitious. Their values are those that often break in a transfer: NULL next to
/// the empty string, quotes, backslashes, line ends, COPY's own escapes, characters beyond the
/// basic
/// plane, decomposed Hangul, spaces at either end.
pub(super) const PEOPLE: [Person; 8] = [
    [
        Some("1"),
        Some("김민준"),
        Some("Kim Minjun"),
        Some("minjun.kim@example.com"),
        Some("010-0000-5678"),
        Some("1987-06-05"),
        Some("870605-1000000"),
        Some("110-000-004321"),
        Some("첫 번째 고객\n두 번째 줄\t탭 \\ \"따옴표\" 😀🇰🇷"),
    ],
    [
        Some("2"),
        Some("Ada O'Neil"),
        Some("Ada O'Neil"),
        Some("ada@example.org"),
        Some("+44 20 7946 0000"),
        Some("2000-02-29"),
        None,
        Some("GB00EXMP00000000009876"),
        Some(r#"says "hello", then \N and \."#),
    ],
    [Some("3"), None, None, None, None, None, None, None, None],
    [
        Some("4"),
        Some(""),
        Some(""),
        Some(""),
        Some(""),
        Some("0044-03-15 BC"),
        Some(""),
        Some(""),
        Some(""),
    ],
    [
        Some("5"),
        // Decomposed Hangul, as some systems write file names: the transfer must not compose it.
        Some("\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
        Some(" Hangeul  "),
        Some("not an address"),
        Some("112"),
        Some("9999-12-31"),
        Some("000101-4000000"),
        Some("7"),
        Some("\\N"),
    ],
    [
        Some("6"),
        Some("남궁 서연"),
        Some("Seoyeon Namgung"),
        Some("seoyeon+travel@example.co.kr"),
        Some("02-000-1234"),
        Some("1999-12-31"),
        Some("991231-2000000"),
        Some("계좌-0000-99887766"),
        Some("\r\nwindows\r\n"),
    ],
    [
        Some("7"),
        Some("NULL"),
        Some("null"),
        Some("\"quoted local\"@example.net"),
        Some("010 0000 0007"),
        Some("1970-01-01"),
        Some("700101-1000000"),
        Some("=1+1"),
        Some("'; DROP TABLE people; --"),
    ],
    [
        Some("8"),
        Some("𠮷野 家"),
        Some("Zoë Müller-Łukasz"),
        Some("zoë@例え.example"),
        Some("０１０－００００－０００８"),
        Some("1955-11-05"),
        Some("551105-5000000"),
        Some("0000000000001111"),
        Some("\u{feff}byte order mark, \u{200d}joiner, \u{7f}delete, e\u{301}"),
    ],
];

/// What an analyst sees of the first people: name, e-mail, phone, birth date, resident number,
/// account, note. Hashes are base64 of SHA-256, computed with another program; `char(16)` is
/// hashed with its padding.
pub(super) const MASKED: [[&str; 7]; 3] = [
    [
        "C0bQOwszVeZxee+m9k9OZGGvd9xXcUK44HSbZxiKOp8=",
        "XXXXX@example.com",
        "XXXXX5678",
        "1987XXXXX",
        "Y8f1CAcW1b/sAt61Oxj+scGW1Qkka48tPK7WeQC4kvo=",
        "XXXXX4321",
        "NULL",
    ],
    [
        "LD9+Tdjd1l2zp2t22qKjSc1EgimXmHrvwFkITbTpKbo=",
        "XXXXX@example.org",
        "XXXXX0000",
        "2000XXXXX",
        "NULL",
        "XXXXX9876",
        "NULL",
    ],
    ["NULL", "NULL", "NULL", "NULL", "NULL", "NULL", "NULL"],
];

/// Creates the table and inserts the people.
pub(super) async fn load(client: &Client) {
    client.batch_execute(SCHEMA).await.expect("the table");
    let insert = "INSERT INTO people VALUES (
        $1::text::bigint, $2, $3, $4, $5, $6::text::date, $7, $8, $9, $10,
        '2026-01-02 03:04:05.678901+09'::timestamptz + $11::bigint * interval '1 day 1 second',
        $11::bigint % 3 <> 0, 1 / ($11::bigint - 4.5)::float8, -$11::bigint,
        md5($1::text)::uuid)";
    for (number, person) in (1_i64..).zip(PEOPLE) {
        let photo = (number != 3).then(|| vec![0_u8, 0xff, b'\\', u8::try_from(number).unwrap()]);
        let [id, name, name_en, email, phone, birth, resident, account, note] = &person;
        let cells: [&(dyn tokio_postgres::types::ToSql + Sync); 11] =
            [id, name, name_en, email, phone, birth, resident, account, note, &photo, &number];
        client.execute(insert, &cells).await.expect("a person");
    }
}

/// Every cell with personal data that is too long to occur anywhere by chance.
pub(super) fn personal_cells() -> impl Iterator<Item = &'static str> {
    PEOPLE
        .into_iter()
        .flat_map(|person| person.into_iter().skip(1).flatten())
        .filter(|cell| cell.len() > 5)
}
