//! Objects of the API as rows of a table or as lines, by a list of columns.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::arguments::Output;
use crate::client::call::{Column, Shown};
use crate::client::workspace::{Workspace, text};
use crate::ending::Failure;
use crate::show::clean;
use crate::show::table::Table;

/// Names of tenants by id.
pub(crate) type TenantNames = BTreeMap<String, String>;

/// The names of tenants, where a table wants them.
pub(crate) async fn tenants(
    workspace: &Workspace,
    columns: &[Column],
    output: Output,
) -> Result<TenantNames, Failure> {
    let wanted = columns.iter().any(|column| column.2 == Shown::Tenant);
    if wanted && output == Output::Table {
        return workspace.tenant_names().await;
    }
    Ok(TenantNames::new())
}

/// A list.
pub(crate) fn table(value: &Value, columns: &[Column], tenants: &TenantNames) -> String {
    let headings: Vec<&str> = columns.iter().map(|column| column.0).collect();
    let mut table = Table::new(&headings);
    for column in columns {
        if column.2 == Shown::WhereThereIsRoom {
            table.may_leave_out(column.0);
        }
    }
    let items = value.get("items").and_then(Value::as_array);
    for item in items.into_iter().flatten() {
        table.row(columns.iter().map(|column| cell(item, *column, tenants)));
    }
    if table.is_empty() {
        return "  none\n".to_owned();
    }
    table.render()
}

/// One object, without what it has not.
pub(crate) fn lines(value: &Value, columns: &[Column], tenants: &TenantNames) -> String {
    let width = columns.iter().map(|column| column.0.len()).max();
    let width = width.unwrap_or(0);
    let mut out = String::new();
    for column in columns {
        let cell = cell(value, *column, tenants);
        if !cell.is_empty() {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "  {:<width$}  {}", column.0, clean(&cell));
        }
    }
    out
}

fn cell(item: &Value, column: Column, tenants: &TenantNames) -> String {
    let value = item.pointer(column.1).unwrap_or(&Value::Null);
    if column.2 == Shown::Tenant {
        return tenant_name(tenants, value.as_str().unwrap_or_default());
    }
    if column.1.ends_with("_at") {
        return moment(value.as_str().unwrap_or_default());
    }
    plain(value)
}

/// A time to the second: what is finer only takes room.
pub(crate) fn moment(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, fraction)) if fraction.ends_with('Z') => format!("{seconds}Z"),
        _ => time.to_owned(),
    }
}

/// The name of a tenant. One that was removed has none: the start of its id tells it from others.
pub(crate) fn tenant_name(tenants: &TenantNames, id: &str) -> String {
    if let Some(name) = tenants.get(id) {
        return name.clone();
    }
    let start: String = id.chars().take(13).collect();
    if start.len() < id.len() {
        return format!("{start}…");
    }
    start
}

/// A value in one line.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// Names of tenants out of a list of them.
pub(crate) fn names_of(tenants: &[Value]) -> TenantNames {
    tenants
        .iter()
        .map(|tenant| {
            let (id, name) = (text(tenant, "id"), text(tenant, "display_name"));
            (id.to_owned(), name.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] = &[
        Column("name", "/name", Shown::AsIs),
        Column("tenant", "/tenant_id", Shown::Tenant),
        Column("may", "/capabilities", Shown::AsIs),
    ];

    #[test]
    fn times_and_removed_tenants_are_short() {
        assert_eq!(
            moment("2026-12-01T04:00:40.139056Z"),
            "2026-12-01T04:00:40Z"
        );
        assert_eq!(moment("2026-12-01T04:00:40Z"), "2026-12-01T04:00:40Z");
        let id = "01a22fc1-fc07-7565-abcf-48c26f47221a";
        assert_eq!(tenant_name(&TenantNames::new(), id), "01a22fc1-fc07…");
    }

    #[test]
    fn tenants_go_by_their_names_and_what_is_not_there_is_left_out() {
        let tenants = names_of(&[json!({"id": "1", "display_name": "Contoso"})]);
        let one = json!({"name": "a\u{202e}b", "tenant_id": "1", "capabilities": ["x", "y"]});
        let other = json!({"name": "c", "tenant_id": "2"});
        let list = json!({"items": [one, other.clone()]});
        assert_eq!(
            table(&list, COLUMNS, &tenants),
            "  name  tenant   may\n  a b   Contoso  x, y\n  c     2\n"
        );
        assert_eq!(
            lines(&other, COLUMNS, &tenants),
            "  name    c\n  tenant  2\n"
        );
        assert_eq!(table(&json!({"items": []}), COLUMNS, &tenants), "  none\n");
    }
}
