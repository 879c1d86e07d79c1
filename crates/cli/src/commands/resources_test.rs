//! The table of calls, held against the API's document by way of the examples of `--help`: every
//! operation has a command, and no command sends what the API does not know.
#![expect(clippy::indexing_slicing, reason = "tests may stop where they stand")]

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::arguments::examples;
use crate::arguments::{AuditCommand, Command, parse_from};

const DOCUMENT: &str = include_str!("../../../../openapi/openapi.json");

/// Operations that commands of their own send, and who does.
const ELSEWHERE: &[(&str, &str)] = &[
    ("compare_tenants", "compare"),
    ("diff_subject", "diff"),
    ("preflight_promotion", "preflight"),
    ("execute_promotion", "execute"),
    ("start_inventory_sync", "sync"),
    ("list_operation_runs", "runs list"),
    ("get_operation_run", "runs show"),
    ("list_operation_run_items", "runs show"),
    ("stream_operation_run_events", "runs watch"),
    ("cancel_operation_run", "runs cancel"),
];
/// Operations for browsers, probes and generators: no command has a use for them.
const NONE: &[&str] = &[
    "get_docs",
    "get_healthz",
    "get_metrics",
    "get_openapi",
    "get_readyz",
    "stream_workspace_events",
];

/// The calls of all examples, with the secrets they want in a file.
fn calls() -> Vec<Call> {
    let folder = tempfile::tempdir().unwrap_or_else(|error| unreachable!("{error}"));
    let file = folder.path().join("secret");
    assert!(std::fs::write(&file, "secret").is_ok());
    let mut calls = Vec::new();
    for mut words in examples::all() {
        for index in 1..words.len() {
            if words[index - 1].ends_with("-file") {
                words[index] = file.display().to_string();
            }
        }
        let parsed = match parse_from(&words) {
            Ok(arguments) => arguments.command,
            Err(error) => unreachable!("{words:?}: {error}"),
        };
        match parsed {
            Command::Audit(AuditCommand::List(arguments)) => calls.push(audit(&arguments)),
            Command::Resource(command) => match request(&command) {
                Ok(call) => calls.push(call),
                // That example reads its secret from standard input, where a test has none.
                Err(_) => assert!(words.contains(&"set".to_owned()), "{words:?}"),
            },
            _ => {}
        }
    }
    calls
}

fn document() -> Value {
    serde_json::from_str(DOCUMENT).unwrap_or_default()
}

fn operation<'a>(document: &'a Value, call: &Call) -> &'a Value {
    let method = call.method.as_str().to_lowercase();
    let found = document["paths"]
        .get(call.path)
        .and_then(|path| path.get(&method));
    found.unwrap_or_else(|| unreachable!("{method} {} is no operation", call.path))
}

#[test]
fn every_operation_of_the_api_has_a_command() {
    let document = document();
    let mut reached: BTreeSet<&str> = calls()
        .iter()
        .filter_map(|call| operation(&document, call)["operationId"].as_str())
        .collect();
    reached.extend(ELSEWHERE.iter().map(|(operation, _)| *operation));
    reached.extend(NONE);
    let all: BTreeSet<&str> = document["paths"]
        .as_object()
        .into_iter()
        .flat_map(|paths| paths.values())
        .filter_map(Value::as_object)
        .flat_map(|path| path.values())
        .filter_map(|operation| operation["operationId"].as_str())
        .collect();
    assert_eq!(reached, all);
}

#[test]
fn no_command_sends_what_the_api_does_not_know() {
    let document = document();
    for call in calls() {
        let operation = operation(&document, &call);
        let place = format!("{} {}", call.method, call.path);
        for name in &call.names {
            let written = format!("{{{}}}", name.member);
            assert_eq!(
                name.place == InPath,
                call.path.contains(&written),
                "{place}"
            );
        }
        let named: Vec<&str> = call.names.iter().map(|name| name.member).collect();
        let places =
            call.path.matches('{').count() - usize::from(call.path.contains("workspace_id"));
        let in_path = call.names.iter().filter(|name| name.place == InPath);
        assert_eq!(in_path.count(), places, "{place}: {named:?}");

        let parameters = operation["parameters"].as_array();
        let known: BTreeSet<&str> = parameters
            .into_iter()
            .flatten()
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        let queried = call.names.iter().filter(|name| name.place == Query);
        for name in call
            .query
            .iter()
            .map(|pair| pair.0)
            .chain(queried.map(|name| name.member))
        {
            assert!(known.contains(name), "{place}: {name} is no parameter");
        }

        let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let Some(schema) = schema.as_str().and_then(|path| path.strip_prefix('#')) else {
            assert!(call.body.is_none(), "{place} takes no body");
            continue;
        };
        let schema = document.pointer(schema).cloned().unwrap_or_default();
        let mut sent: BTreeSet<String> = call
            .body
            .iter()
            .filter_map(Value::as_object)
            .flat_map(|body| body.keys().cloned())
            .collect();
        let filled = call.names.iter().filter(|name| name.place == Body);
        sent.extend(filled.map(|name| name.member.to_owned()));
        for member in &sent {
            assert!(
                schema["properties"].get(member).is_some(),
                "{place}: {member} is no member"
            );
        }
        for member in schema["required"].as_array().into_iter().flatten() {
            assert!(
                sent.contains(member.as_str().unwrap_or_default()),
                "{place}: {member} is missing"
            );
        }
    }
}

#[test]
fn what_would_do_something_else_the_second_time_is_sent_once() {
    for call in calls() {
        let made = matches!(call.method.as_str(), "POST" | "PATCH" | "DELETE");
        let started = matches!(call.answer, crate::client::call::Answer::Started(_));
        assert_eq!(
            call.once(),
            made && !started,
            "{} {}",
            call.method,
            call.path
        );
    }
}
