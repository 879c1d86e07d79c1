//! Writes: exactly one attempt, to one tenant, with everything the audit needs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use graph::{
    Answer, Approval, Body, CallContext, CallError, GraphVersion, Lost, ResourceFamily,
    TenantWriter, WriteKind, WriteMethod, WriteOutcome, WriteRequest, WriteTarget,
    WriteTargetError, judge_write,
};
use serde_json::json;
use uuid::Uuid;

use crate::server::{Reply, start};

const FAMILY: ResourceFamily = ResourceFamily::ConfigurationPolicies;

fn create() -> WriteRequest {
    WriteRequest::new(
        Uuid::new_v4(),
        WriteMethod::Post,
        GraphVersion::Beta,
        "/deviceManagement/configurationPolicies",
        Some(&json!({"name": "A policy"})),
        Approval::Justification("Run 1: grün".to_owned()),
    )
}

async fn send(writer: &TenantWriter, request: &WriteRequest) -> Answer {
    let admission = writer.admit(FAMILY).await.unwrap();
    writer.send(admission, request).await
}

#[tokio::test]
async fn a_create_carries_its_ids_and_its_justification() {
    let server = start(|_, _| {
        let headers = vec![("request-id", "r-1".to_owned())];
        Reply::Whole(201, headers, r#"{"id":"7"}"#.to_owned())
    })
    .await;
    let request = create();
    let answer = send(&server.writer(), &request).await;
    assert_eq!(
        judge_write(&answer, WriteKind::Create),
        WriteOutcome::Done {
            id: Some("7".to_owned())
        }
    );
    assert_eq!(answer.client_request_id, request.client_request_id);
    assert_eq!(answer.headers.request_id.as_deref(), Some("r-1"));
    let seen = server.graph_requests();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].method, "POST");
    assert_eq!(
        seen[0].target,
        "/beta/deviceManagement/configurationPolicies"
    );
    assert_eq!(seen[0].body, r#"{"name":"A policy"}"#);
    assert_eq!(
        seen[0].header("client-request-id"),
        Some(request.client_request_id.to_string().as_str())
    );
    assert_eq!(
        seen[0].header("x-msft-approval-justification"),
        Some("UnVuIDE6IGdyw7xu")
    );
    assert_eq!(seen[0].header("x-msft-approval-code"), None);
}

#[tokio::test]
async fn an_approved_request_carries_the_code_instead() {
    let server = start(|_, _| Reply::status(204)).await;
    let request = WriteRequest {
        approval: Approval::Code("code-1".to_owned()),
        ..create()
    };
    assert_eq!(request.body_hash(), create().body_hash());
    send(&server.writer(), &request).await;
    let seen = server.graph_requests();
    assert_eq!(seen[0].header("x-msft-approval-code"), Some("code-1"));
    assert_eq!(seen[0].header("x-msft-approval-justification"), None);
}

#[tokio::test]
async fn whatever_comes_back_there_is_one_attempt() {
    for (reply, outcome) in [
        (Reply::status(500), WriteOutcome::Unknown),
        (Reply::status(502), WriteOutcome::Unknown),
        (Reply::status(503), WriteOutcome::Unknown),
        (Reply::status(401), WriteOutcome::RenewToken),
        (Reply::status(429), WriteOutcome::Throttled { after: None }),
        (Reply::Cut, WriteOutcome::Unknown),
        (
            Reply::Bytes("HTTP/1.1 20".to_owned()),
            WriteOutcome::Unknown,
        ),
        (
            Reply::Bytes("HTTP/1.1 201 X\r\ncontent-length: 90\r\n\r\n{\"id\":\"7\"}".to_owned()),
            WriteOutcome::Unknown,
        ),
        (
            Reply::Bytes("HTTP/1.1 201 X\r\nconnection: close\r\n\r\n{\"id\":".to_owned()),
            WriteOutcome::Unknown,
        ),
        (
            Reply::Whole(201, Vec::new(), r#"{"name":"no id"}"#.to_owned()),
            WriteOutcome::Unknown,
        ),
        (
            Reply::Slow(Duration::from_secs(3), Box::new(Reply::status(201))),
            WriteOutcome::Unknown,
        ),
    ] {
        let given = reply.clone();
        let server = start(move |_, _| given.clone()).await;
        let answer = send(&server.writer(), &create()).await;
        assert_eq!(
            judge_write(&answer, WriteKind::Create),
            outcome,
            "{reply:?}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(server.graph_requests().len(), 1, "{reply:?}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let trap = start(|_, _| Reply::status(204)).await;
    let location = format!("{}/beta/x", trap.base);
    for status in [301, 302, 303, 307, 308] {
        let location = location.clone();
        let server = start(move |_, _| {
            Reply::Whole(status, vec![("location", location.clone())], String::new())
        })
        .await;
        let answer = send(&server.writer(), &create()).await;
        assert!(matches!(
            judge_write(&answer, WriteKind::Create),
            WriteOutcome::Rejected { .. }
        ));
    }
    assert!(trap.graph_requests().is_empty());
}

#[tokio::test]
async fn a_kept_connection_that_dies_does_not_cause_a_second_attempt() {
    // The first answer keeps the connection; the second request on it gets none.
    let server = start(|number, _| {
        if number == 0 {
            return Reply::Whole(201, Vec::new(), r#"{"id":"1"}"#.to_owned());
        }
        Reply::Cut
    })
    .await;
    let writer = server.writer();
    send(&writer, &create()).await;
    let answer = send(&writer, &create()).await;
    assert_eq!(
        judge_write(&answer, WriteKind::Create),
        WriteOutcome::Unknown
    );
    assert_eq!(server.graph_requests().len(), 2);
}

#[tokio::test]
async fn a_request_that_never_left_is_told_apart() {
    let server = start(|_, _| Reply::status(204)).await;
    let writer = server.writer();
    let admission = writer.admit(FAMILY).await.unwrap();
    let request = WriteRequest {
        path: "/a/../b".to_owned(),
        ..create()
    };
    assert!(writer.check_request(&request).is_err());
    let answer = writer.send(admission, &request).await;
    assert_eq!(answer.body, Body::Lost(Lost::NeverSent));
    assert_eq!(
        judge_write(&answer, WriteKind::Create),
        WriteOutcome::NotSent
    );
    assert!(server.graph_requests().is_empty());
}

#[tokio::test]
async fn a_writer_exists_for_the_target_of_the_run_only() {
    let server = start(|_, _| Reply::status(204)).await;
    let gateway = server.gateway();
    let source = Uuid::new_v4();
    assert!(matches!(
        WriteTarget::of_run(source, &[source]),
        Err(WriteTargetError::TargetIsRead)
    ));
    let elsewhere = WriteTarget::of_run(Uuid::new_v4(), &[source]).unwrap();
    let refused = gateway.writer(
        &elsewhere,
        server.connection(&gateway),
        CallContext::default(),
    );
    assert!(matches!(refused, Err(WriteTargetError::OtherTenant)));

    // An admission of one tenant is no leave for another.
    let other = start(|_, _| Reply::status(204)).await;
    let admission = other.writer().admit(FAMILY).await.unwrap();
    let answer = server.writer().send(admission, &create()).await;
    assert_eq!(answer.body, Body::Lost(Lost::NeverSent));
    assert!(server.graph_requests().is_empty());
}

#[tokio::test]
async fn after_a_401_the_next_admission_has_a_new_token() {
    let server = start(|number, _| Reply::status(if number == 0 { 401 } else { 204 })).await;
    let writer = server.writer();
    send(&writer, &create()).await;
    send(&writer, &create()).await;
    assert_eq!(server.token_requests().len(), 2);
    assert_eq!(server.graph_requests().len(), 2);
}

#[tokio::test]
async fn a_throttled_write_holds_the_next_one_back() {
    let server =
        start(|_, _| Reply::Whole(429, vec![("retry-after", "90".to_owned())], String::new()))
            .await;
    let writer = server.writer();
    send(&writer, &create()).await;
    assert!(matches!(
        writer.admit(FAMILY).await,
        Err(CallError::Throttled { .. })
    ));
    assert!(writer.admit(ResourceFamily::Apps).await.is_ok());
}

#[tokio::test]
async fn a_stopped_writer_gives_no_admission() {
    let server = start(|_, _| Reply::status(204)).await;
    let gateway = server.gateway();
    let context = CallContext::default();
    let target = WriteTarget::of_run(server.tenant, &[]).unwrap();
    let writer = gateway
        .writer(&target, server.connection(&gateway), context.clone())
        .unwrap();
    context.stop.cancel();
    assert!(matches!(
        writer.admit(FAMILY).await,
        Err(CallError::Stopped)
    ));
    assert!(server.token_requests().is_empty());
}

#[tokio::test]
async fn every_attempt_is_seen_by_the_observer_without_names() {
    let server = start(|_, _| Reply::status(204)).await;
    let records = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&records);
    let settings = graph::GatewaySettings {
        overrides: server.gateway().overrides().clone(),
        on_call: Some(Arc::new(move |record: &graph::CallRecord<'_>| {
            let line = format!(
                "{} {} {:?}",
                record.method, record.path_template, record.status
            );
            seen.lock().unwrap().push(line);
        })),
        ..graph::GatewaySettings::default()
    };
    let gateway = graph::Gateway::new(settings).unwrap();
    let target = WriteTarget::of_run(server.tenant, &[]).unwrap();
    let writer = gateway
        .writer(&target, server.connection(&gateway), CallContext::default())
        .unwrap();
    let request = WriteRequest::new(
        Uuid::new_v4(),
        WriteMethod::Delete,
        GraphVersion::Beta,
        "/deviceManagement/notificationMessageTemplates/9b1d/localizedNotificationMessages/x_en-us",
        None,
        Approval::Justification(String::new()),
    );
    send(&writer, &request).await;
    assert_eq!(
        records.lock().unwrap().as_slice(),
        [
            "POST /{tenant}/oauth2/v2.0/token Some(200)",
            "DELETE /deviceManagement/notificationMessageTemplates/{id}/localizedNotificationMessages/{id} Some(204)"
        ]
    );
}
