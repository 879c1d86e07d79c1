//! Reads the built-in type table, a compact text with one line per type and its properties.
//!
//! The syntax is explained at the top of `schema/graph-types.txt`.

use super::{Access, Enumeration, Property, Schema, Type};

const TABLES: [&str; 6] = [
    include_str!("../../schema/graph-types.txt"),
    include_str!("../../schema/graph-types-links.txt"),
    include_str!("../../schema/graph-types-enrollment.txt"),
    include_str!("../../schema/graph-types-scripts.txt"),
    include_str!("../../schema/graph-types-group-policy.txt"),
    include_str!("../../schema/graph-types-apps.txt"),
];

/// What the lines that follow belong to.
enum Section {
    Type(String),
    Partial(String),
    Enumeration(String),
    None,
}

impl Schema {
    /// The table that needs no outside file: complete for the first policy types, names only for
    /// the rarer device configuration types.
    pub fn builtin() -> Self {
        let mut schema = Self::default();
        let mut section = Section::None;
        let lines = TABLES.iter().flat_map(|table| table.lines());
        for line in lines.filter(|line| !line.starts_with('#')) {
            if let Some(words) = line.strip_prefix("  ") {
                for word in words.split_whitespace() {
                    schema.add_word(&section, word);
                }
            } else {
                section = schema.open_section(line);
            }
        }
        schema.seal()
    }

    fn open_section(&mut self, line: &str) -> Section {
        let mut type_ = Type::default();
        let mut words = line.split_whitespace().peekable();
        let mut kind = words.next().unwrap_or_default();
        while matches!(kind, "abstract" | "open") {
            type_.is_abstract |= kind == "abstract";
            type_.open |= kind == "open";
            kind = words.next().unwrap_or_default();
        }
        let name = words.next().unwrap_or_default().to_owned();
        match kind {
            "entity" | "complex" => {
                if words.next_if_eq(&":").is_some() {
                    type_.base = words.next().map(str::to_owned);
                }
                type_.beta_only = words.next() == Some("beta");
                self.types.insert(name.clone(), type_);
                Section::Type(name)
            }
            "partial" => Section::Partial(name),
            "enum" | "flags" => {
                let enumeration = Enumeration {
                    flags: kind == "flags",
                    members: Vec::new(),
                };
                self.enumerations.insert(name.clone(), enumeration);
                Section::Enumeration(name)
            }
            _ => Section::None,
        }
    }

    fn add_word(&mut self, section: &Section, word: &str) {
        match section {
            Section::Type(name) => {
                if let (Some((property, rest)), Some(type_)) =
                    (word.split_once(':'), self.types.get_mut(name))
                {
                    type_
                        .properties
                        .insert(property.to_owned(), read_property(rest));
                }
            }
            Section::Partial(base) => {
                let name = word.trim_end_matches('*').to_owned();
                let type_ = Type {
                    base: Some(base.clone()),
                    is_abstract: word.ends_with('*'),
                    open: true,
                    ..Type::default()
                };
                self.types.insert(name, type_);
            }
            Section::Enumeration(name) => {
                if let Some(enumeration) = self.enumerations.get_mut(name) {
                    enumeration.members.push(word.to_owned());
                }
            }
            Section::None => {}
        }
    }
}

fn read_property(text: &str) -> Property {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(text.len());
    let (kind, suffixes) = text.split_at(end);
    let has = |mark: &str| suffixes.contains(mark);
    let access = if has("!") {
        Access::ReadOnly
    } else if has("~") {
        Access::ReadOnlyByDocumentation
    } else if has("-") {
        Access::Unlisted
    } else {
        Access::Writable
    };
    let navigation = if has(">") {
        Some(true)
    } else {
        has("^").then_some(false)
    };
    Property {
        kind: kind.to_owned(),
        collection: has("[]"),
        nullable: has("?") || navigation.is_some(),
        access,
        navigation,
        beta_only: has("@"),
    }
}
