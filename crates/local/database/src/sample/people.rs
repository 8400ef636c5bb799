//! Invented people. All attributes are derived from a number.

use super::cells::digits;
use crate::pseudo_random::mix;

/// Family names, in Korean and romanised.
const FAMILY: [(&str, &str); 16] = [
    ("김", "Kim"),
    ("이", "Lee"),
    ("박", "Park"),
    ("최", "Choi"),
    ("정", "Jung"),
    ("강", "Kang"),
    ("조", "Cho"),
    ("윤", "Yoon"),
    ("장", "Jang"),
    ("임", "Lim"),
    ("한", "Han"),
    ("오", "Oh"),
    ("서", "Seo"),
    ("신", "Shin"),
    ("권", "Kwon"),
    ("황", "Hwang"),
];

/// Given names.
const GIVEN: [(&str, &str); 24] = [
    ("민준", "Minjun"),
    ("서연", "Seoyeon"),
    ("도윤", "Doyun"),
    ("서윤", "Seoyun"),
    ("시우", "Siwoo"),
    ("지우", "Jiwoo"),
    ("주원", "Juwon"),
    ("하은", "Haeun"),
    ("하준", "Hajun"),
    ("지유", "Jiyu"),
    ("지호", "Jiho"),
    ("수아", "Sua"),
    ("준서", "Junseo"),
    ("지아", "Jia"),
    ("건우", "Gunwoo"),
    ("다은", "Daeun"),
    ("현우", "Hyunwoo"),
    ("예은", "Yeeun"),
    ("선우", "Sunwoo"),
    ("수빈", "Subin"),
    ("우진", "Woojin"),
    ("소율", "Soyul"),
    ("유준", "Yujun"),
    ("채원", "Chaewon"),
];

/// Reserved mail domains (RFC 2606).
const MAIL: [&str; 4] = ["example.com", "example.org", "example.net", "mail.example"];

/// A person, derived from a number.
#[derive(Clone, Copy)]
pub(super) struct Person(pub(super) u64);

impl Person {
    fn pick<T: Copy>(self, salt: u64, of: &[T]) -> T {
        of[(mix(self.0, salt) % of.len() as u64) as usize]
    }

    /// `김서연`: family name, then given name, without a separator.
    pub(super) fn korean(self) -> [&'static str; 2] {
        [self.pick(1, &FAMILY).0, self.pick(2, &GIVEN).0]
    }

    /// `Seoyeon Kim`.
    pub(super) fn english(self) -> [&'static str; 3] {
        [self.pick(2, &GIVEN).1, " ", self.pick(1, &FAMILY).1]
    }

    /// `seoyeon.kim12@example.com`. `number` distinguishes people of the same name; `version` changes
    /// when the person changes the address.
    pub(super) fn email(self, out: &mut Vec<u8>, number: u64, version: u64) {
        let start = out.len();
        out.extend_from_slice(self.pick(2, &GIVEN).1.as_bytes());
        out.push(b'.');
        out.extend_from_slice(self.pick(1, &FAMILY).1.as_bytes());
        out[start..].make_ascii_lowercase();
        digits(out, number, 1);
        out.push(b'@');
        out.extend_from_slice(self.pick(3 + version, &MAIL).as_bytes());
    }

    /// `010-0123-4567`: no operator has numbers whose second group begins with 0.
    pub(super) fn phone(self, out: &mut Vec<u8>, version: u64) {
        let number = mix(self.0, 20 + version);
        out.extend_from_slice(b"010-0");
        digits(out, number % 1_000, 3);
        out.push(b'-');
        digits(out, number / 1_000 % 10_000, 4);
    }

    /// `1987-03-05`: the birth date of a person between about 18 and 70.
    pub(super) fn birth_date(self, out: &mut Vec<u8>) {
        let number = mix(self.0, 40);
        digits(out, 1955 + number % 52, 4);
        out.push(b'-');
        digits(out, 1 + number / 52 % 12, 2);
        out.push(b'-');
        digits(out, 1 + number / 624 % 28, 2);
    }

    /// `999-012345-67-890`: an account at a bank code that is not assigned.
    pub(super) fn account(self, out: &mut Vec<u8>) {
        let number = mix(self.0, 50);
        out.extend_from_slice(b"999-");
        digits(out, number % 1_000_000, 6);
        out.push(b'-');
        digits(out, number / 1_000_000 % 100, 2);
        out.push(b'-');
        digits(out, number / 100_000_000 % 1_000, 3);
    }

    /// `Z01234567`: Korean passport numbers begin with other letters.
    pub(super) fn passport(self, out: &mut Vec<u8>) {
        out.push(b'Z');
        digits(out, mix(self.0, 60) % 100_000_000, 8);
    }
}
