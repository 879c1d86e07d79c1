//! What a type does not take in the name (and the description) of a new object.

use serde_json::Value;

use crate::json::pattern;
use crate::model::CapturedPolicy;
use crate::policy_type::PolicyType;
use crate::preflight::Holds;

const CODE: &str = "name_not_allowed";
/// Longest name that Intune takes of any type.
const LONGEST: usize = 1_000;
const DESCRIPTION: &str = "description";

/// Holds a text that the service would refuse. An update keeps the name that the target has; its
/// description is the source's.
pub(super) fn hold(
    row: &PolicyType,
    source: &CapturedPolicy,
    target: Option<&CapturedPolicy>,
    holds: &mut Holds,
) {
    if target.is_none() {
        refuse(row, row.name_property, &source.display_name, holds);
        let length = source.display_name.chars().count();
        let longest = match row.name_longest {
            0 => LONGEST,
            known => known,
        };
        if length > longest {
            let text = format!(
                "/{} has {length} characters; Graph takes {longest} in a name of this type. Rename the \
                 source.",
                row.name_property
            );
            holds.block(CODE, text);
        }
    }
    let description = |policy: &CapturedPolicy| {
        let text = pattern::get(&policy.content, DESCRIPTION).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let wanted = description(source);
    if target.map(description).as_ref() != Some(&wanted) {
        refuse(row, DESCRIPTION, &wanted, holds);
    }
}

fn refuse(row: &PolicyType, place: &str, text: &str, holds: &mut Holds) {
    let mut found: Vec<char> = text
        .chars()
        .filter(|c| row.name_refuses.contains(*c))
        .collect();
    found.sort_unstable();
    found.dedup();
    if found.is_empty() {
        return;
    }
    let found: Vec<String> = found.iter().map(char::to_string).collect();
    let text = format!(
        "/{place} holds {}, which Graph refuses in a name or description of this type; rename the \
         source.",
        found.join(" ")
    );
    holds.block(CODE, text);
}
