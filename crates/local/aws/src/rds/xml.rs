//! Writing answers.

use std::fmt::{Display, Write};

/// XML being written; text is escaped, names are ours.
#[derive(Debug, Default)]
pub(crate) struct Xml(String);

impl Xml {
    /// An element around whatever `fill` writes.
    pub(crate) fn element(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        let _ = write!(self.0, "<{name}>");
        fill(self);
        let _ = write!(self.0, "</{name}>");
    }

    /// An element that holds text.
    pub(crate) fn text(&mut self, name: &str, text: impl Display) {
        self.element(name, |xml| {
            for letter in text.to_string().chars() {
                match letter {
                    '&' => xml.0.push_str("&amp;"),
                    '<' => xml.0.push_str("&lt;"),
                    '>' => xml.0.push_str("&gt;"),
                    '"' => xml.0.push_str("&quot;"),
                    // What XML 1.0 can't carry at all.
                    letter if letter.is_control() && !matches!(letter, '\t' | '\n' | '\r') => {}
                    letter => xml.0.push(letter),
                }
            }
        });
    }

    /// An element that holds text, or none at all.
    pub(crate) fn maybe(&mut self, name: &str, text: Option<impl Display>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// What was written.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    /// Something written before.
    pub(crate) fn append(&mut self, other: &str) {
        self.0.push_str(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        let mut xml = Xml::default();
        xml.element("A", |xml| {
            xml.text("B", "a<b> & \"c\"\u{1}");
            xml.maybe("C", None::<&str>);
        });
        assert_eq!(xml.finish(), "<A><B>a&lt;b&gt; &amp; &quot;c&quot;</B></A>");
    }
}
