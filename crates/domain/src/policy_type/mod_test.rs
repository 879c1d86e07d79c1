//! The registry is whole and consistent.

use super::*;

#[test]
fn rows_are_sorted_by_key_and_named() {
    assert!(all().is_sorted_by(|a, b| a.key < b.key));
    for row in all() {
        assert!(
            !row.display_name.is_empty() && row.path.starts_with('/'),
            "{}",
            row.key
        );
        assert!(!row.read_permissions.is_empty() && !row.write_permissions.is_empty());
        assert_eq!(find(row.key).map(|found| found.key), Some(row.key));
    }
}

#[test]
fn references_point_to_earlier_waves() {
    for row in all() {
        for rule in row.references {
            if let Some(other) = for_reference_kind(rule.kind) {
                // Links among device configurations have levels of their own within the type.
                let earlier = other.wave < row.wave || row.key == "deviceConfigurations";
                assert!(earlier, "{} -> {}", row.key, other.key);
            }
        }
    }
}

#[test]
fn documented_defaults_are_json() {
    for row in all() {
        for (path, text) in row.defaults.iter().chain(row.skip_when) {
            assert!(serde_json::from_str::<Value>(text).is_ok(), "{path}");
        }
    }
}

#[test]
fn type_names_lose_their_namespace() {
    let value = serde_json::json!({"@odata.type": "#microsoft.graph.macOSCompliancePolicy"});
    assert_eq!(odata_type(&value), "macOSCompliancePolicy");
    assert_eq!(odata_type(&Value::Null), "");
}
