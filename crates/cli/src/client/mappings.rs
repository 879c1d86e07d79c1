//! `--map`, `--pair` and `--option`: reads them, and finds the ids of what they name in the two
//! tenants.

use serde_json::{Value, json};

use crate::client::http::escape;
use crate::client::workspace::{POLICY, REFERENCE, Workspace};
use crate::ending::Failure;

/// The kind of mapping that is about a text and no object.
const LITERAL: &str = "literal";

/// One mapping, with the ids of what it names.
pub(crate) async fn mapping(
    workspace: &Workspace,
    tenants: [&str; 2],
    written: &str,
) -> Result<Value, Failure> {
    let unreadable = || {
        Failure::Usage(format!(
            "--map {written:?} is not KIND:SOURCE=TARGET, for example group:\"Pilot\"=\"Pilot EU\""
        ))
    };
    let (kind, rest) = written.split_once(':').ok_or_else(unreadable)?;
    let [source, target] = pair_of(rest).ok_or_else(unreadable)?;
    if kind.is_empty() {
        return Err(unreadable());
    }
    if kind == LITERAL {
        return Ok(json!({"kind": kind, "source_value": source, "target_value": target}));
    }
    let mut ids = Vec::new();
    for (tenant, name) in tenants.iter().zip([&source, &target]) {
        let list = format!("/tenants/{}/references", escape(tenant));
        let query = [("kind", kind.to_owned())];
        ids.push(workspace.find(&REFERENCE, &list, &query, name).await?);
    }
    Ok(json!({"kind": kind, "source_id": ids.first(), "target_id": ids.last()}))
}

/// One pairing, with the ids of the policies.
pub(crate) async fn pairing(
    workspace: &Workspace,
    tenants: [&str; 2],
    written: &str,
) -> Result<Value, Failure> {
    let [source, target] = pair_of(written).ok_or_else(|| {
        Failure::Usage(format!(
            "--pair {written:?} is not SOURCE=TARGET, for example \"Baseline\"=\"Baseline v2\""
        ))
    })?;
    let mut ids = Vec::new();
    for (tenant, name) in tenants.iter().zip([&source, &target]) {
        let list = format!("/tenants/{}/policies", escape(tenant));
        ids.push(workspace.find(&POLICY, &list, &[], name).await?);
    }
    Ok(json!({"source_policy_id": ids.first(), "target_policy_id": ids.last()}))
}

/// One option; whether there is such a one is the API's to say.
pub(crate) fn option(written: &str) -> Result<[String; 2], Failure> {
    pair_of(written).ok_or_else(|| {
        Failure::Usage(format!(
            "--option {written:?} is not NAME=VALUE, for example assignments=map"
        ))
    })
}

/// The two sides of the equals sign. A side in double quotes may hold one itself.
fn pair_of(text: &str) -> Option<[String; 2]> {
    let (left, right) = match text.strip_prefix('"') {
        Some(quoted) => {
            let (left, rest) = quoted.split_once("\"=")?;
            (left, rest)
        }
        None => text.split_once('=')?,
    };
    let right = right
        .strip_prefix('"')
        .and_then(|right| right.strip_suffix('"'))
        .unwrap_or(right);
    (!left.is_empty() && !right.is_empty()).then(|| [left.to_owned(), right.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_read_with_quotes_and_without() {
        for (written, sides) in [
            ("Pilot=Pilot EU", Some(["Pilot", "Pilot EU"])),
            ("\"Pilot\"=\"Pilot EU\"", Some(["Pilot", "Pilot EU"])),
            ("\"a=b\"=c=d", Some(["a=b", "c=d"])),
            ("a=\"b=c\"", Some(["a", "b=c"])),
            ("a=b\"", Some(["a", "b\""])),
            ("a", None),
            ("=b", None),
            ("a=", None),
            ("\"a=b", None),
            ("\"\"=b", None),
        ] {
            let sides = sides.map(|sides| sides.map(str::to_owned));
            assert_eq!(pair_of(written), sides, "{written}");
        }
    }
}
