//! Lists: page after page to the end, or an error.
//!
//! Decides which `nextLink` may be followed: one on the configured Graph host below the version
//! segment, not seen before, within the page cap; that a list which counts itself has as many items as
//! it says; and that each of its items is an object, and none comes twice. A list is never silently
//! partial. Items stay raw text, so that one item too deep or odd to parse does not break its page.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use url::Url;

use domain::json::is_error_annotation;

use crate::call_error::{CallError, Incomplete};
use crate::client::TenantReader;
use crate::request::ReadRequest;

/// More pages than any real list has (a hundred thousand groups in pages of a hundred are 1,000).
pub const PAGE_CAP: usize = 20_000;

/// A list being read.
pub struct Pages<'a> {
    reader: &'a TenantReader,
    request: ReadRequest,
    next: Next,
    seen: HashSet<[u8; 32]>,
    page_cap: usize,
    tally: Tally,
    items: Items,
}

/// What the pages say of how much there is, and how much came.
#[derive(Default)]
struct Tally {
    read: u64,
    /// By page that says so: how many there are, how many it holds itself.
    said: Vec<(u64, u64)>,
}

impl Tally {
    fn add(&mut self, count: Option<&Value>, items: usize) {
        let items = u64::try_from(items).unwrap_or(u64::MAX);
        self.read = self.read.saturating_add(items);
        let said = count.and_then(|count| match count {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        });
        if let Some(said) = said {
            self.said.push((said, items));
        }
    }

    /// The count is that of the whole list; some services give that of the page instead.
    fn check(&self) -> Result<(), Incomplete> {
        if self.said.iter().all(|(said, items)| said == items) {
            return Ok(());
        }
        match self.said.iter().find(|(said, _)| *said != self.read) {
            None => Ok(()),
            Some((said, _)) => Err(Incomplete::Count {
                said: *said,
                read: self.read,
            }),
        }
    }
}

/// What the items say of the list that they came in.
#[derive(Default)]
struct Items {
    ids: HashSet<String>,
    /// The first thing that makes the list none. Told at its end: what came is handed over first.
    flaw: Option<Incomplete>,
}

impl Items {
    fn look(&mut self, item: &RawValue) {
        if let Some(flaw) = self.flaw_of(item.get()) {
            self.flaw.get_or_insert(flaw);
        }
    }

    /// A list of objects with something else in it was cut or repaired on its way, and an object that
    /// comes twice stands in the place of another: pages that are counted off shift when an object
    /// before them goes. What cannot be parsed is judged by who reads the item.
    fn flaw_of(&mut self, item: &str) -> Option<Incomplete> {
        if !item.starts_with('{') {
            return Some(Incomplete::NotAnObject);
        }
        let members: BTreeMap<String, &RawValue> = serde_json::from_str(item).ok()?;
        if members.keys().any(|name| is_error_annotation(name)) {
            return Some(Incomplete::ErrorInside);
        }
        match members.get("id") {
            None if members.contains_key("error") => Some(Incomplete::ErrorInside),
            None => None,
            Some(id) => {
                let id: String = serde_json::from_str(id.get()).ok()?;
                // Apps of two platforms may share an id; what tells them apart stands beside it.
                let of_app = members.get("mobileAppIdentifier");
                let key = format!("{id}\n{}", of_app.map_or("", |text| text.get()));
                (!self.ids.insert(key)).then_some(Incomplete::Twice)
            }
        }
    }
}

enum Next {
    First,
    Link(Url),
    End,
}

#[derive(Deserialize)]
struct Page {
    value: Vec<Box<RawValue>>,
    #[serde(rename = "@odata.count", default)]
    count: Option<Value>,
    #[serde(rename = "@odata.nextLink", default)]
    next_link: Option<String>,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(reader: &'a TenantReader, request: ReadRequest) -> Self {
        Self {
            reader,
            request,
            next: Next::First,
            seen: HashSet::new(),
            page_cap: PAGE_CAP,
            tally: Tally::default(),
            items: Items::default(),
        }
    }

    /// The same with another page cap.
    #[must_use]
    pub fn with_page_cap(mut self, page_cap: usize) -> Self {
        self.page_cap = page_cap;
        self
    }

    /// The next page's items (there may be none in it); `None` once the list is whole. After an
    /// error the list stays incomplete: asking again repeats the page that failed.
    pub async fn next(&mut self) -> Result<Option<Vec<Box<RawValue>>>, CallError> {
        let (answer, url) = match &self.next {
            Next::First => {
                let (answer, url, version) = self.reader.get_either(&self.request).await?;
                // The rest of the list is where its beginning was.
                self.request.version = version;
                (answer, url)
            }
            Next::Link(link) => {
                let answer = self.reader.get_url(&self.request, link).await?;
                (answer, link.clone())
            }
            Next::End => {
                self.tally.check().map_err(CallError::Incomplete)?;
                return match self.items.flaw {
                    Some(flaw) => Err(CallError::Incomplete(flaw)),
                    None => Ok(None),
                };
            }
        };
        let page: Page = answer
            .json()
            .map_err(|_| CallError::Incomplete(Incomplete::NotAList))?;
        self.seen.insert(digest(&url));
        self.next = match page.next_link {
            None => Next::End,
            Some(link) => Next::Link(self.follow(&link).map_err(CallError::Incomplete)?),
        };
        self.tally.add(page.count.as_ref(), page.value.len());
        page.value.iter().for_each(|item| self.items.look(item));
        Ok(Some(page.value))
    }

    fn follow(&self, link: &str) -> Result<Url, Incomplete> {
        let url = Url::parse(link).map_err(|_| Incomplete::ForeignLink)?;
        if !self.reader.endpoints.contains(self.request.version, &url) {
            return Err(Incomplete::ForeignLink);
        }
        if self.seen.contains(&digest(&url)) {
            return Err(Incomplete::Loop);
        }
        if self.seen.len() >= self.page_cap {
            return Err(Incomplete::TooManyPages);
        }
        Ok(url)
    }
}

fn digest(url: &Url) -> [u8; 32] {
    Sha256::digest(url.as_str()).into()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(pages: &[(Option<Value>, usize)]) -> Result<(), Incomplete> {
        let mut tally = Tally::default();
        for (count, items) in pages {
            tally.add(count.as_ref(), *items);
        }
        tally.check()
    }

    #[test]
    fn a_list_has_as_many_items_as_it_says() {
        let short = |said, read| Err(Incomplete::Count { said, read });
        assert_eq!(checked(&[]), Ok(()));
        assert_eq!(checked(&[(None, 25)]), Ok(()));
        assert_eq!(checked(&[(Some(json!(25)), 25)]), Ok(()));
        assert_eq!(checked(&[(Some(json!(60)), 25)]), short(60, 25));
        assert_eq!(checked(&[(Some(json!("60")), 25)]), short(60, 25));
        assert_eq!(checked(&[(Some(json!(60)), 25), (None, 35)]), Ok(()));
        assert_eq!(checked(&[(Some(json!(60)), 25), (None, 5)]), short(60, 30));
        assert_eq!(checked(&[(Some(json!(0)), 1)]), short(0, 1));
    }

    fn flaw(items: &[&str]) -> Option<Incomplete> {
        let mut seen = Items::default();
        for item in items {
            let raw = RawValue::from_string((*item).to_owned()).unwrap();
            seen.look(&raw);
        }
        seen.flaw
    }

    #[test]
    fn what_is_no_object_or_comes_twice_makes_a_list_none() {
        assert_eq!(flaw(&[r#"{"id":"a"}"#, r#"{"id":"b"}"#]), None);
        assert_eq!(flaw(&[r#"{"name":"a"}"#, r#"{"name":"a"}"#]), None);
        assert_eq!(flaw(&[r#"{"id":"a","error":"a member of it"}"#]), None);
        assert_eq!(flaw(&[r#"{"id":"a","text":"\ud800"}"#]), None);
        for odd in ["null", "7", r#""text""#, r#"[{"id":"a"}]"#] {
            assert_eq!(flaw(&[r#"{"id":"a"}"#, odd]), Some(Incomplete::NotAnObject));
        }
        for error in [
            r#"{"error":{"code":"x"}}"#,
            r#"{"id":"a","@odata.error":{"code":"x"}}"#,
            r#"{"id":"a","apps@odata.error":{"code":"x"}}"#,
        ] {
            assert_eq!(flaw(&[error]), Some(Incomplete::ErrorInside));
        }
        let apps = [
            r#"{"id":"a","mobileAppIdentifier":{"bundleId":"a"}}"#,
            r#"{"id":"a","mobileAppIdentifier":{"packageId":"a"}}"#,
        ];
        assert_eq!(flaw(&apps), None);
        let twice = [
            r#"{"id":"ab"}"#,
            r#"{"id":"c"}"#,
            r#"{"id":"ab","name":"x"}"#,
        ];
        assert_eq!(flaw(&twice), Some(Incomplete::Twice));
    }

    #[test]
    fn a_count_of_the_page_is_no_count_of_the_whole() {
        let pages = [(Some(json!(2)), 2), (Some(json!(1)), 1)];
        assert_eq!(checked(&pages), Ok(()));
        let wrong = [(Some(json!(2)), 2), (Some(json!(2)), 1)];
        assert!(checked(&wrong).is_err());
    }
}
