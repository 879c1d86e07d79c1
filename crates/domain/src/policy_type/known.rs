//! Which properties of a policy this product knows, and which ones Graph must have grown since.
//!
//! The names stand in `schema/known-properties.txt`, reviewed data for every type at once. A property
//! that is not there is unknown: nobody here can say what writing or losing it does. It is compared
//! and shown like any other and never written; what else follows is decided in [`crate::steps`].
//!
//! The list also says what a value is, and what the service computes: such a property is never
//! written and part of no comparison. And where a text stands for a member of an enumeration that Graph
//! does not name ([`SENTINEL`]), it stands for many: nothing is concluded from it.
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
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Member {
    /// The kind of its value, where this product looks into it.
    kind: Option<&'static str>,
    /// Whether it is a list of them.
    list: bool,
    /// Whether it is a text that people choose, and no word of an enumeration.
    text: bool,
    /// Whether the service computes it.
    computed: bool,
    /// Whether it is a navigation property.
    navigation: bool,
}

/// What nothing is known of.
const PLAIN: Member = Member {
    kind: None,
    list: false,
    text: false,
    computed: false,
    navigation: false,
};

/// What Graph answers in the place of an enumeration's newer members, and of those it keeps to itself.
const SENTINEL: &str = "unknownFutureValue";

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
            if let Some(member) = at.members.get(name) {
                return Some(*member);
            }
            if at.open {
                return Some(PLAIN);
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
            let mut all = derived
                .iter()
                .filter_map(|derived| self.member_of_any(derived, name));
            let first = all.next()?;
            // A text is free where one of the kinds may say anything there.
            let text = first.text || all.any(|member| member.text);
            Some(Member { text, ..first })
        })
    }
}

fn read_member(word: &'static str) -> (&'static str, Member) {
    let mut member = PLAIN;
    let word = word
        .strip_suffix('~')
        .inspect(|_| member.navigation = true)
        .unwrap_or(word);
    let word = word
        .strip_suffix('!')
        .inspect(|_| member.computed = true)
        .unwrap_or(word);
    let word = word
        .strip_suffix("[]")
        .inspect(|_| member.list = true)
        .unwrap_or(word);
    if let Some((name, kind)) = word.split_once(':') {
        member.kind = Some(kind);
        return (name, member);
    }
    let (name, what) = word.split_once('=').unwrap_or((word, ""));
    member.text = what == "s";
    (name, member)
}

/// JSON Pointers of the properties of a captured content that this product does not know and that
/// say something, in order.
pub(crate) fn unknown(row: &PolicyType, content: &Value) -> Vec<String> {
    search(row, content, false).unknown
}

/// The same in the canonical value of the settings facet, where keyed lists stand by key. The tree of
/// a settings catalogue is not looked into: there every member is a setting of its own.
pub(crate) fn unknown_in_form(row: &PolicyType, form: &Value) -> Vec<String> {
    search(row, form, true).unknown
}

/// JSON Pointers of the texts that stand for a member of an enumeration which Graph does not name, in
/// order. What is not known to be free text may be one of them.
pub(crate) fn unnamed(row: &PolicyType, content: &Value) -> Vec<String> {
    // Hardly any policy has one: looked for before the list is asked.
    if !holds_sentinel(content) {
        return Vec::new();
    }
    if TABLE.collections.contains_key(row.path) {
        return search(row, content, false).unnamed;
    }
    unnamed_anywhere(content)
}

/// The same where nothing is known of what the value holds.
pub(crate) fn unnamed_anywhere(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    json::each_text(value, "", &mut |pointer, text| {
        if is_sentinel(text) {
            found.push(pointer.to_owned());
        }
    });
    found
}

/// Takes out of a content what is never written: what is unknown, and what the service computes.
pub(crate) fn strip(row: &PolicyType, content: &mut Value) {
    let found = search(row, content, false);
    remove(content, &found.unknown);
    remove(content, &found.computed);
}

/// Takes what the service computes out of a content.
pub(crate) fn strip_computed(row: &PolicyType, content: &mut Value) {
    let found = search(row, content, true);
    remove(content, &found.computed);
}

/// Whether a member of the content is a navigation property of its kind.
pub(crate) fn is_navigation(row: &PolicyType, content: &Value, name: &str) -> bool {
    let own = odata_type(content);
    let kind = match TABLE.collections.get(row.path) {
        Some(declared) if own.is_empty() => declared,
        _ => own,
    };
    TABLE
        .member(kind, name)
        .is_some_and(|member| member.navigation)
}

fn remove(content: &mut Value, places: &[String]) {
    for pointer in places {
        let Some((holder, name)) = pointer.rsplit_once('/') else {
            continue;
        };
        let name = name.replace("~1", "/").replace("~0", "~");
        if let Some(Value::Object(members)) = content.pointer_mut(holder) {
            members.remove(&name);
        }
    }
}

/// A text of one word, or of several.
fn is_sentinel(text: &str) -> bool {
    text.split(',')
        .any(|word| word.trim().eq_ignore_ascii_case(SENTINEL))
}

fn holds_sentinel(content: &Value) -> bool {
    let mut open = vec![content];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) if is_sentinel(text) => return true,
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            _ => {}
        }
    }
    false
}

/// Whether a pointer is one of these places or stands below one.
pub(crate) fn covers(places: &[String], pointer: &str) -> bool {
    places.iter().any(|place| {
        pointer
            .strip_prefix(place.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn search(row: &PolicyType, content: &Value, form: bool) -> Found {
    let mut search = Search {
        row,
        form,
        found: Found::default(),
    };
    if let Some(kind) = TABLE.collections.get(row.path) {
        search.object(content, kind, "");
    }
    search.found
}

/// Places of a content, in order.
#[derive(Default)]
struct Found {
    unknown: Vec<String>,
    computed: Vec<String>,
    unnamed: Vec<String>,
}

struct Search<'a> {
    row: &'a PolicyType,
    form: bool,
    found: Found,
}

impl Search<'_> {
    /// The sentinels of a value that is not known to be free text.
    fn words(&mut self, value: &Value, pointer: &str) {
        let below = unnamed_anywhere(value);
        let found = &mut self.found.unnamed;
        found.extend(below.into_iter().map(|at| format!("{pointer}{at}")));
    }

    fn value(&mut self, value: &Value, member: Member, pointer: &str) {
        if !member.text && member.kind.is_none() {
            self.words(value, pointer);
        }
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
            self.words(value, pointer);
            return;
        }
        for (name, value) in members {
            if is_ours(name) || value.is_null() {
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
                Some(member) if member.computed => self.found.computed.push(at),
                Some(member) => self.value(value, member, &at),
                None if says_nothing(value) => {}
                None if at_root && named_by_row(self.row, name) => self.words(value, &at),
                None => {
                    self.words(value, &at);
                    self.found.unknown.push(at);
                }
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
        || row.left_behind.iter().any(|(place, _)| first(place))
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
