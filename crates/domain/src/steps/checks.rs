//! What no safe call can be built from: a source, a body or a target that would break the policy.

use serde_json::Value;

use super::{
    StepError, StepInput, conditional_access, device_configuration, links, placeholder, refuse,
};
use crate::canonical;
use crate::capture::noise::{self, CREATION_SOURCE};
use crate::json;
use crate::model::CapturedPolicy;
use crate::oma;
use crate::policy_type::{self, Adapter, PolicyType, UpdateVerb, known};
use crate::secret;
use crate::selection::Carry;

/// What no call can be built from at all.
pub(super) fn source(input: &StepInput<'_>) -> Result<(), StepError> {
    let polymorphic = input.row.identity.contains(&"@odata.type");
    if polymorphic && policy_type::odata_type(&input.source.content).is_empty() {
        return refuse(
            "invalid_for_create",
            "/@odata.type is missing: Graph did not say which kind of policy this is.",
        );
    }
    if input.row.adapter == Adapter::DeviceConfiguration {
        device_configuration::check(input)?;
        links::check(input)?;
    }
    if input.row.adapter == Adapter::ConditionalAccess {
        let target = input.target.map(|target| &target.content);
        conditional_access::check(&input.source.content, target)?;
    }
    let mut planted = None;
    for part in [&input.source.content, &input.source.assignments] {
        json::each_text(part, "", &mut |pointer, text| {
            if text.starts_with(placeholder::CREATED) {
                planted.get_or_insert_with(|| pointer.to_owned());
            }
        });
    }
    match planted {
        Some(pointer) => refuse(
            "invalid_for_create",
            format!("{pointer} begins with a word that is reserved here; change it in the source."),
        ),
        None => Ok(()),
    }
}

/// A property that this registry does not know is never written. Where that would lose it (a type
/// that is replaced whole) or make the policy apply to more (a condition of Conditional Access),
/// nothing is written at all.
pub(super) fn unknown(input: &StepInput<'_>) -> Result<(), StepError> {
    let row = input.row;
    let sides = [("source", Some(input.source)), ("target", input.target)];
    for (whose, policy) in sides {
        let Some(policy) = policy else { continue };
        let mut places = known::unknown(row, &policy.content);
        let why = if row.update == UpdateVerb::Put {
            "Graph replaces a policy of this type whole, so that it would be lost"
        } else if row.adapter == Adapter::ConditionalAccess {
            places.retain(|place| place.starts_with("/conditions/"));
            "without that condition the policy would apply to more"
        } else {
            return Ok(());
        };
        if !places.is_empty() {
            return refuse(
                "unknown_property",
                format!(
                    "{} of the {whose} is not known to this version, which does not write it; {why}. \
                     Update this product, or change the policy by hand.",
                    places.join(", ")
                ),
            );
        }
    }
    Ok(())
}

/// A policy that belongs to a token (of Apple's enrolment programme) names it in each write, by an id
/// that means nothing in another tenant. Without it Graph would make the policy for nobody, or take it
/// away from its token.
pub(super) fn token(input: &StepInput<'_>) -> Result<(), StepError> {
    let of = |policy: &CapturedPolicy| {
        policy
            .content
            .get(CREATION_SOURCE)
            .filter(|value| noise::is_token(value))
            .cloned()
    };
    let sides = (of(input.source), input.target.and_then(of));
    let (whose, token) = match &sides {
        (Some(ours), Some(theirs)) if ours == theirs => return Ok(()),
        (Some(token), _) => ("source", token),
        (None, Some(token)) => ("target", token),
        (None, None) => return Ok(()),
    };
    refuse(
        "token_specific",
        format!(
            "/{CREATION_SOURCE} is {token}: the policy belongs to an enrolment token of the {whose}, and \
             tokens cannot be mapped. Make this policy by hand under the token of the target."
        ),
    )
}

/// A word that Graph says in the place of a value it does not name is never written, and what stands
/// under it in the target is not overwritten: two of them may be two values.
pub(super) fn unnamed(input: &StepInput<'_>) -> Result<(), StepError> {
    let mapped = input.options.assignments == Carry::Map;
    let sides = [("source", Some(input.source)), ("target", input.target)];
    for (whose, policy) in sides {
        let Some(policy) = policy else { continue };
        let mut places = known::unnamed(input.row, &policy.content);
        if mapped {
            let assigned = known::unnamed_anywhere(&policy.assignments);
            places.extend(assigned.iter().map(|at| format!("/assignments{at}")));
        }
        if !places.is_empty() {
            return refuse(
                "unknown_value",
                format!(
                    "{} of the {whose} holds unknownFutureValue, which Graph says in the place of a \
                     value that it does not name; change this policy by hand.",
                    places.join(", ")
                ),
            );
        }
    }
    Ok(())
}

/// A write that lacks a secret, or carries a marker in its place, would break the policy. A marker
/// whose plain text the source gives out is filled in when the call is sent.
pub(super) fn secrets(row: &PolicyType, body: &Value) -> Result<(), StepError> {
    let mut found = secret::find(body);
    if row.adapter == Adapter::DeviceConfiguration {
        found.retain(|secret| !(secret.comparable && oma::is_value(&secret.pointer)));
    }
    if let Some(blob) = found.iter().find(|secret| secret.tenant_specific) {
        return refuse(
            "tenant_specific_blob",
            format!(
                "{} holds an onboarding blob of the source tenant; onboard the target with its own.",
                blob.pointer
            ),
        );
    }
    match found.first() {
        Some(secret) if oma::is_value(&secret.pointer) => refuse(
            "secret_value_required",
            format!(
                "{} is encrypted; allow reading secrets on the source's connection and sync, or write this policy by hand.",
                secret.pointer
            ),
        ),
        Some(secret) => refuse(
            "secret_value_required",
            format!(
                "{} holds a secret that Graph does not return; write this policy by hand.",
                secret.pointer
            ),
        ),
        None => Ok(()),
    }
}

/// Members that Graph does not change in place must be equal already.
pub(super) fn immutable(
    row: &PolicyType,
    desired: &Value,
    target: &CapturedPolicy,
) -> Result<(), StepError> {
    for place in row.immutable {
        let read = |content: &Value| {
            let value = json::pattern::get(content, place)
                .cloned()
                .unwrap_or(Value::Null);
            let default = row.defaults.iter().any(|(path, text)| {
                path == place && serde_json::from_str(text).is_ok_and(|d: Value| d == value)
            });
            match value {
                _ if default => Value::Null,
                Value::String(text) if row.flags.contains(place) => canonical::flag_set(&text),
                Value::String(text) => Value::String(text.to_ascii_lowercase()),
                Value::Array(mut items) if row.sets.contains(place) => {
                    for item in &mut items {
                        json::edit_texts(item, &mut |text| text.make_ascii_lowercase());
                    }
                    json::sort_set(&mut items);
                    if items.is_empty() {
                        Value::Null
                    } else {
                        Value::Array(items)
                    }
                }
                other => other,
            }
        };
        if read(desired) != read(&target.content) {
            return refuse(
                "immutable_differs",
                format!(
                    "{place} differs and cannot be changed in place; make a new policy in the target."
                ),
            );
        }
    }
    Ok(())
}
