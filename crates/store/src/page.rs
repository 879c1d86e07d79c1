//! Keyset pages. Decides how much is fetched; what a cursor looks like outside is the API's.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Where a page that is sorted by time, newest first, goes on: strictly older than this row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// `created_at` of the last row shown.
    pub at: DateTime<Utc>,
    /// Its id.
    pub id: Uuid,
}

/// Where a page that is sorted by name goes on: strictly after this row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfterName {
    /// Name of the last row shown.
    pub name: String,
    /// Its id.
    pub id: Uuid,
}

/// One page and whether there is more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// At most as many as asked for.
    pub items: Vec<T>,
    /// Whether at least one more exists.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// Makes a page of rows that were fetched with [`one_more`].
    pub(crate) fn cut(mut rows: Vec<T>, limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Self {
            items: rows,
            has_more,
        }
    }

    /// The same page of something else.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(convert).collect(),
            has_more: self.has_more,
        }
    }
}

/// The LIMIT that tells whether there is more.
pub(crate) fn one_more(limit: u32) -> i64 {
    i64::from(limit) + 1
}
