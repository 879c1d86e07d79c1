//! Builds the selection of compare, preflight and execute from a file and arguments. Defaults,
//! unknown members and ids are the API's to judge.

use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::arguments::{ConditionalAccessState, FeatureUpdateRollout, Landing, SelectionArguments};
use crate::client::mappings;
use crate::client::workspace::Workspace;
use crate::ending::Failure;

/// The selection, tenants named by our ids.
pub(crate) async fn build(
    workspace: &Workspace,
    arguments: &SelectionArguments,
) -> Result<Value, Failure> {
    let mut selection = match &arguments.selection {
        Some(file) => read(file)?,
        None => Map::new(),
    };
    for (member, named) in [
        ("source_tenant_id", &arguments.source),
        ("target_tenant_id", &arguments.target),
    ] {
        if let Some(named) = named {
            let id = workspace.tenant_id(named).await?;
            selection.insert(member.to_owned(), json!(id));
        }
    }
    overlay(&mut selection, arguments)?;
    if !(arguments.map.is_empty() && arguments.pair.is_empty()) {
        let id = |member: &str| {
            let id = selection.get(member).and_then(Value::as_str);
            id.map(str::to_owned).ok_or_else(|| {
                Failure::Usage("--map and --pair need both tenants to be named".to_owned())
            })
        };
        let (source, target) = (id("source_tenant_id")?, id("target_tenant_id")?);
        let tenants = [source.as_str(), target.as_str()];
        for written in &arguments.map {
            let mapping = mappings::mapping(workspace, tenants, written).await?;
            member_array(&mut selection, "mappings")?.push(mapping);
        }
        for written in &arguments.pair {
            let pairing = mappings::pairing(workspace, tenants, written).await?;
            member_array(&mut selection, "pairings")?.push(pairing);
        }
    }
    Ok(Value::Object(selection))
}

/// Refuses arguments that name no two tenants, before anything is asked of the API.
pub(crate) fn check(arguments: &SelectionArguments) -> Result<(), Failure> {
    let both = arguments.source.is_some() && arguments.target.is_some();
    if both || arguments.selection.is_some() {
        return Ok(());
    }
    Err(Failure::Usage(
        "name the tenants with --source and --target, or give --selection FILE".to_owned(),
    ))
}

/// The JSON object of a file; `-` is standard input.
pub(crate) fn read(file: &Path) -> Result<Map<String, Value>, Failure> {
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(file)
            .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    }
    match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(Value::Object(selection)) => Ok(selection),
        Ok(_) => Err(Failure::Usage(format!(
            "{}: this is not a JSON object",
            file.display()
        ))),
        Err(error) => Err(Failure::Usage(format!("{}: {error}", file.display()))),
    }
}

/// Arguments win over the file.
fn overlay(
    selection: &mut Map<String, Value>,
    arguments: &SelectionArguments,
) -> Result<(), Failure> {
    if !arguments.types.is_empty() {
        member_object(selection, "scope")?
            .insert("policy_types".to_owned(), json!(arguments.types));
    }
    for written in &arguments.option {
        let [name, value] = mappings::option(written)?;
        member_object(selection, "options")?.insert(name, json!(value));
    }
    let options = [
        ("assignments", arguments.assignments.map(Landing::as_str)),
        ("scope_tags", arguments.scope_tags.map(Landing::as_str)),
        (
            "conditional_access_state",
            arguments
                .conditional_access_state
                .map(ConditionalAccessState::as_str),
        ),
        (
            "feature_update_rollout",
            arguments
                .feature_update_rollout
                .map(FeatureUpdateRollout::as_str),
        ),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            member_object(selection, "options")?.insert(name.to_owned(), json!(value));
        }
    }
    Ok(())
}

fn member_array<'a>(
    selection: &'a mut Map<String, Value>,
    name: &str,
) -> Result<&'a mut Vec<Value>, Failure> {
    let member = selection.entry(name).or_insert(Value::Null);
    if member.is_null() {
        *member = Value::Array(Vec::new());
    }
    member
        .as_array_mut()
        .ok_or_else(|| Failure::Usage(format!("{name} of the selection is not a list")))
}

fn member_object<'a>(
    selection: &'a mut Map<String, Value>,
    name: &str,
) -> Result<&'a mut Map<String, Value>, Failure> {
    let member = selection
        .entry(name)
        .or_insert_with(|| Value::Object(Map::new()));
    if member.is_null() {
        *member = Value::Object(Map::new());
    }
    member
        .as_object_mut()
        .ok_or_else(|| Failure::Usage(format!("{name} of the selection is not an object")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_win_over_the_file_and_leave_the_rest_alone() {
        let mut selection = Map::new();
        selection.insert(
            "scope".to_owned(),
            json!({"policy_types": ["a"], "subject_keys": ["k"]}),
        );
        selection.insert("mappings".to_owned(), json!([1]));
        let arguments = SelectionArguments {
            types: vec!["b".to_owned(), "c".to_owned()],
            option: vec!["create_groups=never".to_owned()],
            assignments: Some(Landing::Map),
            feature_update_rollout: Some(FeatureUpdateRollout::Shift),
            ..SelectionArguments::default()
        };
        assert!(overlay(&mut selection, &arguments).is_ok());
        assert_eq!(
            Value::Object(selection),
            json!({
                "scope": {"policy_types": ["b", "c"], "subject_keys": ["k"]},
                "mappings": [1],
                "options": {"assignments": "map", "create_groups": "never",
                    "feature_update_rollout": "shift"},
            })
        );
    }
}
