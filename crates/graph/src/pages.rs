//! Lists: page after page to the end, or an error.
//!
//! Decides which `nextLink` may be followed: one on the configured Graph host below the version
//! segment, not seen before, within the page cap; and that a list which counts itself has as many items
//! as it says. A list is never silently partial. Items stay raw
//! text, so that one item too deep or odd to parse does not break its page.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use url::Url;

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
        let url = match &self.next {
            Next::First => self
                .reader
                .endpoints
                .resource_url(self.request.version, &self.request.path)?,
            Next::Link(link) => link.clone(),
            Next::End => {
                self.tally.check().map_err(CallError::Incomplete)?;
                return Ok(None);
            }
        };
        let answer = self.reader.get_url(&self.request, &url).await?;
        let page: Page = answer
            .json()
            .map_err(|_| CallError::Incomplete(Incomplete::NotAList))?;
        self.seen.insert(digest(&url));
        self.next = match page.next_link {
            None => Next::End,
            Some(link) => Next::Link(self.follow(&link).map_err(CallError::Incomplete)?),
        };
        self.tally.add(page.count.as_ref(), page.value.len());
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

    #[test]
    fn a_count_of_the_page_is_no_count_of_the_whole() {
        let pages = [(Some(json!(2)), 2), (Some(json!(1)), 1)];
        assert_eq!(checked(&pages), Ok(()));
        let wrong = [(Some(json!(2)), 2), (Some(json!(2)), 1)];
        assert!(checked(&wrong).is_err());
    }
}
