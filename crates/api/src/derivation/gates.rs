//! What stands in the way of a whole run, and what should be known before it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::compare;
use domain::operation::OperationType;
use domain::policy_type;
use store::connections::ConnectionRow;
use store::{PgConnection, StoreError};

use super::{Preflighted, Side};
use crate::start::{no_connection, pause_gate};
use crate::wire::compare::ReasonView;
use crate::wire::preflight::RunLevel;

/// Types named in one sentence, at most.
const NAMED: usize = 5;
/// A credential that ends sooner than this is warned of.
const SOON: TimeDelta = TimeDelta::days(14);

/// Reads the run-level facts of a preflight. `now` decides only warnings and expiry.
pub fn run_level(
    conn: &mut PgConnection,
    preflighted: &Preflighted,
    now: DateTime<Utc>,
) -> Result<RunLevel, StoreError> {
    let compared = &preflighted.compared;
    let (workspace_id, target_id) = (
        compared.target.tenant.workspace_id,
        compared.target.tenant.id,
    );
    let operation = OperationType::PromotionExecute.as_str();
    let mut level = RunLevel {
        active_run: store::runs::find_active_mutating_run(conn, target_id)?,
        ..RunLevel::default()
    };
    level
        .gates
        .extend(pause_gate(conn, operation, workspace_id, target_id)?);
    let needed = needed_types(preflighted);
    for (whose, side, other) in [
        ("source", &compared.source, &compared.target),
        ("target", &compared.target, &compared.source),
    ] {
        let mut open =
            compare::incomplete_types(&compared.selection, &side.inventory, &other.inventory);
        open.retain(|key| needed.contains(key));
        let gate = inventory_gate(whose, side, &open);
        level.sync_needed |= gate.is_some();
        level.gates.extend(gate);
        level
            .warnings
            .extend(age_warning(whose, side, &needed, now));
    }
    let connection = store::connections::find_connection(conn, workspace_id, target_id)?;
    connection_facts(&mut level, connection.as_ref(), preflighted, now);
    // A run does not sign in to the source, but the next sync of it does.
    let source_id = compared.source.tenant.id;
    let connection = store::connections::find_connection(conn, workspace_id, source_id)?;
    if let Some(connection) = connection {
        level
            .warnings
            .extend(expiry_warning("source", &connection, now));
    }
    Ok(level)
}

/// The types the scope needs: those of its types, narrowed to its subjects where it names some. What
/// is never written holds no run: the comparison says that it was not read.
fn needed_types(preflighted: &Preflighted) -> BTreeSet<String> {
    let selection = &preflighted.compared.selection;
    let written = policy_type::all()
        .iter()
        .filter(|row| row.promotable())
        .map(|row| row.key.to_owned());
    if selection.scope.subject_keys.is_empty() {
        return written
            .filter(|key| compare::in_scope(selection, key))
            .collect();
    }
    let subjects = &preflighted.preflight.subjects;
    let named: BTreeSet<&str> = subjects.iter().map(|s| s.policy_type.as_str()).collect();
    written.filter(|key| named.contains(key.as_str())).collect()
}

/// `open`: the needed types that were not read to their end, in order.
fn inventory_gate(whose: &str, side: &Side, open: &[String]) -> Option<ReasonView> {
    let name = &side.tenant.display_name;
    if side.inventory.never_synced() {
        return Some(ReasonView {
            code: "inventory_never_synced".to_owned(),
            message: format!("The {whose} tenant {name} was never synced."),
        });
    }
    if open.is_empty() {
        return None;
    }
    let more = open.len().saturating_sub(NAMED);
    let named: Vec<&str> = open.iter().take(NAMED).map(String::as_str).collect();
    let mut named = named.join(", ");
    if more > 0 {
        named = format!("{named} and {more} more");
    }
    Some(ReasonView {
        code: "inventory_incomplete".to_owned(),
        message: format!("The {whose} tenant {name} was not read completely: {named}."),
    })
}

fn age_warning(
    whose: &str,
    side: &Side,
    needed: &BTreeSet<String>,
    now: DateTime<Utc>,
) -> Option<ReasonView> {
    let oldest = needed
        .iter()
        .filter_map(|key| side.complete_at.get(key))
        .min()?;
    (now.signed_duration_since(*oldest) > TimeDelta::days(1)).then(|| ReasonView {
        code: "inventory_older_than_a_day".to_owned(),
        message: format!(
            "Part of the {whose} tenant {} was last read more than a day ago.",
            side.tenant.display_name
        ),
    })
}

fn connection_facts(
    level: &mut RunLevel,
    connection: Option<&ConnectionRow>,
    preflighted: &Preflighted,
    now: DateTime<Utc>,
) {
    let types = preflighted
        .preflight
        .plan
        .subjects
        .iter()
        .map(|subject| subject.pinned.policy_type.as_str());
    level
        .gates
        .extend(connection_gates("target", connection, types, now));
    level
        .warnings
        .extend(connection.and_then(|connection| expiry_warning("target", connection, now)));
}

/// Why a tenant's connection cannot write these types. `whose`: `target` or `tenant`.
pub fn connection_gates<'t>(
    whose: &str,
    connection: Option<&ConnectionRow>,
    types: impl IntoIterator<Item = &'t str>,
    now: DateTime<Utc>,
) -> Vec<ReasonView> {
    let Some(connection) = connection else {
        return vec![no_connection()];
    };
    let mut gates = Vec::new();
    if connection.health == "unhealthy" {
        let why = connection.health_message.as_deref().unwrap_or("it failed");
        gates.push(ReasonView {
            code: "connection_unhealthy".to_owned(),
            message: format!("The {whose}'s connection does not work: {why}"),
        });
    }
    if connection.credential_expires_at.is_some_and(|at| at <= now) {
        gates.push(ReasonView {
            code: "connection_unhealthy".to_owned(),
            message: format!("The {whose}'s credential has expired."),
        });
    }
    let Some(granted) = &connection.granted_roles else {
        return gates;
    };
    let types: BTreeSet<&str> = types.into_iter().collect();
    let missing = missing_permissions(granted, &types);
    if !missing.is_empty() {
        let named: Vec<String> = missing
            .into_iter()
            .map(|(role, types)| format!("{role} (for {})", types.join(", ")))
            .collect();
        gates.push(ReasonView {
            code: "permission_missing".to_owned(),
            message: format!(
                "The {whose}'s application lacks the Graph permission {}.",
                named.join(", ")
            ),
        });
    }
    gates
}

/// Each permission that is not granted, with the types that need it.
fn missing_permissions<'t>(
    granted: &[String],
    types: &BTreeSet<&'t str>,
) -> BTreeMap<&'static str, Vec<&'t str>> {
    let mut missing: BTreeMap<&'static str, Vec<&'t str>> = BTreeMap::new();
    for key in types {
        let needed = policy_type::find(key).map_or(&[][..], |row| row.write_permissions);
        for role in needed.iter().filter(|role| !is_granted(granted, role)) {
            missing.entry(role).or_default().push(key);
        }
    }
    missing
}

/// The end of a credential is near, or past for a tenant that the run only knows from before.
fn expiry_warning(
    whose: &str,
    connection: &ConnectionRow,
    now: DateTime<Utc>,
) -> Option<ReasonView> {
    let at = connection.credential_expires_at?;
    let past = at <= now;
    if (past && whose == "target") || at.signed_duration_since(now) >= SOON {
        return None;
    }
    let verb = if past { "expired" } else { "expires" };
    Some(ReasonView {
        code: "credential_expires_soon".to_owned(),
        message: format!("The {whose}'s credential {verb} at {}.", at.to_rfc3339()),
    })
}

/// A role is there by itself or through its writing form.
fn is_granted(granted: &[String], role: &str) -> bool {
    let writing = role.replace(".Read.", ".ReadWrite.");
    granted.iter().any(|have| have == role || *have == writing)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{is_granted, missing_permissions};

    #[test]
    fn writing_includes_reading_but_not_the_other_way_round() {
        let granted = ["Policy.ReadWrite.All".to_owned()];
        assert!(is_granted(&granted, "Policy.Read.All"));
        assert!(is_granted(&granted, "Policy.ReadWrite.All"));
        // Named with the types that need it, each once.
        let types = BTreeSet::from(["conditionalAccessPolicies", "deviceConfigurations"]);
        let missing = missing_permissions(&granted, &types);
        assert_eq!(
            missing.get("DeviceManagementConfiguration.ReadWrite.All"),
            Some(&vec!["deviceConfigurations"]),
            "{missing:?}"
        );
        let reading = ["Policy.Read.All".to_owned()];
        assert!(!is_granted(&reading, "Policy.ReadWrite.All"));
    }
}
