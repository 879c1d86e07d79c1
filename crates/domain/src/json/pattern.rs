//! Path patterns of the registry and what can be done at the places they name.
//!
//! Dotted: `a.b` members, `[]` every item of an array, `*` every member, `**` any depth.
//! `@odata.type` is one member although it holds a dot.

use serde_json::Value;

use super::below;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment<'p> {
    Member(&'p str),
    Items,
    AnyMember,
    AnyDepth,
}

fn parse(pattern: &str) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let end = match rest.strip_prefix("@odata.") {
            Some(tail) => "@odata.".len() + tail.find(['.', '[']).unwrap_or(tail.len()),
            None => rest.find(['.', '[']).unwrap_or(rest.len()),
        };
        let (name, mut tail) = rest.split_at(end);
        match name {
            "" => {}
            "*" => segments.push(Segment::AnyMember),
            "**" => segments.push(Segment::AnyDepth),
            member => segments.push(Segment::Member(member)),
        }
        while let Some(after) = tail.strip_prefix("[]") {
            segments.push(Segment::Items);
            tail = after;
        }
        // A `[` that opens no `[]` cannot start a member name: skip it so that the loop ends.
        rest = tail.strip_prefix(['.', '[']).unwrap_or(tail);
    }
    segments
}

/// The value at a pattern without `[]`, `*` and `**`.
pub fn get<'v>(value: &'v Value, pattern: &str) -> Option<&'v Value> {
    parse(pattern)
        .into_iter()
        .try_fold(value, |at, segment| match segment {
            Segment::Member(name) => at.get(name),
            _ => None,
        })
}

/// Calls `visit` with the pointer and value of every place the pattern names.
pub fn visit(value: &Value, pattern: &str, visit: &mut dyn FnMut(&str, &Value)) {
    walk(value, &parse(pattern), "", visit);
}

fn walk(
    value: &Value,
    segments: &[Segment<'_>],
    pointer: &str,
    visit: &mut dyn FnMut(&str, &Value),
) {
    let Some((first, rest)) = segments.split_first() else {
        visit(pointer, value);
        return;
    };
    match (first, value) {
        (Segment::Member(name), Value::Object(members)) => {
            if let Some(member) = members.get(*name) {
                walk(member, rest, &below(pointer, name), visit);
            }
        }
        (Segment::Items, Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, rest, &below(pointer, index), visit);
            }
        }
        (Segment::AnyMember, Value::Object(members)) => {
            for (name, member) in members {
                walk(member, rest, &below(pointer, name), visit);
            }
        }
        (Segment::AnyDepth, _) => {
            walk(value, rest, pointer, visit);
            match value {
                Value::Array(items) => {
                    for (index, item) in items.iter().enumerate() {
                        walk(item, segments, &below(pointer, index), visit);
                    }
                }
                Value::Object(members) => {
                    for (name, member) in members {
                        walk(member, segments, &below(pointer, name), visit);
                    }
                }
                _ => {}
            }
        }
        _ => {}
    }
}

/// Lets `edit` change every value the pattern names.
pub fn edit(value: &mut Value, pattern: &str, edit: &mut dyn FnMut(&mut Value)) {
    walk_mut(value, &parse(pattern), edit);
}

fn walk_mut(value: &mut Value, segments: &[Segment<'_>], edit: &mut dyn FnMut(&mut Value)) {
    let Some((first, rest)) = segments.split_first() else {
        edit(value);
        return;
    };
    if *first == Segment::AnyDepth {
        walk_mut(value, rest, edit);
    }
    match (first, value) {
        (Segment::Member(name), Value::Object(members)) => {
            if let Some(member) = members.get_mut(*name) {
                walk_mut(member, rest, edit);
            }
        }
        (Segment::Items, Value::Array(items)) => {
            for item in items {
                walk_mut(item, rest, edit);
            }
        }
        (Segment::AnyMember, Value::Object(members)) => {
            for (_, member) in members.iter_mut() {
                walk_mut(member, rest, edit);
            }
        }
        (Segment::AnyDepth, Value::Array(items)) => {
            for item in items {
                walk_mut(item, segments, edit);
            }
        }
        (Segment::AnyDepth, Value::Object(members)) => {
            for (_, member) in members.iter_mut() {
                walk_mut(member, segments, edit);
            }
        }
        _ => {}
    }
}

/// Removes every member the pattern names (the last part must be a member).
pub fn remove(value: &mut Value, pattern: &str) {
    let mut segments = parse(pattern);
    let Some(Segment::Member(last)) = segments.pop() else {
        return;
    };
    walk_mut(value, &segments, &mut |holder| {
        if let Value::Object(members) = holder {
            members.remove(last);
        }
    });
}

/// Whether the pattern names the place of this pointer (an index stands for an item).
pub fn names(pattern: &str, pointer: &str) -> bool {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    let is_index = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    fits(&parse(pattern), &parts, &is_index)
}

/// The same in a form where keyed lists stand by key: any member may stand for an item.
pub fn names_keyed(pattern: &str, pointer: &str) -> bool {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    fits(&parse(pattern), &parts, &|_| true)
}

fn fits(segments: &[Segment<'_>], parts: &[&str], is_item: &dyn Fn(&str) -> bool) -> bool {
    match (segments.split_first(), parts.split_first()) {
        (None, None) => true,
        (Some((Segment::AnyDepth, rest)), part) => {
            fits(rest, parts, is_item)
                || part.is_some_and(|(_, tail)| fits(segments, tail, is_item))
        }
        (Some((first, rest)), Some((part, tail))) => {
            let same = match first {
                Segment::Member(name) => {
                    *part == name.replace('~', "~0").replace('/', "~1").as_str()
                }
                Segment::Items => is_item(part),
                Segment::AnyMember => true,
                Segment::AnyDepth => false,
            };
            same && fits(rest, tail, is_item)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(value: &Value, pattern: &str) -> Vec<String> {
        let mut pointers = Vec::new();
        visit(value, pattern, &mut |pointer, _| {
            pointers.push(pointer.to_owned());
        });
        pointers
    }

    #[test]
    fn every_form_of_a_pattern_finds_its_places() {
        let value = json!({"@odata.type": "t", "a": {"b": [{"c": 1}, {"c": 2}], "x": {"c": 3}}});
        assert_eq!(found(&value, "@odata.type"), ["/@odata.type"]);
        assert_eq!(found(&value, "a.b[].c"), ["/a/b/0/c", "/a/b/1/c"]);
        assert_eq!(found(&value, "a.*.c"), ["/a/x/c"]);
        assert_eq!(found(&value, "**.c").len(), 3);
        assert_eq!(found(&value, "a.b.c"), Vec::<String>::new());
        assert!(names("a.b[].c", "/a/b/1/c"));
        assert!(names("**.c", "/a/b/1/c"));
        assert!(!names("a.b[]", "/a/b/x"));
    }

    #[test]
    fn members_are_removed_at_every_place() {
        let mut value = json!({"a": [{"id": 1, "k": 2}, {"id": 3}], "id": 4});
        remove(&mut value, "a[].id");
        assert_eq!(value, json!({"a": [{"k": 2}, {}], "id": 4}));
        remove(&mut value, "@odata.type");
        edit(&mut value, "a[].k", &mut |k| *k = json!(9));
        assert_eq!(value, json!({"a": [{"k": 9}, {}], "id": 4}));
    }
}
