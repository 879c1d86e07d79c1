//! Links to other objects of the target: where a body binds one, Graph wants its whole address, and
//! the host is known only to whoever sends.

use serde_json::Value;

/// A link that starts so is completed with the address of the target's Graph.
pub(super) const GRAPH: &str = "$graph:";

/// Behind the name of a member that binds what is written to other objects.
pub(super) const BIND: &str = "@odata.bind";

/// Completes every link of a body by `address`, which knows the target's Graph; `false` when one has
/// no address. Texts that are no links are left alone, whatever they say.
pub fn complete_links(body: &mut Value, address: &dyn Fn(&str) -> Option<String>) -> bool {
    match body {
        Value::Array(items) => items.iter_mut().all(|item| complete_links(item, address)),
        Value::Object(members) => members.iter_mut().all(|(name, member)| match member {
            Value::String(text) if name.ends_with(BIND) => complete(text, address),
            Value::Array(links) if name.ends_with(BIND) => {
                links.iter_mut().all(|link| match link {
                    Value::String(text) => complete(text, address),
                    _ => false,
                })
            }
            member => complete_links(member, address),
        }),
        _ => true,
    }
}

fn complete(text: &mut String, address: &dyn Fn(&str) -> Option<String>) -> bool {
    let whole = text.strip_prefix(GRAPH).and_then(address);
    match whole {
        Some(whole) => {
            *text = whole;
            true
        }
        None => false,
    }
}
