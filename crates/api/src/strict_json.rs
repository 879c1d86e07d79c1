//! Reads a JSON body strictly: no duplicate key, no unknown member, no wrong type, limited depth.
//!
//! Collects everything that is wrong with a body at once, each with its JSON Pointer. It must not
//! know what the members mean; the request types of the routes say that.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;

use domain::label;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use uuid::Uuid;

use crate::problem::{FieldError, Problem};

/// Objects and arrays inside one another, at most.
const MAX_DEPTH: usize = 32;

/// A request body that can be read from its members.
pub trait ReadBody: Sized {
    /// Reads the members; `None` when one that is needed is missing or wrong (recorded there).
    fn read(members: &mut Members<'_>) -> Option<Self>;
}

/// Parses the bytes: 400 when they are not JSON or hold a key twice.
pub fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    if bytes.is_empty() {
        return Err(Problem::malformed("A JSON body is required."));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| {
            let place = format!("line {} column {}", error.line(), error.column());
            let what = match error.to_string() {
                text if text.contains("duplicate key") => "a key stands twice in one object",
                text if text.contains("too deep") || text.contains("recursion limit") => {
                    "it is nested too deeply"
                }
                _ => "it is not valid JSON",
            };
            Problem::malformed(format!("The body cannot be read: {what} ({place})."))
        })?;
    Ok(value)
}

/// Parses and reads a body: 422 with every place that is wrong.
pub fn read<T: ReadBody>(bytes: &[u8]) -> Result<T, Problem> {
    let value = parse(bytes)?;
    let errors = RefCell::new(Vec::new());
    let Value::Object(map) = value else {
        return Err(Problem::invalid(vec![FieldError::at(
            "",
            "wrong_type",
            "The body must be an object.",
        )]));
    };
    let mut members = Members {
        map,
        pointer: String::new(),
        errors: &errors,
    };
    let body = T::read(&mut members);
    members.finish();
    let errors = errors.into_inner();
    match body {
        Some(body) if errors.is_empty() => Ok(body),
        _ => Err(Problem::invalid(errors)),
    }
}

/// The members of one object that were not read yet.
pub struct Members<'e> {
    map: Map<String, Value>,
    pointer: String,
    errors: &'e RefCell<Vec<FieldError>>,
}

impl<'e> Members<'e> {
    /// Records something wrong with a member.
    pub fn refuse(&self, name: &str, code: &'static str, detail: impl Into<String>) {
        let pointer = self.pointer_to(name);
        let error = FieldError::at(pointer, code, detail);
        self.errors.borrow_mut().push(error);
    }

    /// Whether the member stands there with a value.
    pub fn has(&self, name: &str) -> bool {
        self.map.get(name).is_some_and(|value| !value.is_null())
    }

    fn pointer_to(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, escape(name))
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    fn required<T>(&self, name: &str, found: Option<T>, already: usize) -> Option<T> {
        if found.is_none() && self.errors.borrow().len() == already {
            self.refuse(name, "required", format!("{name} is required."));
        }
        found
    }

    fn count(&self) -> usize {
        self.errors.borrow().len()
    }

    /// A required text of `1..=longest` characters.
    pub fn text(&mut self, name: &str, longest: usize) -> Option<String> {
        let already = self.count();
        let found = self.optional_text(name, longest);
        self.required(name, found, already)
    }

    /// A text of `1..=longest` characters, or nothing.
    pub fn optional_text(&mut self, name: &str, longest: usize) -> Option<String> {
        let value = self.take(name)?;
        let Value::String(text) = value else {
            self.refuse(name, "wrong_type", format!("{name} must be a string."));
            return None;
        };
        if let Some((code, what)) = text_fault(&text, longest) {
            self.refuse(name, code, format!("{name} {what}"));
            return None;
        }
        Some(text)
    }

    /// A required name, address or reason: what people read and judge by; see [`label`].
    pub fn label(&mut self, name: &str, longest: usize) -> Option<String> {
        let already = self.count();
        let found = self.optional_label(name, longest);
        self.required(name, found, already)
    }

    /// A name, address or reason, or nothing. Composed and trimmed; what could deceive a reader is
    /// refused.
    pub fn optional_label(&mut self, name: &str, longest: usize) -> Option<String> {
        let value = self.take(name)?;
        let Value::String(text) = value else {
            self.refuse(name, "wrong_type", format!("{name} must be a string."));
            return None;
        };
        let text = label::normalise(&text);
        if label::is_deceptive(&text) {
            self.refuse(
                name,
                "invalid_text",
                format!(
                    "{name} must not hold control characters, characters without width, or \
                     characters that change the direction of text."
                ),
            );
            return None;
        }
        if let Some((code, what)) = text_fault(&text, longest) {
            self.refuse(name, code, format!("{name} {what}"));
            return None;
        }
        Some(text)
    }

    /// A required PEM text: the one kind of text that has line breaks.
    pub fn pem(&mut self, name: &str) -> Option<String> {
        let already = self.count();
        let value = self.take(name);
        let found = value.and_then(|value| match value {
            Value::String(text)
                if text.trim_start().starts_with("-----BEGIN ")
                    && text.len() <= 64 * 1024
                    && !text
                        .chars()
                        .any(|c| c.is_control() && !matches!(c, '\r' | '\n')) =>
            {
                Some(text)
            }
            _ => {
                self.refuse(name, "not_pem", format!("{name} must be text in PEM form."));
                None
            }
        });
        self.required(name, found, already)
    }

    /// A required UUID.
    pub fn uuid(&mut self, name: &str) -> Option<Uuid> {
        let already = self.count();
        let found = self.optional_uuid(name);
        self.required(name, found, already)
    }

    /// A UUID, or nothing.
    pub fn optional_uuid(&mut self, name: &str) -> Option<Uuid> {
        let value = self.take(name)?;
        let found = value.as_str().and_then(parse_uuid);
        if found.is_none() {
            self.refuse(name, "not_a_uuid", format!("{name} must be a UUID."));
        }
        found
    }

    /// A required member of a closed set.
    pub fn word<T: FromStr>(&mut self, name: &str, words: &[&str]) -> Option<T> {
        let already = self.count();
        let found = self.optional_word(name, words);
        self.required(name, found, already)
    }

    /// A member of a closed set, or nothing.
    pub fn optional_word<T: FromStr>(&mut self, name: &str, words: &[&str]) -> Option<T> {
        let value = self.take(name)?;
        let found = value.as_str().and_then(|text| T::from_str(text).ok());
        if found.is_none() {
            let text = format!("{name} must be one of: {}.", words.join(", "));
            self.refuse(name, "not_one_of", text);
        }
        found
    }

    /// A whole number inside a range, or nothing.
    pub fn optional_integer(&mut self, name: &str, least: i64, most: i64) -> Option<i64> {
        let value = self.take(name)?;
        let found = value.as_i64().filter(|n| (least..=most).contains(n));
        if found.is_none() {
            let text = format!("{name} must be a whole number from {least} to {most}.");
            self.refuse(name, "out_of_range", text);
        }
        found
    }

    /// A required boolean.
    pub fn required_boolean(&mut self, name: &str) -> Option<bool> {
        let already = self.count();
        let found = self.optional_boolean(name);
        self.required(name, found, already)
    }

    /// A boolean, or nothing.
    pub fn optional_boolean(&mut self, name: &str) -> Option<bool> {
        let value = self.take(name)?;
        let found = value.as_bool();
        if found.is_none() {
            self.refuse(name, "wrong_type", format!("{name} must be true or false."));
        }
        found
    }

    /// A list of texts; nothing when absent.
    pub fn optional_texts(
        &mut self,
        name: &str,
        most: usize,
        longest: usize,
    ) -> Option<Vec<String>> {
        let items = self.array(name, most)?;
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let place = format!("{name}/{index}");
            match item {
                Value::String(text) => match text_fault(&text, longest) {
                    None => texts.push(text),
                    Some((code, what)) => self.refuse_at(&place, code, format!("The text {what}")),
                },
                _ => self.refuse_at(&place, "wrong_type", "A string is expected here."),
            }
        }
        Some(texts)
    }

    /// An object; nothing when absent.
    pub fn optional_object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Members<'e>) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name)?;
        let Value::Object(map) = value else {
            self.refuse(name, "wrong_type", format!("{name} must be an object."));
            return None;
        };
        let mut inner = Members {
            map,
            pointer: self.pointer_to(name),
            errors: self.errors,
        };
        let found = read(&mut inner);
        inner.finish();
        found
    }

    /// A required object.
    pub fn object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Members<'e>) -> Option<T>,
    ) -> Option<T> {
        let already = self.count();
        let found = self.optional_object(name, read);
        self.required(name, found, already)
    }

    /// A list of objects; empty when absent.
    pub fn objects<T>(
        &mut self,
        name: &str,
        most: usize,
        mut read: impl FnMut(&mut Members<'e>) -> Option<T>,
    ) -> Vec<T> {
        let mut found = Vec::new();
        for (index, item) in self
            .array(name, most)
            .unwrap_or_default()
            .into_iter()
            .enumerate()
        {
            let Value::Object(map) = item else {
                let place = format!("{name}/{index}");
                self.refuse_at(&place, "wrong_type", "An object is expected here.");
                continue;
            };
            let mut inner = Members {
                map,
                pointer: format!("{}/{index}", self.pointer_to(name)),
                errors: self.errors,
            };
            found.extend(read(&mut inner));
            inner.finish();
        }
        found
    }

    fn array(&mut self, name: &str, most: usize) -> Option<Vec<Value>> {
        let value = self.take(name)?;
        let Value::Array(items) = value else {
            self.refuse(name, "wrong_type", format!("{name} must be an array."));
            return None;
        };
        if items.len() > most {
            let text = format!("{name} takes at most {most} items.");
            self.refuse(name, "too_many", text);
            return None;
        }
        Some(items)
    }

    /// Refuses at a place below this object that needs no escaping.
    pub fn refuse_at(&self, place: &str, code: &'static str, detail: impl Into<String>) {
        let error = FieldError::at(format!("{}/{place}", self.pointer), code, detail);
        self.errors.borrow_mut().push(error);
    }

    /// Whatever was not read is unknown.
    fn finish(&mut self) {
        for name in std::mem::take(&mut self.map).keys() {
            self.refuse(name, "unknown_member", "This member is not known here.");
        }
    }
}

/// What is wrong with a text, if anything: PostgreSQL holds no NUL, logs no control characters.
pub fn text_fault(text: &str, longest: usize) -> Option<(&'static str, String)> {
    if text.trim().is_empty() {
        return Some(("empty", "must not be empty.".to_owned()));
    }
    if text.chars().count() > longest {
        return Some((
            "too_long",
            format!("must not be longer than {longest} characters."),
        ));
    }
    if text.chars().any(char::is_control) {
        return Some((
            "invalid_characters",
            "must not hold control characters.".to_owned(),
        ));
    }
    None
}

/// A UUID in its 36-character form; other spellings are not ids here.
pub fn parse_uuid(text: &str) -> Option<Uuid> {
    (text.len() == 36)
        .then(|| Uuid::try_parse(text).ok())
        .flatten()
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom("too deep"));
        }
        Ok(Self {
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom("duplicate key"));
            }
            let value = access.next_value_seed(inner)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}
