//! Lists: page after page to the end, or an error.
//!
//! Decides which `nextLink` may be followed: one on the configured Graph host below the version
//! segment, not seen before, within the page cap. A list is never silently partial. Items stay raw
//! text, so that one item too deep or odd to parse does not break its page.

use std::collections::HashSet;

use serde::Deserialize;
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
}

enum Next {
    First,
    Link(Url),
    End,
}

#[derive(Deserialize)]
struct Page {
    value: Vec<Box<RawValue>>,
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
            Next::End => return Ok(None),
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
