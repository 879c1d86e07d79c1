//! The group that devices join while they enrol: set, cleared and answered by actions. A group that
//! the service does not accept is refused in an answer that is a success by its status.

use serde_json::{Map, Value, json};

use super::actions::parameter;
use super::read::{self, find};
use super::{Call, Done};
use crate::answer::{Answer, Refusal};
use crate::check::Check;
use crate::journal::Effect;
use crate::rules::{self, CollectionRule};
use crate::state::World;

/// Where an object keeps its groups; no answer shows it.
pub(crate) const KEPT: &str = "enrollmentTimeDeviceMembershipTargets";
/// The action that only answers.
pub(crate) const RETRIEVE: &str = "retrieveEnrollmentTimeDeviceMembershipTarget";
const SET: &str = "setEnrollmentTimeDeviceMembershipTarget";
const CLEAR: &str = "clearEnrollmentTimeDeviceMembershipTarget";

/// Whether the segment is one of the actions; `Some(true)` where it changes nothing.
pub(super) fn action(rule: &CollectionRule, segment: &str) -> Option<bool> {
    let known = rule.key == "configurationPolicies" && [RETRIEVE, SET, CLEAR].contains(&segment);
    known.then_some(segment == RETRIEVE)
}

/// Whether the tenant serves an action with this verb: most by POST alone, some answer the question to
/// GET and clear by DELETE.
pub(super) fn route(world: &World, tid: &str, method: &str, action: &str) -> Result<(), Refusal> {
    let other = read::tenant(world, tid)?.options.device_group_by_get;
    let verb = match action {
        RETRIEVE if other => "GET",
        CLEAR if other => "DELETE",
        _ => "POST",
    };
    if method == verb {
        return Ok(());
    }
    Err(Refusal::new(
        400,
        "No method match route template",
        format!(
            "No OData route exists that match template ~/singleton/navigation/key/action with http \
             verb {method} for request /DeviceConfigV2/StatelessDeviceConfigV2FEService/{action}."
        ),
    ))
}

/// `POST {item}/{action}`.
pub(super) fn handle(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    (id, action): (&str, &str),
) -> Result<Done, Refusal> {
    let tenant = read::tenant(world, tid)?;
    let object = find(tenant, rule, id)?;
    let id = object.id.clone();
    if action == RETRIEVE {
        let statuses: Vec<Value> = kept(&object.body)
            .iter()
            .map(|target| status(target, tenant.has("groups", &text(target, "targetId"))))
            .collect();
        return Ok(Done::read(result(&statuses)));
    }
    let family = rules::template_family(&object.body);
    if family != "enrollmentConfiguration" {
        return Err(Refusal::bad_request(
            "Enrollment time device membership is not supported for the policy.",
        ));
    }
    let targets = if action == SET {
        judged(world, call)?
    } else {
        Vec::new()
    };
    let tenant = read::tenant(world, tid)?;
    let statuses: Vec<Value> = targets
        .iter()
        .map(|target| status(target, tenant.has("groups", &text(target, "targetId"))))
        .collect();
    let accepted = statuses.iter().all(succeeded);
    if accepted
        && let Some(slot) = world
            .tenant_mut(tid)
            .and_then(|tenant| tenant.find_mut(rule.key, &id))
    {
        slot.body.insert(KEPT.to_owned(), Value::Array(targets));
    }
    let effect = if accepted {
        Effect::Updated
    } else {
        Effect::None
    };
    Ok(Done {
        answer: result(&statuses),
        effect,
        object_id: Some(id),
    })
}

fn judged(world: &World, call: &Call<'_>) -> Result<Vec<Value>, Refusal> {
    let sent = call.object()?;
    let list = parameter(&sent, KEPT, &[])?;
    let check = Check {
        schema: &world.schema,
        version: call.version,
        own_id: None,
    };
    if list.len() != 1 {
        return Err(Refusal::bad_request(
            "Exactly one enrollment time device membership target is expected.",
        ));
    }
    let mut targets = Vec::new();
    for target in list {
        let target: Map<String, Value> = target.as_object().cloned().unwrap_or_default();
        let kind = target.get("@odata.type").and_then(Value::as_str);
        let kind = kind.unwrap_or_default().trim_start_matches('#');
        if kind != "microsoft.graph.enrollmentTimeDeviceMembershipTarget" {
            return Err(Refusal::bad_request(
                "The target in the request payload does not say its type.",
            ));
        }
        check
            .entity(&target, "enrollmentTimeDeviceMembershipTarget")
            .map_err(|violation| Refusal::bad_request(violation.0))?;
        let (kind, id) = (target.get("targetType"), target.get("targetId"));
        if kind.is_none() || id.and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(Refusal::bad_request(
                "A target needs targetType and targetId.",
            ));
        }
        targets.push(json!({"targetType": kind, "targetId": id}));
    }
    Ok(targets)
}

fn kept(body: &Map<String, Value>) -> Vec<Value> {
    let list = body.get(KEPT).and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

fn text(value: &Value, name: &str) -> String {
    let text = value.get(name).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

fn status(target: &Value, known: bool) -> Value {
    let code = if known {
        "unknown"
    } else {
        "securityGroupNotFound"
    };
    json!({
        "@odata.type": "#microsoft.graph.enrollmentTimeDeviceMembershipTargetStatus",
        "targetId": text(target, "targetId"),
        "validationSucceeded": known,
        "targetValidationErrorCode": code,
    })
}

fn succeeded(status: &Value) -> bool {
    status.get("validationSucceeded") == Some(&Value::Bool(true))
}

fn result(statuses: &[Value]) -> Answer {
    Answer::json(
        200,
        json!({"value": {
            "@odata.type": "#microsoft.graph.enrollmentTimeDeviceMembershipTargetResult",
            "validationSucceeded": statuses.iter().all(succeeded),
            "enrollmentTimeDeviceMembershipTargetValidationStatuses": statuses,
        }}),
    )
}
