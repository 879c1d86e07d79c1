//! Reads the links of a device configuration profile: each navigation property by a request of its
//! own, what it leads to as a member of the item.
//!
//! Decides what an answer says of a link: where it leads, that there is none, or nothing at all.
//! A link that cannot be read makes the whole object unreadable; it never counts as "no link".

use domain::policy_type::{self, Link, LinkTarget, PolicyType};
use serde_json::Value;

use crate::provider::Reader;
use crate::read_policy::{item_path, read_all};
use crate::read_problem::ReadProblem;

/// Reads every link of an object into its item: an id or null where there is one, a list of ids
/// where there are several.
pub(crate) async fn learn(
    reader: &Reader,
    row: &PolicyType,
    external_id: &str,
    item: &mut Value,
) -> Result<(), ReadProblem> {
    let kind = policy_type::odata_type(item).to_owned();
    for link in policy_type::links_of(row, item) {
        // Categories come with the item.
        if link.to == LinkTarget::Category {
            continue;
        }
        let property = link.property;
        let path = format!(
            "{}/microsoft.graph.{kind}/{property}",
            item_path(row, external_id)
        );
        let read = if link.many {
            read_several(reader, row, &path).await
        } else {
            read_one(reader, row, external_id, &path, link).await
        };
        let found = match read {
            Err(ReadProblem::Rejected { message }) if is_not_known(&message, link, &kind) => {
                nothing(link)
            }
            other => other?,
        };
        if let Value::Object(members) = &mut *item {
            members.insert(property.to_owned(), found);
        }
    }
    Ok(())
}

fn nothing(link: &Link) -> Value {
    if link.many {
        Value::Array(Vec::new())
    } else {
        Value::Null
    }
}

/// A Graph whose model does not have the type or the link (clouds differ) says so in this sentence;
/// no object there can have it.
fn is_not_known(message: &str, link: &Link, kind: &str) -> bool {
    [link.property, kind]
        .iter()
        .any(|name| message.contains(&format!("Resource not found for the segment '{name}'")))
        || message.contains(&format!(
            "Resource not found for the segment 'microsoft.graph.{kind}'"
        ))
}

async fn read_several(reader: &Reader, row: &PolicyType, path: &str) -> Result<Value, ReadProblem> {
    let mut ids = Vec::new();
    for linked in read_all(reader, row, path).await? {
        ids.push(Value::String(id_of(&linked)?));
    }
    Ok(Value::Array(ids))
}

async fn read_one(
    reader: &Reader,
    row: &PolicyType,
    external_id: &str,
    path: &str,
    link: &Link,
) -> Result<Value, ReadProblem> {
    let version = reader.version_of(row);
    let linked = match reader.get_optional(row.family, version, path).await {
        // Intune also answers a link that leads nowhere with 404, which is what it answers for an
        // object that is not there. So the object is asked for, and then the link once more.
        Err(ReadProblem::NotFound) => {
            let item = item_path(row, external_id);
            reader.get(row.family, version, &item).await?;
            match reader.get_optional(row.family, version, path).await {
                Err(ReadProblem::NotFound) => return Ok(Value::Null),
                other => other?,
            }
        }
        other => other?,
    };
    if leads_nowhere(&linked) {
        return Ok(Value::Null);
    }
    let id = id_of(&linked)?;
    Ok(Value::String(match link.to {
        LinkTarget::Profile | LinkTarget::Category => id,
        LinkTarget::OwnCredential => policy_type::OWN.to_owned(),
    }))
}

/// Null, or null in an envelope.
fn leads_nowhere(answer: &Value) -> bool {
    match answer {
        Value::Null => true,
        Value::Object(members) => {
            members.get("@odata.null") == Some(&Value::Bool(true))
                || members.get("value") == Some(&Value::Null)
        }
        _ => false,
    }
}

fn id_of(linked: &Value) -> Result<String, ReadProblem> {
    let id = linked.get("id").and_then(Value::as_str);
    match id.filter(|id| !id.is_empty()) {
        Some(id) => Ok(id.to_owned()),
        None => Err(ReadProblem::Unusable {
            code: "link_unreadable",
            message: "A link of an object leads to something without an id.".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_link_leads_somewhere_nowhere_or_says_nothing_usable() {
        assert!(leads_nowhere(&Value::Null));
        assert!(leads_nowhere(
            &json!({"@odata.context": "x", "@odata.null": true})
        ));
        assert!(leads_nowhere(
            &json!({"@odata.context": "x", "value": null})
        ));
        assert!(!leads_nowhere(&json!({"id": "1"})));
        assert_eq!(id_of(&json!({"id": "1"})), Ok("1".to_owned()));
        assert!(id_of(&json!({})).is_err());
        assert!(id_of(&json!({"id": ""})).is_err());
        assert!(id_of(&json!([])).is_err());
    }

    #[test]
    fn only_the_sentence_about_this_very_segment_says_that_graph_has_no_such_link() {
        let kind = "iosEnterpriseWiFiConfiguration";
        let Some(link) = policy_type::links_of_type(kind).first() else {
            unreachable!()
        };
        let said = |segment: &str| format!("Resource not found for the segment '{segment}'.");
        assert!(is_not_known(&said(link.property), link, kind));
        assert!(is_not_known(&said(kind), link, kind));
        assert!(is_not_known(
            &said(&format!("microsoft.graph.{kind}")),
            link,
            kind
        ));
        assert!(!is_not_known(&said("deviceConfigurations"), link, kind));
        assert!(!is_not_known("An error has occurred.", link, kind));
    }
}
