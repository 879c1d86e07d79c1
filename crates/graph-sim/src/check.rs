//! Decides whether a request body fits the schema, in the words Graph's parser uses.
//!
//! Pure: what the services behind Graph require beyond the schema is in `special`.

use base64::Engine as _;
use serde_json::{Map, Value};

use crate::schema::{Access, Property, Schema, Version};

/// What kind of write a body belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    Create,
    Merge,
    Replace,
}

/// Why the body was refused; always answered with 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub String);

/// Properties every service fills itself, whatever its schema says about them.
const SERVER_MANAGED: [&str; 6] = [
    "createdDateTime",
    "id",
    "lastModifiedDateTime",
    "modifiedDateTime",
    "supportsScopeTags",
    "version",
];

/// Computed by the service, yet judged where it is known when Graph takes them: the admin centre
/// itself sends a template's family.
const JUDGED_ELSEWHERE: [&str; 3] = ["isEncrypted", "secretReferenceValueId", "templateFamily"];

/// One body check.
pub(crate) struct Check<'a> {
    pub schema: &'a Schema,
    pub version: Version,
    /// The id in the URL: a body may repeat it.
    pub own_id: Option<&'a str>,
}

impl Check<'_> {
    /// Checks a whole body and answers the type it is of.
    pub fn entity(&self, body: &Map<String, Value>, declared: &str) -> Result<String, Violation> {
        for name in SERVER_MANAGED {
            let repeated = name == "id" && body.get(name).and_then(Value::as_str) == self.own_id;
            let version_is_free = name == "version"
                && self
                    .schema
                    .find_property(declared, name, self.version)
                    .is_some_and(|found| found.kind == "String");
            if body.get(name).is_some_and(|value| !value.is_null()) && !repeated && !version_is_free
            {
                return Err(read_only(name));
            }
        }
        self.object(body, declared)
    }

    fn object(&self, body: &Map<String, Value>, declared: &str) -> Result<String, Violation> {
        let kind = self.resolve(body, declared)?;
        let open = self.schema.is_open(&kind);
        for (name, value) in body {
            if name.starts_with("@odata.") || name.starts_with("@microsoft.graph.") {
                continue;
            }
            if name.starts_with('#') {
                return Err(unknown_property(name, &kind));
            }
            if let Some((property, annotation)) = name.split_once('@') {
                self.annotation(&kind, property, annotation, open)?;
                continue;
            }
            match self.schema.find_property(&kind, name, self.version) {
                Some(property) => self.property(&kind, name, property, value)?,
                None if open => {}
                None => return Err(unknown_property(name, &kind)),
            }
        }
        Ok(kind)
    }

    fn resolve(&self, body: &Map<String, Value>, declared: &str) -> Result<String, Violation> {
        let abstract_ = |name: &str| {
            self.schema
                .find_type(name)
                .is_some_and(|found| found.is_abstract)
        };
        let Some(annotation) = body.get("@odata.type") else {
            if abstract_(declared) {
                return Err(Violation(format!(
                    "An abstract type 'microsoft.graph.{declared}' cannot be created: \
                     the '@odata.type' annotation must name a derived type."
                )));
            }
            return Ok(declared.to_owned());
        };
        let Some(text) = annotation.as_str() else {
            return Err(Violation(
                "The value of the '@odata.type' annotation must be a string.".to_owned(),
            ));
        };
        let Some(kind) = self.schema.resolve_annotation(text) else {
            return Err(Violation(format!(
                "A type named '{}' could not be resolved by the model. When a model is \
                 available, each type name must resolve to a valid type.",
                text.trim_start_matches('#')
            )));
        };
        if !self.schema.is_a(kind, declared) {
            return Err(Violation(format!(
                "A type named 'microsoft.graph.{kind}' is not assignable to the expected type \
                 'microsoft.graph.{declared}'."
            )));
        }
        if abstract_(kind) {
            return Err(Violation(format!(
                "Cannot create an instance of the abstract type 'microsoft.graph.{kind}'."
            )));
        }
        let beta_only = self
            .schema
            .find_type(kind)
            .is_some_and(|found| found.beta_only);
        if self.version == Version::V1 && beta_only {
            return Err(Violation(format!(
                "A type named 'microsoft.graph.{kind}' could not be resolved by the model."
            )));
        }
        Ok(kind.to_owned())
    }

    fn annotation(
        &self,
        kind: &str,
        property: &str,
        annotation: &str,
        open: bool,
    ) -> Result<(), Violation> {
        match self.schema.find_property(kind, property, self.version) {
            None if open => Ok(()),
            None => Err(unknown_property(property, kind)),
            Some(found) if annotation == "odata.bind" && found.navigation.is_none() => {
                Err(Violation(format!(
                    "The property '{property}' of type 'microsoft.graph.{kind}' is not a \
                     navigation property and cannot be bound."
                )))
            }
            Some(_) => Ok(()),
        }
    }

    fn property(
        &self,
        owner: &str,
        name: &str,
        property: &Property,
        value: &Value,
    ) -> Result<(), Violation> {
        if !value.is_null() && !JUDGED_ELSEWHERE.contains(&name) {
            match property.access {
                Access::ReadOnly => return Err(read_only(name)),
                Access::Unlisted => return Err(unknown_property(name, owner)),
                Access::Writable | Access::ReadOnlyByDocumentation => {}
            }
        }
        if property.navigation == Some(false) {
            return Err(Violation(format!(
                "The navigation property '{name}' cannot be written in place; use \
                 '{name}@odata.bind' or its $ref."
            )));
        }
        if property.collection {
            return match value {
                Value::Null => Ok(()),
                Value::Array(items) => items
                    .iter()
                    .try_for_each(|item| self.value(name, property, item)),
                _ => Err(Violation(format!(
                    "An unexpected node was found when reading '{name}' from the JSON reader. \
                     A 'StartArray' node was expected."
                ))),
            };
        }
        if value.is_null() {
            if property.nullable {
                return Ok(());
            }
            return Err(Violation(format!(
                "A null value was found for the property named '{name}', which has the expected \
                 type '{kind}[Nullable=False]'. The expected type does not allow null values.",
                kind = self.display_kind(&property.kind)
            )));
        }
        self.value(name, property, value)
    }

    fn value(&self, name: &str, property: &Property, value: &Value) -> Result<(), Violation> {
        let kind = property.kind.as_str();
        if let Some(enumeration) = self.schema.find_enumeration(kind) {
            let Some(text) = value.as_str() else {
                return Err(self.cannot_convert(name, value, kind));
            };
            let member = |part: &str| {
                enumeration
                    .members
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(part))
            };
            let fits = if enumeration.flags {
                text.split(',').all(|part| member(part.trim()))
            } else {
                member(text)
            };
            if fits {
                return Ok(());
            }
            return Err(Violation(format!(
                "Invalid value '{text}' for property '{name}': it is not a member of the \
                 enumeration 'microsoft.graph.{kind}'."
            )));
        }
        if self.schema.find_type(kind).is_some() {
            return match value {
                Value::Object(body) => self.object(body, kind).map(|_| ()),
                Value::Null => Ok(()),
                _ => Err(Violation(format!(
                    "An unexpected 'PrimitiveValue' node was found when reading '{name}' from \
                     the JSON reader. A 'StartObject' node was expected."
                ))),
            };
        }
        if fits_primitive(kind, value) {
            return Ok(());
        }
        Err(self.cannot_convert(name, value, kind))
    }

    fn display_kind(&self, kind: &str) -> String {
        let known =
            self.schema.find_type(kind).is_some() || self.schema.find_enumeration(kind).is_some();
        if known {
            format!("microsoft.graph.{kind}")
        } else {
            format!("Edm.{kind}")
        }
    }

    fn cannot_convert(&self, name: &str, value: &Value, kind: &str) -> Violation {
        let mut literal = value.to_string();
        if let Some((end, _)) = literal.char_indices().nth(60) {
            literal.truncate(end);
        }
        Violation(format!(
            "Cannot convert the literal '{literal}' of property '{name}' to the expected type '{}'.",
            self.display_kind(kind)
        ))
    }
}

fn read_only(name: &str) -> Violation {
    Violation(format!(
        "The property '{name}' is read-only and cannot be set."
    ))
}

fn unknown_property(name: &str, kind: &str) -> Violation {
    Violation(format!(
        "The property '{name}' does not exist on type 'microsoft.graph.{kind}'. Make sure to \
         only use property names that are defined by the type or mark the type as open type."
    ))
}

/// Whether a JSON value is a legal literal of a primitive type; types not known here are not judged.
pub(crate) fn fits_primitive(kind: &str, value: &Value) -> bool {
    match kind {
        "String" => value.is_string(),
        "Boolean" => value.is_boolean(),
        "Byte" => value
            .as_i64()
            .is_some_and(|number| (0..=255).contains(&number)),
        "Int16" => value
            .as_i64()
            .is_some_and(|number| i16::try_from(number).is_ok()),
        "Int32" => value
            .as_i64()
            .is_some_and(|number| i32::try_from(number).is_ok()),
        "Int64" => {
            value.is_i64()
                || value
                    .as_str()
                    .is_some_and(|text| text.parse::<i64>().is_ok())
        }
        "Double" | "Single" | "Decimal" => {
            value.is_number() || matches!(value.as_str(), Some("NaN" | "INF" | "-INF"))
        }
        "Guid" => value
            .as_str()
            .is_some_and(|text| uuid::Uuid::try_parse(text).is_ok()),
        "DateTimeOffset" => value.as_str().is_some_and(|text| {
            chrono::DateTime::parse_from_rfc3339(text).is_ok() || text.starts_with("0001-01-01T")
        }),
        "Date" => value
            .as_str()
            .is_some_and(|text| chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()),
        "TimeOfDay" => value.as_str().is_some_and(|text| {
            chrono::NaiveTime::parse_from_str(text, "%H:%M:%S%.f").is_ok()
                || chrono::NaiveTime::parse_from_str(text, "%H:%M").is_ok()
        }),
        "Duration" => value.as_str().is_some_and(|text| {
            let body = text.trim_start_matches(['+', '-']);
            body.starts_with('P')
                && body.len() > 1
                && body
                    .chars()
                    .skip(1)
                    .all(|c| c.is_ascii_digit() || "YMWDTHS.".contains(c))
        }),
        "Binary" | "Stream" => value.as_str().is_some_and(is_base64),
        _ => true,
    }
}

/// Whether text is base64, padded or not, in either alphabet, line breaks allowed.
pub(crate) fn is_base64(text: &str) -> bool {
    let compact: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '=')
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    base64::engine::general_purpose::STANDARD_NO_PAD
        .decode(&compact)
        .is_ok()
        || base64::engine::GeneralPurpose::new(
            &base64::alphabet::STANDARD,
            base64::engine::GeneralPurposeConfig::new()
                .with_decode_allow_trailing_bits(true)
                .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
        )
        .decode(&compact)
        .is_ok()
}
