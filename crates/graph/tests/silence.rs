//! Nothing secret reaches the log, at any level, in any target: not the secret, not the token, not
//! a body, not a name in a query.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failing test may panic"
)]

#[path = "wire/server.rs"]
#[expect(dead_code, reason = "shared with the wire tests, which use all of it")]
mod server;

use std::io::Write;
use std::sync::{Arc, Mutex};

use graph::{
    Approval, GraphVersion, ReadRequest, ResourceFamily, WriteMethod, WriteRequest, odata_literal,
};
use serde_json::json;
use uuid::Uuid;

use server::{Reply, start, token_for};

/// Everything logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_log_at_trace_level_shows_no_secret_body_or_name() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();

    let server = start(|number, _| match number {
        0 => Reply::json(&json!({"value": [{"displayName": "canary-answer"}]})),
        1 => Reply::Whole(
            400,
            Vec::new(),
            r#"{"error":{"code":"canary-code"}}"#.to_owned(),
        ),
        _ => Reply::Cut,
    })
    .await;
    let reader = server.reader();
    let filter = format!(
        "/groups?$filter=displayName eq {}",
        odata_literal("canary-name")
    );
    let request = ReadRequest::new(ResourceFamily::Directory, GraphVersion::V1, filter);
    reader.get(&request).await.unwrap();
    reader.get(&request).await.unwrap_err();
    let writer = server.writer();
    let request = WriteRequest::new(
        Uuid::new_v4(),
        WriteMethod::Post,
        GraphVersion::Beta,
        "/deviceManagement/deviceConfigurations",
        Some(&json!({"displayName": "canary-body"})),
        Approval::Justification("canary-justification".to_owned()),
    );
    let admission = writer
        .admit(ResourceFamily::DeviceConfiguration)
        .await
        .unwrap();
    writer.send(admission, &request).await;

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("graph_call"), "the spans are there");
    assert!(text.contains(&request.client_request_id.to_string()));
    assert!(text.contains("/deviceManagement/deviceConfigurations"));
    for canary in ["canary", &token_for(server.tenant), "Bearer "] {
        let line = text.lines().find(|line| line.contains(canary));
        assert_eq!(line, None);
    }
}
