//! Query parameters, read strictly, and the opaque cursor of lists.
//!
//! A cursor names the list it belongs to and the key of the last item. It must not carry rights:
//! every page is authorised again.

use std::collections::HashSet;

use actix_web::HttpRequest;
use actix_web::web::Query;
use chrono::{DateTime, Utc};
use serde::Serialize;
use store::page::{AfterName, Before};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::cursor;
use crate::problem::{FieldError, Problem};
use crate::strict_json::{parse_uuid, text_fault};

pub use crate::cursor::encode as encode_cursor;

/// More parameters than any operation takes.
const MOST_PARAMETERS: usize = 64;

/// The answer of every list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Give it back as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Makes the answer of a page of rows; `key` names the last one for the next page.
    pub fn of<R>(
        rows: store::page::Page<R>,
        key: impl Fn(&R) -> String,
        view: impl FnMut(R) -> T,
    ) -> Self {
        let next_cursor = if rows.has_more {
            rows.items.last().map(key)
        } else {
            None
        };
        Self {
            items: rows.items.into_iter().map(view).collect(),
            next_cursor,
        }
    }

    /// The same of rows that are all at hand.
    pub fn of_all<R>(
        mut rows: Vec<R>,
        limit: u32,
        key: impl Fn(&R) -> String,
        view: impl FnMut(R) -> T,
    ) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let rows = store::page::Page {
            items: rows,
            has_more,
        };
        Self::of(rows, key, view)
    }
}

/// A cursor by time and id.
pub fn time_cursor(list: &str, at: DateTime<Utc>, id: Uuid) -> String {
    encode_cursor(list, &[&at.timestamp_micros().to_string(), &id.to_string()])
}

/// The query parameters of a request that were not read yet.
#[derive(Debug)]
pub struct Parameters {
    pairs: Vec<(String, String)>,
    errors: Vec<FieldError>,
    cursor_fault: bool,
}

impl Parameters {
    /// Splits the query string. A parameter that stands twice is refused, and so are more than any
    /// operation takes.
    pub fn of(request: &HttpRequest) -> Self {
        let query = request.query_string();
        let mut errors = Vec::new();
        if query.bytes().filter(|byte| *byte == b'&').count() >= MOST_PARAMETERS {
            errors.push(FieldError::parameter(
                "",
                "too_many_parameters",
                format!("There may be {MOST_PARAMETERS} parameters at most."),
            ));
            return Self {
                pairs: Vec::new(),
                errors,
                cursor_fault: false,
            };
        }
        let pairs = Query::<Vec<(String, String)>>::from_query(query)
            .map(Query::into_inner)
            .unwrap_or_default();
        let mut seen = HashSet::with_capacity(pairs.len());
        for (name, value) in &pairs {
            // What the decoding puts where the bytes were no text.
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                errors.push(FieldError::parameter(
                    shown(name),
                    "not_utf8",
                    "The parameter is not UTF-8.",
                ));
            }
            if !seen.insert(name.as_str()) {
                errors.push(FieldError::parameter(
                    shown(name),
                    "repeated",
                    "The parameter stands twice.",
                ));
            }
        }
        Self {
            pairs,
            errors,
            cursor_fault: false,
        }
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let index = self.pairs.iter().position(|(key, _)| key == name)?;
        let (_, value) = self.pairs.remove(index);
        self.pairs.retain(|(key, _)| key != name);
        Some(value)
    }

    /// Records something wrong with a parameter.
    pub fn refuse(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        self.errors.push(FieldError::parameter(name, code, detail));
    }

    /// `limit`: 1 to 200, 50 when absent.
    pub fn limit(&mut self) -> u32 {
        let Some(text) = self.take("limit") else {
            return 50;
        };
        // No sign, no blanks: digits only.
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u32>() {
            Ok(limit) if digits && (1..=200).contains(&limit) => limit,
            _ => {
                self.refuse("limit", "out_of_range", "limit must be from 1 to 200.");
                50
            }
        }
    }

    /// `cursor`: the parts of the key it packs.
    pub fn cursor(&mut self, list: &str, parts: usize) -> Option<Vec<String>> {
        let text = self.take("cursor")?;
        let found = cursor::decode(&text, list, parts);
        self.cursor_fault |= found.is_none();
        found
    }

    /// A cursor by time and id.
    pub fn time_cursor(&mut self, list: &str) -> Option<Before> {
        let parts = self.cursor(list, 2)?;
        let found = match parts.as_slice() {
            [at, id] => at
                .parse()
                .ok()
                .and_then(DateTime::from_timestamp_micros)
                .zip(parse_uuid(id))
                .map(|(at, id)| Before { at, id }),
            _ => None,
        };
        self.cursor_fault |= found.is_none();
        found
    }

    /// A cursor by name and id.
    pub fn name_cursor(&mut self, list: &str) -> Option<AfterName> {
        let parts = self.cursor(list, 2)?;
        let found = match parts.as_slice() {
            [name, id] => parse_uuid(id).map(|id| AfterName {
                name: name.clone(),
                id,
            }),
            _ => None,
        };
        self.cursor_fault |= found.is_none();
        found
    }

    /// A cursor that is one whole number.
    pub fn number_cursor(&mut self, list: &str) -> Option<i64> {
        let parts = self.cursor(list, 1)?;
        let found = parts.first().and_then(|text| text.parse().ok());
        self.cursor_fault |= found.is_none();
        found
    }

    /// A UUID.
    pub fn uuid(&mut self, name: &str) -> Option<Uuid> {
        let text = self.take(name)?;
        let found = parse_uuid(&text);
        if found.is_none() {
            self.refuse(name, "not_a_uuid", format!("{name} must be a UUID."));
        }
        found
    }

    /// Free text of up to `longest` characters.
    pub fn text(&mut self, name: &str, longest: usize) -> Option<String> {
        let text = self.take(name)?;
        if let Some((code, what)) = text_fault(&text, longest) {
            self.refuse(name, code, format!("{name} {what}"));
            return None;
        }
        Some(text)
    }

    /// A member of a closed set.
    pub fn word(&mut self, name: &str, words: &[&str]) -> Option<String> {
        let text = self.take(name)?;
        if !words.contains(&text.as_str()) {
            let detail = format!("{name} must be one of: {}.", words.join(", "));
            self.refuse(name, "not_one_of", detail);
            return None;
        }
        Some(text)
    }

    /// Whatever was not read is unknown; then the verdict.
    pub fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            self.errors.push(FieldError::parameter(
                shown(&name),
                "unknown_parameter",
                "This parameter is not known here.",
            ));
        }
        if self.cursor_fault {
            return Err(Problem::malformed(
                "The cursor is not one that this list gave out.",
            ));
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.errors))
        }
    }
}

/// A parameter name of the caller's, safe to repeat.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::problem::Code;

    fn parameters(query: &str) -> Parameters {
        let request = TestRequest::with_uri(&format!("/x?{query}")).to_http_request();
        Parameters::of(&request)
    }

    #[test]
    fn limits_outside_their_range_are_refused_by_parameter() {
        for bad in [
            "0",
            "201",
            "-1",
            "+5",
            "x",
            "",
            "1e2",
            "99999999999999999999",
        ] {
            let mut given = parameters(&format!("limit={bad}"));
            given.limit();
            let problem = given.finish().unwrap_err();
            assert_eq!(problem.code(), Code::ValidationFailed, "{bad}");
        }
        let mut given = parameters("limit=200");
        assert_eq!(given.limit(), 200);
        assert!(given.finish().is_ok());
    }

    #[test]
    fn cursors_come_back_and_foreign_ones_are_malformed() {
        let id = Uuid::now_v7();
        let at = DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap();
        let cursor = time_cursor("runs", at, id);
        let mut given = parameters(&format!("cursor={cursor}"));
        assert_eq!(given.time_cursor("runs"), Some(Before { at, id }));
        assert!(given.finish().is_ok());
        for bad in [cursor.as_str(), "", "%00", "AAAA", "not+a+cursor"] {
            let mut given = parameters(&format!("cursor={bad}"));
            given.time_cursor("tenants");
            let problem = given.finish().unwrap_err();
            assert_eq!(problem.code(), Code::MalformedRequest, "{bad}");
        }
    }

    #[test]
    fn unknown_and_repeated_parameters_are_refused() {
        assert!(parameters("nope=1").finish().is_err());
        let mut given = parameters("q=a&q=b");
        given.text("q", 10);
        assert!(given.finish().is_err());
    }
}
