//! The parameters of a request: `application/x-www-form-urlencoded`, with lists in the form
//! `Tags.Tag.1.Key`.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::error::RdsError;

/// The parameters of one request.
#[derive(Debug, Default)]
pub(crate) struct Form(BTreeMap<String, String>);

/// The valid page sizes; the maximum is the default. AWS documentation: MaxRecords.
const PAGE_SIZES: std::ops::RangeInclusive<usize> = 20..=100;

impl Form {
    /// Parses a body. Invalid UTF-8 is replaced: no parameter or id contains any.
    pub(crate) fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let decode = |part: &str| {
            percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned()
        };
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(name, value)| (decode(name), decode(value))).collect())
    }

    /// A parameter, if it is given and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A mandatory parameter.
    pub(super) fn required(&self, name: &str) -> Result<&str, RdsError> {
        self.get(name).ok_or_else(|| {
            RdsError::bad_request(
                "MissingParameter",
                format!("The request must contain the parameter {name}."),
            )
        })
    }

    /// The prefixes of the items of a list: `name.item.1`, `name.member.1` or `name.1` and so on,
    /// up to the last item given.
    fn item_prefixes(&self, name: &str, item: &str) -> Vec<String> {
        for base in [format!("{name}.{item}"), format!("{name}.member"), name.to_owned()] {
            let is_given = |prefix: &String| {
                let field = format!("{prefix}.");
                self.0.keys().any(|key| key == prefix || key.starts_with(&field))
            };
            let prefixes: Vec<_> =
                (1..).map(|n| format!("{base}.{n}")).take_while(is_given).collect();
            if !prefixes.is_empty() {
                return prefixes;
            }
        }
        Vec::new()
    }

    /// A list of strings.
    pub(crate) fn list(&self, name: &str, item: &str) -> Vec<String> {
        let prefixes = self.item_prefixes(name, item);
        prefixes.iter().filter_map(|prefix| self.0.get(prefix).cloned()).collect()
    }

    /// `Tags`. AWS documentation: keys of 1 to 128 characters, not beginning with
    /// `aws:` or `rds:`; values up to 256.
    pub(super) fn tags(&self) -> Result<BTreeMap<String, String>, RdsError> {
        let mut tags = BTreeMap::new();
        for prefix in self.item_prefixes("Tags", "Tag") {
            let key = self.required(&format!("{prefix}.Key"))?;
            let value = self.get(&format!("{prefix}.Value")).unwrap_or_default();
            let reserved = ["aws:", "rds:"].iter().any(|prefix| key.starts_with(prefix));
            if reserved || key.chars().count() > 128 || value.chars().count() > 256 {
                return Err(RdsError::invalid_parameter(format!(
                    "The tag key {key} or its value is not allowed."
                )));
            }
            tags.insert(key.to_owned(), value.to_owned());
        }
        if tags.len() > 50 {
            return Err(RdsError::invalid_parameter("A resource can have at most 50 tags."));
        }
        Ok(tags)
    }

    /// `Filters`: each with its name and accepted values. A name that is not `known` is an error.
    pub(super) fn filters(&self, known: &[&str]) -> Result<Vec<(String, Vec<String>)>, RdsError> {
        let mut filters = Vec::new();
        for prefix in self.item_prefixes("Filters", "Filter") {
            let name = self.required(&format!("{prefix}.Name"))?;
            if !known.contains(&name) {
                return Err(RdsError::invalid_parameter(format!(
                    "Unrecognized filter name: {name}"
                )));
            }
            filters.push((name.to_owned(), self.list(&format!("{prefix}.Values"), "Value")));
        }
        Ok(filters)
    }

    /// One page of `items`, which are ordered by key, and the marker of the next page.
    pub(super) fn page<T>(
        &self,
        items: impl IntoIterator<Item = (String, T)>,
    ) -> Result<(Vec<T>, Option<String>), RdsError> {
        let size = match self.get("MaxRecords") {
            None => *PAGE_SIZES.end(),
            Some(text) => {
                text.parse().ok().filter(|size| PAGE_SIZES.contains(size)).ok_or_else(|| {
                    RdsError::invalid_parameter(format!(
                        "Invalid value {text} for MaxRecords. Must be between 20 and 100"
                    ))
                })?
            }
        };
        let last_key = match self.get("Marker") {
            None => None,
            Some(marker) => {
                let key = hex::decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let invalid = || {
                    RdsError::invalid_parameter("The marker is not one that this action gave out.")
                };
                Some(key.ok_or_else(invalid)?)
            }
        };
        let mut items = items
            .into_iter()
            .skip_while(|(key, _)| last_key.as_ref().is_some_and(|last_key| key <= last_key))
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
    fn lists_are_parsed_in_all_forms() {
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
    fn pages_follow_each_other() {
        let items = || (0..45).map(|n| (format!("{n:03}"), n));
        let (first, marker) = Form::parse(b"MaxRecords=20").page(items()).expect("page");
        assert_eq!(first, (0..20).collect::<Vec<_>>());
        let body = format!("MaxRecords=25&Marker={}", marker.expect("marker"));
        let (second, marker) = Form::parse(body.as_bytes()).page(items()).expect("page");
        assert_eq!((second, marker), ((20..45).collect(), None));
        for refused in ["MaxRecords=19", "MaxRecords=101", "MaxRecords=x", "Marker=zz"] {
            let error = Form::parse(refused.as_bytes()).page(items()).expect_err(refused);
            assert_eq!(error.code, "InvalidParameterValue");
        }
    }
}
