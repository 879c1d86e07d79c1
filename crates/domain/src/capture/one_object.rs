//! The object of a type that is one object of the tenant and no list: where it stands in Graph's
//! answer, and the id and name that it does not have by itself.

use serde_json::{Value, json};

use crate::policy_type::PolicyType;

/// The object in an answer, as an item of a list would be; `None` where the answer has none, which
/// says nothing about the tenant but that Graph does not show it.
pub fn one_object(row: &PolicyType, answer: &Value) -> Option<Value> {
    let mut item = answer.get(row.one_object?)?.as_object()?.clone();
    item.insert("id".to_owned(), json!(row.key));
    item.insert(row.name_property.to_owned(), json!(row.display_name));
    Some(Value::Object(item))
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test may stop where it stands")]
mod tests {
    use super::*;
    use crate::policy_type;

    #[test]
    fn the_object_gets_the_same_name_in_every_tenant_and_none_is_made_up() {
        let row = policy_type::find("deviceManagementSettings").expect("the row");
        let item = one_object(
            row,
            &json!({"id": "x", "settings": {"secureByDefault": true}}),
        );
        let expected = json!({
            "id": "deviceManagementSettings", "secureByDefault": true,
            "displayName": "Tenant-wide compliance and device settings"
        });
        assert_eq!(item, Some(expected));
        for answer in [
            json!({}),
            json!({"settings": null}),
            json!([]),
            json!({"settings": []}),
        ] {
            assert_eq!(one_object(row, &answer), None, "{answer}");
        }
        let list = policy_type::find("deviceCategories").expect("the row");
        assert_eq!(one_object(list, &json!({"settings": {}})), None);
    }
}
