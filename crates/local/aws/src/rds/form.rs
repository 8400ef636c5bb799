//! A request's parameters: `application/x-www-form-urlencoded`, with lists
//! spelled out as `Tags.Tag.1.Key`.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::fault::Fault;

/// The parameters of one request.
#[derive(Debug, Default)]
pub(crate) struct Form(BTreeMap<String, String>);

/// What a page holds at most when nothing is said, and at most altogether; and at
/// least when something is said. AWS documentation: MaxRecords.
const PAGE: std::ops::RangeInclusive<usize> = 20..=100;

impl Form {
    /// Reads a body. What isn't UTF-8 is replaced, as it can name nothing of ours.
    pub(crate) fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let decode = |part: &str| {
            percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned()
        };
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(name, value)| (decode(name), decode(value))).collect())
    }

    /// A parameter, when given and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A parameter that the action can't do without.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Fault> {
        self.get(name).ok_or_else(|| {
            Fault::bad(
                "MissingParameter",
                format!("The request must contain the parameter {name}."),
            )
        })
    }

    /// The names `name.1`, `name.member.1` or `name.item.1` and so on, as far as they go.
    fn indexed(&self, name: &str, item: &str) -> Vec<String> {
        for base in [format!("{name}.{item}"), format!("{name}.member"), name.to_owned()] {
            let given = |stem: &String| {
                let inside = format!("{stem}.");
                self.0.keys().any(|key| key == stem || key.starts_with(&inside))
            };
            let stems: Vec<_> = (1..).map(|n| format!("{base}.{n}")).take_while(given).collect();
            if !stems.is_empty() {
                return stems;
            }
        }
        Vec::new()
    }

    /// A list of strings.
    pub(crate) fn list(&self, name: &str, item: &str) -> Vec<String> {
        let stems = self.indexed(name, item);
        stems.iter().filter_map(|stem| self.0.get(stem).cloned()).collect()
    }

    /// `Tags`. AWS documentation: keys of 1 to 128 characters, not beginning with
    /// `aws:` or `rds:`; values up to 256.
    pub(crate) fn tags(&self) -> Result<BTreeMap<String, String>, Fault> {
        let mut tags = BTreeMap::new();
        for stem in self.indexed("Tags", "Tag") {
            let key = self.required(&format!("{stem}.Key"))?;
            let value = self.get(&format!("{stem}.Value")).unwrap_or_default();
            let reserved = ["aws:", "rds:"].iter().any(|prefix| key.starts_with(prefix));
            if reserved || key.chars().count() > 128 || value.chars().count() > 256 {
                return Err(Fault::invalid(format!(
                    "The tag key {key} or its value is not allowed."
                )));
            }
            tags.insert(key.to_owned(), value.to_owned());
        }
        if tags.len() > 50 {
            return Err(Fault::invalid("A resource can have at most 50 tags."));
        }
        Ok(tags)
    }

    /// `Filters`, name and accepted values each; a name that isn't `known` is refused.
    pub(crate) fn filters(&self, known: &[&str]) -> Result<Vec<(String, Vec<String>)>, Fault> {
        let mut filters = Vec::new();
        for stem in self.indexed("Filters", "Filter") {
            let name = self.required(&format!("{stem}.Name"))?;
            if !known.contains(&name) {
                return Err(Fault::invalid(format!("Unrecognized filter name: {name}")));
            }
            filters.push((name.to_owned(), self.list(&format!("{stem}.Values"), "Value")));
        }
        Ok(filters)
    }

    /// One page of `items`, which are in the order of their keys, and the next page's marker.
    pub(crate) fn page<T>(
        &self,
        items: impl IntoIterator<Item = (String, T)>,
    ) -> Result<(Vec<T>, Option<String>), Fault> {
        let size = match self.get("MaxRecords") {
            None => *PAGE.end(),
            Some(text) => {
                text.parse().ok().filter(|size| PAGE.contains(size)).ok_or_else(|| {
                    Fault::invalid(format!(
                        "Invalid value {text} for MaxRecords. Must be between 20 and 100"
                    ))
                })?
            }
        };
        let after = match self.get("Marker") {
            None => None,
            Some(marker) => {
                let key = hex::decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let unknown = || Fault::invalid("The marker is not one that this action gave out.");
                Some(key.ok_or_else(unknown)?)
            }
        };
        let mut items = items
            .into_iter()
            .skip_while(|(key, _)| after.as_ref().is_some_and(|after| key <= after))
            .peekable();
        let mut page = Vec::new();
        let mut last = String::new();
        while page.len() < size
            && let Some((key, item)) = items.next()
        {
            page.push(item);
            last = key;
        }
        Ok((page, items.peek().map(|_| hex::encode(last))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_every_spelling() {
        for body in [
            "Tags.Tag.1.Key=a&Tags.Tag.1.Value=1&Tags.Tag.2.Key=b%3Ac&Tags.Tag.2.Value=x+y",
            "Tags.member.1.Key=a&Tags.member.1.Value=1&Tags.member.2.Key=b:c&Tags.member.2.Value=x%20y",
        ] {
            let tags = Form::parse(body.as_bytes()).tags().expect("tags");
            let expected = [("a", "1"), ("b:c", "x y")].map(|(k, v)| (k.into(), v.into()));
            assert_eq!(tags, BTreeMap::from(expected));
        }
        let form = Form::parse(b"ExportOnly.member.1=shop&ExportOnly.member.2=a.b");
        assert_eq!(form.list("ExportOnly", "member"), ["shop", "a.b"]);
    }

    #[test]
    fn pages() {
        let items = || (0..45).map(|n| (format!("{n:03}"), n));
        let (first, marker) = Form::parse(b"MaxRecords=20").page(items()).expect("page");
        assert_eq!(first, (0..20).collect::<Vec<_>>());
        let body = format!("MaxRecords=25&Marker={}", marker.expect("marker"));
        let (second, marker) = Form::parse(body.as_bytes()).page(items()).expect("page");
        assert_eq!((second, marker), ((20..45).collect(), None));
        for refused in ["MaxRecords=19", "MaxRecords=101", "MaxRecords=x", "Marker=zz"] {
            let fault = Form::parse(refused.as_bytes()).page(items()).expect_err(refused);
            assert_eq!(fault.code, "InvalidParameterValue");
        }
    }
}
