//! Writes responses in XML.

use std::fmt::{Display, Write};

/// A writer of XML. It escapes text; names must be valid XML names.
#[derive(Debug, Default)]
pub(crate) struct Xml(String);

impl Xml {
    /// Writes an element with the content that `fill` writes.
    pub(crate) fn element(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        let _ = write!(self.0, "<{name}>");
        fill(self);
        let _ = write!(self.0, "</{name}>");
    }

    /// Writes an element that contains text.
    pub(crate) fn text(&mut self, name: &str, text: impl Display) {
        self.element(name, |xml| {
            for letter in text.to_string().chars() {
                match letter {
                    '&' => xml.0.push_str("&amp;"),
                    '<' => xml.0.push_str("&lt;"),
                    '>' => xml.0.push_str("&gt;"),
                    '"' => xml.0.push_str("&quot;"),
                    // Characters that XML 1.0 cannot represent.
                    letter if letter.is_control() && !matches!(letter, '\t' | '\n' | '\r') => {}
                    letter => xml.0.push(letter),
                }
            }
        });
    }

    /// Writes an element if there is text for it.
    pub(crate) fn optional_text(&mut self, name: &str, text: Option<impl Display>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// Returns the document.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    /// Appends the content of another writer.
    pub(crate) fn append(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut xml = Xml::default();
        xml.element("A", |xml| {
            xml.text("B", "a<b> & \"c\"\u{1}");
            xml.optional_text("C", None::<&str>);
        });
        assert_eq!(xml.finish(), "<A><B>a&lt;b&gt; &amp; &quot;c&quot;</B></A>");
    }
}
