//! Stop buttons flipped in the middle of a run: no subject begins more than one second later. After
//! a cancel or a pause what was begun is carried to its verified end, and nothing is left half-made;
//! a lost right stops before the next write. The rest is skipped with the reason.

use anyhow::{Context, Result};
use futures::future::try_join_all;
use promotion_tests::client::Api;
use promotion_tests::stack::Stack;
use reqwest::Method;
use serde_json::{Value, json};

use crate::course::{Course, figure};
use crate::field::{self, LONGEST, Round, Setup};
use crate::judge::{Figures, Item, Wrong, judge};

/// The stop buttons, in the order they are pressed.
const BUTTONS: [&str; 4] = [
    "cancelled",
    "operation paused",
    "token revoked",
    "owner removed",
];

/// A service of the workspace with a token of its own.
async fn requester(stack: &Stack) -> Result<(String, String, Api)> {
    let api = &stack.api;
    let member = json!({"kind": "service", "display_name": "Requester", "role": "owner"});
    let user = api.post("/members", &member).await?.expect(201)?;
    let user = user["user_id"].as_str().context("user id")?.to_owned();
    let made = api
        .post(
            "/api-tokens",
            &json!({"name": "requester", "user_id": user}),
        )
        .await?
        .expect(201)?;
    let id = made["token_id"].as_str().context("token id")?.to_owned();
    let token = made["token"].as_str().context("token")?;
    Ok((user, id, api.with_token(token)))
}

/// Presses a button; the reason code it must leave.
async fn press(
    stack: &Stack,
    round: &Round,
    button: usize,
    who: &(String, String, Api),
) -> Result<&'static str> {
    let api = &stack.api;
    let (reply, code) = match button {
        0 => (
            api.post(&format!("/operation-runs/{}/cancel", round.run), &json!({}))
                .await?,
            "cancelled",
        ),
        1 => {
            let body = json!({"state": "paused", "reason": "campaign", "tenant_id": round.target});
            (
                api.put("/operational-controls/promotion.execute", &body)
                    .await?,
                "control_paused",
            )
        }
        2 => {
            let path = api.path(&format!("/api-tokens/{}", who.1));
            (
                api.send(Method::DELETE, &path, &[], None).await?,
                "requester_revoked",
            )
        }
        _ => {
            let path = api.path(&format!("/members/{}", who.0));
            (
                api.send(Method::DELETE, &path, &[], None).await?,
                "requester_revoked",
            )
        }
    };
    anyhow::ensure!(
        reply.status < 300,
        "button {button}: {} {}",
        reply.status,
        reply.body
    );
    Ok(code)
}

/// Writes that began too late: on objects that nothing was written to before.
fn too_late(journal: &[Value], limit: &str) -> Vec<String> {
    let at = |e: &Value| e["at"].as_str().unwrap_or_default().to_owned();
    let mut known: Vec<String> = Vec::new();
    let mut late = Vec::new();
    for entry in journal {
        let path = entry["path"].as_str().unwrap_or_default();
        let of_known = known.iter().any(|id| path.contains(id.as_str()));
        if at(entry).as_str() > limit && !of_known {
            late.push(format!(
                "{} {path} at {}, limit {limit}",
                entry["method"], entry["at"]
            ));
        } else if let Some(id) = entry["object_id"].as_str() {
            known.push(id.to_owned());
        }
    }
    late
}

/// Subjects that a cancel or a pause left half-made, or that say of themselves what is not so.
fn half_made(items: &[Item], code: &str) -> Vec<String> {
    items
        .iter()
        .filter(|item| {
            let wrote = item.journal.contains("\"ending\": \"done\"");
            let stopped = item.reason_code.as_deref() == Some(code);
            (wrote && item.outcome != "succeeded") || (stopped && item.outcome != "skipped")
        })
        .map(|item| format!("{item:?}"))
        .collect()
}

/// Rounds in one installation; the buttons in turn, beginning with `first`.
async fn lane(mut course: Course, first: usize, rounds: usize) -> Result<Figures> {
    let mut figures = Figures::default();
    let stack = field::start(Setup::default()).await?;
    for number in first..first + rounds {
        let mut round = field::review(&stack, &mut course, 40).await?;
        stack.sim.clear_faults().await?;
        field::slow_down(&stack, &round.entra, "POST", 300).await?;
        let who = requester(&stack).await?;
        field::execute(&who.2, &mut round).await?;
        let writes = usize::try_from(course.between(1, 12))?;
        field::wait_for_writes(&stack, &round, writes).await?;
        let code = press(&stack, &round, number % 4, &who).await?;
        let limit = stop_limit(&stack)?;
        field::wait_for_end(&stack, &round.run, LONGEST).await;
        let journal = stack.sim.journal(&round.entra, true).await?;
        let items = judge(&stack, &round, &mut figures).await?;
        for late in too_late(&journal, &limit) {
            figures.blame(
                Wrong::Other,
                format!("{code}: a write began too late: {late}"),
            );
        }
        if code != "requester_revoked" {
            for half in half_made(&items, code) {
                figures.blame(Wrong::Other, format!("{code}: left half-made: {half}"));
            }
        }
        let skipped = items
            .iter()
            .filter(|i| i.reason_code.as_deref() == Some(code))
            .count();
        if skipped == 0 {
            figures.blame(Wrong::Other, format!("{code}: nothing was stopped"));
        }
        figures.land(BUTTONS[number % 4]);
    }
    Ok(figures)
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_buttons() -> Result<()> {
    let course = Course::new(4_701);
    let (rounds, lanes) = (figure(4, 20, 200), figure(1, 2, 4));
    let lanes = (0..lanes).map(|number| {
        let rounds = rounds.div_ceil(lanes);
        lane(course.lane(number), number * rounds, rounds)
    });
    let mut figures = Figures::default();
    for lane in try_join_all(lanes).await? {
        figures.add(lane);
    }
    figures.close(
        "stop buttons",
        course.seed,
        "no subject begun 1 s later, none half-made",
        &BUTTONS,
    )
}

/// One second from now, as the simulator writes times.
fn stop_limit(stack: &Stack) -> Result<String> {
    use diesel::prelude::*;
    use diesel::sql_types::Text;
    #[derive(QueryableByName)]
    struct Now {
        #[diesel(sql_type = Text)]
        now: String,
    }
    let query = "SELECT to_char((clock_timestamp() + interval '1 second') AT TIME ZONE 'UTC', \
         'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS now";
    let now: Now = diesel::sql_query(query).get_result(&mut field::database(stack)?)?;
    Ok(now.now)
}
