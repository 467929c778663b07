//! What is read of a body before its route reads it.

use super::{Fields, Given, Invalid, Json, Name, Result};

impl Fields {
    /// The field if it is a text; it stays where it is.
    pub fn peek(&self, name: impl Into<Name>) -> Option<&str> {
        let name = name.into();
        std::iter::once(&name.field).chain(name.aliases).find_map(|key| {
            let (_, json) = self.members.iter().rev().find(|(given, _)| given.eq_ignore_ascii_case(key))?;
            match json {
                Json::Text(text) | Json::Form(text) => Some(text.as_str()),
                _ => None,
            }
        })
    }
}

impl Given {
    /// A moment: RFC 3339, or unix seconds as a number or a text. In unix milliseconds.
    pub fn moment(self) -> Result<i64> {
        let read = match &self.json {
            Json::Number(number) => number.as_i64().and_then(|seconds| seconds.checked_mul(1000)),
            Json::Text(text) | Json::Form(text) => moment(text),
            _ => None,
        };
        read.ok_or_else(|| Invalid::field(self.field, "a time: RFC 3339, or unix seconds"))
    }
}

/// RFC 3339 or unix seconds, in unix milliseconds.
pub fn moment(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.parse::<i64>() {
        Ok(seconds) => seconds.checked_mul(1000),
        Err(_) => chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_either_way() {
        let read = |body: &str| Fields::parse(body.as_bytes()).unwrap().optional("At").unwrap().moment();
        for (body, expected) in [
            (r#"{"At":1700000000}"#, Some(1_700_000_000_000)),
            (r#"{"at":"1700000000"}"#, Some(1_700_000_000_000)),
            (r#"{"At":"2023-11-14T22:13:20Z"}"#, Some(1_700_000_000_000)),
            (r#"{"At":"2023-11-14T19:13:20.5-03:00"}"#, Some(1_700_000_000_500)),
            (r#"{"At":"tomorrow"}"#, None),
            (r#"{"At":9223372036854775807}"#, None),
            (r#"{"At":1.5}"#, None),
            (r#"{"At":true}"#, None),
        ] {
            assert_eq!(read(body).ok(), expected, "{body}");
        }
    }

    #[test]
    fn a_field_that_was_looked_at_is_still_there() {
        let mut fields = Fields::parse(br#"{"phone":"1","Phone":"2"}"#).unwrap();
        assert_eq!(fields.peek("Phone"), Some("2"));
        assert_eq!(fields.required("Phone").unwrap().text(9).unwrap(), "2");
    }
}
