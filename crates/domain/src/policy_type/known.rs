//! Which properties of a policy this product knows, and which ones Graph must have grown since.
//!
//! The names stand in `schema/known-properties.txt`, reviewed data for every type at once. A property
//! that is not there is unknown: nobody here can say what writing or losing it does. It is compared
//! and shown like any other and never written; what else follows is decided in [`crate::steps`].
//!
//! Nothing is called unknown for lack of knowledge: annotations, our own markers, values that say
//! nothing, whatever a row itself names, objects of a kind that is not in the list, and collections
//! that are not in the list.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::{PolicyType, odata_type};
use crate::json;

static TABLE: LazyLock<Table> =
    LazyLock::new(|| Table::read(include_str!("../../schema/known-properties.txt")));

/// Longest chain of bases that is followed.
const MAX_BASES: usize = 16;

/// What a name of a kind holds.
#[derive(Clone, Copy, Debug)]
struct Member {
    /// The kind of its value, where this product looks into it.
    kind: Option<&'static str>,
    /// Whether it is a list of them.
    list: bool,
}

#[derive(Debug, Default)]
struct Kind {
    base: Option<&'static str>,
    open: bool,
    members: HashMap<&'static str, Member>,
    /// Kinds that name this one as their base.
    derived: Vec<&'static str>,
}

#[derive(Debug, Default)]
struct Table {
    kinds: HashMap<&'static str, Kind>,
    /// Collection path -> declared kind of its objects.
    collections: HashMap<&'static str, &'static str>,
}

impl Table {
    fn read(text: &'static str) -> Self {
        let mut table = Self::default();
        let mut current = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(words) = line.strip_prefix("  ") {
                if let Some(kind) = table.kinds.get_mut(current) {
                    kind.members
                        .extend(words.split_whitespace().map(read_member));
                }
                continue;
            }
            if let Some((path, kind)) = line.split_once(" = ") {
                table.collections.insert(path, kind);
                continue;
            }
            let (head, base) = line
                .split_once(" : ")
                .map_or((line, None), |(head, base)| (head, Some(base)));
            let (name, open) = head
                .strip_prefix("open ")
                .map_or((head, false), |name| (name, true));
            current = name;
            let kind = table.kinds.entry(name).or_default();
            kind.base = base;
            kind.open = open;
            if let Some(base) = base {
                table.kinds.entry(base).or_default().derived.push(name);
            }
        }
        table
    }

    /// What the kind or one of its bases says of a name: `None` when none knows it.
    fn member(&self, kind: &str, name: &str) -> Option<Member> {
        let mut next = self.kinds.get(kind);
        for _ in 0..MAX_BASES {
            let at = next?;
            if at.open {
                return Some(Member {
                    kind: None,
                    list: false,
                });
            }
            if let Some(member) = at.members.get(name) {
                return Some(*member);
            }
            next = self.kinds.get(at.base?);
        }
        None
    }

    /// The same where an object does not say of which kind it is: any kind derived from the declared
    /// one may be meant.
    fn member_of_any(&self, kind: &str, name: &str) -> Option<Member> {
        self.member(kind, name).or_else(|| {
            let derived = &self.kinds.get(kind)?.derived;
            derived
                .iter()
                .find_map(|derived| self.member_of_any(derived, name))
        })
    }
}

fn read_member(word: &'static str) -> (&'static str, Member) {
    let Some((name, kind)) = word.split_once(':') else {
        let plain = Member {
            kind: None,
            list: false,
        };
        return (word, plain);
    };
    let (kind, list) = kind
        .strip_suffix("[]")
        .map_or((kind, false), |kind| (kind, true));
    let member = Member {
        kind: Some(kind),
        list,
    };
    (name, member)
}

/// JSON Pointers of the properties of a captured content that this product does not know and that
/// say something, in order.
pub(crate) fn unknown(row: &PolicyType, content: &Value) -> Vec<String> {
    search(row, content, false)
}

/// The same in the canonical value of the settings facet, where keyed lists stand by key. The tree of
/// a settings catalogue is not looked into: there every member is a setting of its own.
pub(crate) fn unknown_in_form(row: &PolicyType, form: &Value) -> Vec<String> {
    search(row, form, true)
}

/// Takes what is unknown out of a content.
pub(crate) fn strip(row: &PolicyType, content: &mut Value) {
    for pointer in unknown(row, content) {
        let Some((holder, name)) = pointer.rsplit_once('/') else {
            continue;
        };
        let name = name.replace("~1", "/").replace("~0", "~");
        if let Some(Value::Object(members)) = content.pointer_mut(holder) {
            members.remove(&name);
        }
    }
}

/// Whether a pointer is one of these places or stands below one.
pub(crate) fn covers(places: &[String], pointer: &str) -> bool {
    places.iter().any(|place| {
        pointer
            .strip_prefix(place.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn search(row: &PolicyType, content: &Value, form: bool) -> Vec<String> {
    let mut search = Search {
        row,
        form,
        found: Vec::new(),
    };
    if let Some(kind) = TABLE.collections.get(row.path) {
        search.object(content, kind, "");
    }
    search.found
}

struct Search<'a> {
    row: &'a PolicyType,
    form: bool,
    found: Vec<String>,
}

impl Search<'_> {
    fn value(&mut self, value: &Value, member: Member, pointer: &str) {
        let Some(kind) = member.kind else { return };
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.object(item, kind, &json::below(pointer, index));
                }
            }
            Value::Object(keyed) if self.form && member.list => {
                for (key, item) in keyed {
                    self.object(item, kind, &json::below(pointer, key));
                }
            }
            other => self.object(other, kind, pointer),
        }
    }

    fn object(&mut self, value: &Value, declared: &str, pointer: &str) {
        let Value::Object(members) = value else {
            return;
        };
        let own = odata_type(value);
        if !own.is_empty() && !TABLE.kinds.contains_key(own) {
            return;
        }
        for (name, value) in members {
            if is_ours(name) || says_nothing(value) {
                continue;
            }
            let at_root = pointer.is_empty();
            if at_root && self.form && self.row.catalog_tree() == Some(name.as_str()) {
                continue;
            }
            let member = if own.is_empty() {
                TABLE.member_of_any(declared, name)
            } else {
                TABLE.member(own, name)
            };
            let at = json::below(pointer, name);
            match member {
                Some(member) => self.value(value, member, &at),
                None if at_root && named_by_row(self.row, name) => {}
                None => self.found.push(at),
            }
        }
    }
}

/// Annotations, advertised actions, markers of this product, references by meaning.
fn is_ours(name: &str) -> bool {
    name.contains('@') || name.starts_with(['#', '$']) || name == "ref"
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(says_nothing),
        _ => false,
    }
}

/// What the registry itself names, it knows.
fn named_by_row(row: &PolicyType, name: &str) -> bool {
    let first = |place: &str| place.split(['.', '[']).next() == Some(name);
    let lists = [
        row.identity,
        row.server_state,
        row.strip_create,
        row.strip_update,
        row.immutable,
        row.future_dates,
        row.child_ids,
        row.sets,
        row.flags,
        row.ignored,
        row.empty_is_absent,
        row.base64,
        row.secrets,
        row.item_parts,
        row.create_first.unwrap_or_default(),
    ];
    lists
        .iter()
        .any(|list| list.iter().any(|place| first(place)))
        || row.keyed.iter().any(|(place, _)| first(place))
        || row.defaults.iter().any(|(place, _)| first(place))
        || row.references.iter().any(|rule| first(rule.path))
        || row.sub_collections.iter().any(|sub| sub.property == name)
        || [
            Some(row.name_property),
            row.platform_property,
            row.priority,
            row.scope_tags,
        ]
        .contains(&Some(name))
}

#[cfg(test)]
mod known_test;
