//! Reads: whole or an error, repeated when that is safe, never led astray.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use graph::{
    CallContext, CallError, GraphVersion, Incomplete, Question, ReadRequest, ResourceFamily,
};
use serde_json::json;

use crate::server::{Reply, Server, groups, start};

async fn list(server: &Server) -> Result<Vec<String>, CallError> {
    let mut items = Vec::new();
    server
        .reader()
        .get_paged(groups(), |item| items.push(item.get().to_owned()))
        .await?;
    Ok(items)
}

#[tokio::test]
async fn a_list_is_read_to_its_end_through_empty_pages() {
    let base = Arc::new(Mutex::new(String::new()));
    let known = Arc::clone(&base);
    let server = start(move |number, _| {
        let base = known.lock().unwrap().clone();
        Reply::json(&match number {
            0 => json!({"value": [{"id": "1"}, {"id": "2"}],
                "@odata.nextLink": format!("{base}/v1.0/groups?$skiptoken=a%20b")}),
            1 => json!({"value": [],
                "@odata.nextLink": format!("{base}/v1.0/groups?$skiptoken=c")}),
            _ => json!({"value": [{"id": "3"}]}),
        })
    })
    .await;
    base.lock().unwrap().clone_from(&server.base);
    assert_eq!(
        list(&server).await.unwrap(),
        [r#"{"id":"1"}"#, r#"{"id":"2"}"#, r#"{"id":"3"}"#]
    );
    let targets: Vec<String> = server
        .graph_requests()
        .into_iter()
        .map(|seen| seen.target)
        .collect();
    assert_eq!(
        targets,
        [
            "/v1.0/groups",
            "/v1.0/groups?$skiptoken=a%20b",
            "/v1.0/groups?$skiptoken=c"
        ]
    );
}

#[tokio::test]
async fn a_foreign_link_is_not_followed() {
    let trap = start(|_, _| Reply::json(&json!({"value": []}))).await;
    for link in [
        format!("{}/v1.0/groups", trap.base),
        "https://evil.example/v1.0/groups".to_owned(),
        "file:///etc/passwd".to_owned(),
        "/v1.0/groups?relative".to_owned(),
        String::new(),
    ] {
        let server =
            start(move |_, _| Reply::json(&json!({"value": [1], "@odata.nextLink": link}))).await;
        assert!(matches!(
            list(&server).await,
            Err(CallError::Incomplete(Incomplete::ForeignLink))
        ));
        assert_eq!(server.graph_requests().len(), 1);
    }
    assert!(trap.graph_requests().is_empty());
    assert!(trap.token_requests().is_empty());
}

#[tokio::test]
async fn loops_and_endless_lists_are_incomplete() {
    let base = Arc::new(Mutex::new(String::new()));
    let known = Arc::clone(&base);
    let looping = start(move |_, _| {
        let base = known.lock().unwrap().clone();
        Reply::json(&json!({"value": [1], "@odata.nextLink": format!("{base}/v1.0/groups?p=2")}))
    })
    .await;
    base.lock().unwrap().clone_from(&looping.base);
    assert!(matches!(
        list(&looping).await,
        Err(CallError::Incomplete(Incomplete::Loop))
    ));
    assert_eq!(looping.graph_requests().len(), 2);

    let known = Arc::clone(&base);
    let endless = start(move |number, _| {
        let base = known.lock().unwrap().clone();
        Reply::json(
            &json!({"value": [], "@odata.nextLink": format!("{base}/v1.0/groups?p={number}")}),
        )
    })
    .await;
    base.lock().unwrap().clone_from(&endless.base);
    let reader = endless.reader();
    let mut pages = reader.pages(groups()).with_page_cap(5);
    let result = loop {
        match pages.next().await {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(
        result,
        Err(CallError::Incomplete(Incomplete::TooManyPages))
    ));
    assert_eq!(endless.graph_requests().len(), 5);
}

#[tokio::test]
async fn a_page_without_a_list_is_incomplete() {
    for body in [json!({}), json!({"value": {}}), json!([]), json!(null)] {
        let server = start(move |_, _| Reply::json(&body)).await;
        assert!(matches!(
            list(&server).await,
            Err(CallError::Incomplete(Incomplete::NotAList))
        ));
    }
}

#[tokio::test]
async fn one_item_of_any_depth_does_not_break_its_page() {
    let deep = format!("{}1{}", r#"{"a":"#.repeat(400), "}".repeat(400));
    let body = format!(r#"{{"value":[{{"a":1}},{deep},{{"a":2}}]}}"#);
    let server = start(move |_, _| Reply::Whole(200, Vec::new(), body.clone())).await;
    let items = list(&server).await.unwrap();
    assert_eq!(items.len(), 3);
    assert!(serde_json::from_str::<serde_json::Value>(&items[1]).is_err());
}

#[tokio::test]
async fn passing_failures_of_every_kind_are_repeated() {
    let ok = "HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\n{}".to_owned();
    for broken in [
        Reply::status(500),
        Reply::status(502),
        Reply::Cut,
        Reply::Bytes("HTTP/1.1 200 X\r\ncontent-length: 50\r\n\r\n{\"a\":".to_owned()),
        Reply::Bytes(
            "HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n".to_owned(),
        ),
        Reply::Bytes("HTTP/1.1 200 X\r\nconnection: close\r\n\r\n{\"a\":".to_owned()),
        Reply::Bytes("HTTP/1.1 2".to_owned()),
        Reply::Bytes("nonsense\r\n\r\n".to_owned()),
        Reply::Whole(200, Vec::new(), "<html>".to_owned()),
        Reply::Whole(200, Vec::new(), String::new()),
        Reply::Slow(Duration::from_secs(3), Box::new(Reply::status(200))),
    ] {
        let (first, then) = (broken.clone(), ok.clone());
        let server = start(move |number, _| {
            if number == 0 {
                return first.clone();
            }
            Reply::Bytes(then.clone())
        })
        .await;
        let answer = server.reader().get(&groups()).await;
        assert!(answer.is_ok(), "{broken:?}");
        assert_eq!(server.graph_requests().len(), 2, "{broken:?}");
    }
}

#[tokio::test]
async fn a_failure_that_stays_is_an_error_after_bounded_attempts() {
    let server = start(|_, _| Reply::status(500)).await;
    let reader = server.reader();
    let waits = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&waits);
    let reader = reader.with_context(CallContext {
        on_wait: Some(Arc::new(move |wait| seen.lock().unwrap().push(wait.reason))),
        ..CallContext::default()
    });
    let failed = reader.get(&groups()).await;
    assert!(matches!(
        failed,
        Err(CallError::Unavailable { attempts: 5, .. })
    ));
    assert_eq!(server.graph_requests().len(), 5);
    assert_eq!(waits.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a_short_throttle_is_waited_out_and_a_long_one_parks() {
    let server = start(|number, _| {
        if number == 0 {
            return Reply::Whole(429, vec![("retry-after", "1".to_owned())], String::new());
        }
        Reply::json(&json!({}))
    })
    .await;
    let waits = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&waits);
    let reader = server.reader().with_context(CallContext {
        on_wait: Some(Arc::new(move |wait| seen.lock().unwrap().push(wait.reason))),
        ..CallContext::default()
    });
    let begun = std::time::Instant::now();
    reader.get(&groups()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(2), "the floor");
    assert_eq!(
        waits.lock().unwrap().as_slice(),
        [graph::WaitReason::Throttled]
    );

    let long =
        start(|_, _| Reply::Whole(429, vec![("retry-after", "60".to_owned())], String::new()))
            .await;
    let reader = long.reader();
    for _ in 0..3 {
        let Err(CallError::Throttled { until }) = reader.get(&groups()).await else {
            panic!("a minute is too long to hold a worker")
        };
        assert!(until > chrono::Utc::now() + chrono::TimeDelta::seconds(50));
    }
    assert_eq!(long.graph_requests().len(), 1, "nobody hammers meanwhile");
}

#[tokio::test]
async fn refusals_come_back_at_once_and_redirects_are_not_followed() {
    let trap = start(|_, _| Reply::json(&json!({}))).await;
    let location = format!("{}/v1.0/groups", trap.base);
    for (status, code) in [
        (302, "graph_rejected"),
        (307, "graph_rejected"),
        (400, "graph_rejected"),
        (403, "graph_forbidden"),
        (404, "graph_not_found"),
    ] {
        let location = location.clone();
        let server = start(move |_, _| {
            Reply::Whole(
                status,
                vec![
                    ("location", location.clone()),
                    ("request-id", "r-1".to_owned()),
                ],
                r#"{"error":{"code":"C","message":"m"}}"#.to_owned(),
            )
        })
        .await;
        let error = server.reader().get(&groups()).await.unwrap_err();
        assert_eq!(error.code(), code);
        let answer = error.answer().unwrap();
        assert_eq!(answer.headers.request_id.as_deref(), Some("r-1"));
        assert_eq!(server.graph_requests().len(), 1);
    }
    assert!(trap.graph_requests().is_empty());
}

#[tokio::test]
async fn an_enormous_answer_is_not_swallowed() {
    let body = format!("[{}1]", "1,".repeat(60_000));
    let server = start(move |_, _| Reply::Whole(200, Vec::new(), body.clone())).await;
    let error = server.reader().get(&groups()).await.unwrap_err();
    assert!(matches!(error, CallError::Rejected { error, .. } if error.code == "answer_too_large"));
    assert_eq!(server.graph_requests().len(), 1);
}

#[tokio::test]
async fn a_stop_or_deadline_ends_the_work_between_attempts() {
    let server = start(|_, _| Reply::status(500)).await;
    let context = CallContext::default();
    let reader = server.reader().with_context(context.clone());
    let stop = context.stop.clone();
    let running = tokio::spawn(async move { reader.get(&groups()).await.map(|_| ()) });
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.cancel();
    assert!(matches!(running.await.unwrap(), Err(CallError::Stopped)));

    let hurried = server.reader().with_context(CallContext {
        deadline: Some(tokio::time::Instant::now() + Duration::from_millis(500)),
        ..CallContext::default()
    });
    assert!(matches!(
        hurried.get(&groups()).await,
        Err(CallError::Deadline { .. })
    ));
}

#[tokio::test]
async fn a_path_that_leaves_its_place_is_never_sent() {
    let server = start(|_, _| Reply::json(&json!({}))).await;
    for path in [
        "groups",
        "//evil.example",
        "/a/../../b",
        "/a#b",
        "/a/%2E%2e/b",
    ] {
        let request = ReadRequest::new(ResourceFamily::Directory, GraphVersion::Beta, path);
        assert!(matches!(
            server.reader().get(&request).await,
            Err(CallError::Path(_))
        ));
    }
    assert!(server.graph_requests().is_empty());
}

#[tokio::test]
async fn a_reader_posts_its_question_and_nothing_else() {
    let server = start(|_, _| Reply::json(&json!({"value": {}}))).await;
    let question = Question::EnrollmentTimeDeviceGroup;
    let item = "/deviceManagement/configurationPolicies/x";
    let family = ResourceFamily::ConfigurationPolicies;
    let asked = ReadRequest::question(family, GraphVersion::Beta, item, question);
    server.reader().get(&asked).await.unwrap();
    for below in [
        "/assign",
        "/retrieveEnrollmentTimeDeviceMembershipTarget/assign",
    ] {
        let mut bent = asked.clone();
        bent.path = format!("{item}{below}");
        server.reader().get(&bent).await.unwrap();
    }
    let seen = server.graph_requests();
    let methods: Vec<&str> = seen.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["POST", "GET", "GET"]);
    assert!(
        seen[0]
            .target
            .ends_with("/x/retrieveEnrollmentTimeDeviceMembershipTarget")
    );
    assert!(seen[0].body.is_empty());
}

/// Refuses in one version, in words that name the other.
fn only_in(version: &'static str, seen: &crate::server::Seen) -> Option<Reply> {
    let said = format!("Not served here. Use the {version} endpoint.");
    let refusal = json!({"error": {"code": "BadRequest", "message": said}});
    (!seen.target.starts_with(&format!("/{version}/")))
        .then(|| Reply::Whole(400, Vec::new(), refusal.to_string()))
}

#[tokio::test]
async fn g1_a_read_whose_refusal_names_the_other_version_goes_there_once() {
    for (from, to) in [(GraphVersion::V1, "beta"), (GraphVersion::Beta, "v1.0")] {
        let base = Arc::new(Mutex::new(String::new()));
        let known = Arc::clone(&base);
        let server = start(move |_, seen| {
            let base = known.lock().unwrap().clone();
            only_in(to, seen).unwrap_or_else(|| {
                let mut page = json!({"value": [{"id": "2"}]});
                if !seen.target.contains("skiptoken") {
                    page["value"] = json!([{"id": "1"}]);
                    page["@odata.nextLink"] = json!(format!("{base}/{to}/groups?$skiptoken=a"));
                }
                Reply::json(&page)
            })
        })
        .await;
        base.lock().unwrap().clone_from(&server.base);
        let mut request = groups();
        request.version = from;
        server.reader().get(&request).await.unwrap();
        let mut items = 0;
        let read = server.reader().get_paged(request, |_| items += 1).await;
        read.unwrap();
        assert_eq!(items, 2, "{to}");
        // Two sendings of the one, three of the list: its second page is asked for there at once.
        assert_eq!(server.graph_requests().len(), 5, "{to}");
    }
}

#[tokio::test]
async fn g1_what_the_other_version_refuses_too_stays_the_first_refusal() {
    for second in [400, 403, 404] {
        let server =
            start(move |_, seen| only_in("beta", seen).unwrap_or_else(|| Reply::status(second)))
                .await;
        let error = server.reader().get(&groups()).await.unwrap_err();
        assert_eq!(error.code(), "graph_rejected", "{second}");
        let said = error.answer().and_then(graph::Answer::error).unwrap();
        assert!(said.operator_text().contains("beta"), "{said:?}");
        assert_eq!(server.graph_requests().len(), 2);
    }
}
