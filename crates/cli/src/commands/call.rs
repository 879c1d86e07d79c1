//! Carries out one call: asks first where it must, finds the ids of what was named, sends it and
//! prints what came back.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::arguments::{ClientArguments, Output};
use crate::client::call::{Answer, Call, Place, WORKSPACE_PATH};
use crate::client::http::{Http, Request, escape};
use crate::client::workspace::Workspace;
use crate::commands::sync::{finish_start, start_patience};
use crate::ending::{Ending, Failure};
use crate::show;
use crate::show::columns;

/// Does it.
pub(crate) async fn call(call: Call, client: &ClientArguments) -> Result<Ending, Failure> {
    if let Some(question) = &call.question
        && !question.yes
        && !show::ask::confirmed(&question.text, "Go on?")?
    {
        show::note("not confirmed; nothing was changed");
        return Ok(Ending::Error);
    }
    let mut http = Http::connect(client)?;
    if let Answer::Started(waiting) = &call.answer {
        http = http.with_patience(start_patience(waiting));
    }
    // What is outside a workspace needs none.
    let workspace = if call.path.starts_with(WORKSPACE_PATH) {
        Workspace::open(http, client).await?
    } else {
        Workspace::with_id(http, "")
    };
    let output = client.output();
    let ready = Ready::of(&workspace, call).await?;
    let value = ready.send(&workspace).await?;
    let ending = print(&workspace, &ready.call, &value, output).await?;
    if let Some(note) = ready.call.note {
        show::note(note);
    }
    Ok(ending)
}

/// A call in which every name has become an id.
struct Ready {
    call: Call,
    path: String,
}

impl Ready {
    async fn of(workspace: &Workspace, mut call: Call) -> Result<Self, Failure> {
        let mut path = call.path.replace("{workspace_id}", &escape(workspace.id()));
        let mut ids: Vec<(&'static str, String)> = Vec::new();
        for name in std::mem::take(&mut call.names) {
            let id = match name.what {
                None => name.named,
                Some(what) => {
                    let list = filled(what.list, &ids);
                    workspace.find(what, &list, &[], &name.named).await?
                }
            };
            match name.place {
                Place::Path => {
                    // An id is one segment of a path; an empty one would name the list above it.
                    if matches!(id.as_str(), "" | "." | "..") {
                        return Err(Failure::Usage(format!("{id:?} is no id")));
                    }
                    path = path.replace(&format!("{{{}}}", name.member), &escape(&id));
                }
                Place::Query => call.query.push((name.member, id.clone())),
                Place::Body => {
                    if let Some(Value::Object(body)) = &mut call.body {
                        body.insert(name.member.to_owned(), json!(id));
                    }
                }
            }
            ids.push((name.member, id));
        }
        Ok(Self { call, path })
    }

    async fn send(&self, workspace: &Workspace) -> Result<Value, Failure> {
        let Self { call, path } = self;
        if let Answer::List(limit, _) = call.answer {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let items = workspace.http.list(path, &call.query, limit).await?;
            return Ok(json!({"items": items, "next_cursor": null}));
        }
        // A start that is repeated after a lost answer is the same start.
        let key = Uuid::new_v4().to_string();
        let started = matches!(call.answer, Answer::Started(_));
        let request = Request {
            method: call.method.clone(),
            path,
            body: call.body.as_ref(),
            header: started.then_some(("idempotency-key", key.as_str())),
            once: call.once(),
        };
        workspace.http.send(request).await
    }
}

/// `{member}` of a path below the workspace, filled in with what is known so far.
fn filled(list: &str, ids: &[(&'static str, String)]) -> String {
    ids.iter().fold(list.to_owned(), |list, (member, id)| {
        list.replace(&format!("{{{member}}}"), &escape(id))
    })
}

async fn print(
    workspace: &Workspace,
    call: &Call,
    value: &Value,
    output: Output,
) -> Result<Ending, Failure> {
    match &call.answer {
        Answer::List(_, shown) => {
            let tenants = columns::tenants(workspace, shown, output).await?;
            show::answer(output, value, || columns::table(value, shown, &tenants))?;
        }
        Answer::One(shown) => {
            let tenants = columns::tenants(workspace, shown, output).await?;
            show::answer(output, value, || columns::lines(value, shown, &tenants))?;
        }
        Answer::Whole => {
            let output = if output == Output::Table {
                Output::Yaml
            } else {
                output
            };
            show::answer(output, value, String::new)?;
        }
        Answer::Started(waiting) => {
            return finish_start(workspace, value, waiting, output).await;
        }
        Answer::Nothing => {
            debug_assert_eq!(call.method, Method::DELETE);
        }
    }
    Ok(Ending::Done)
}
