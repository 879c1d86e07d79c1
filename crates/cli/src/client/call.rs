//! One command, one call of the API: what is sent and how the answer is shown, as data. The table of
//! them is `commands/resources.rs`; what carries them out is `commands/call.rs`.

use reqwest::Method;
use serde_json::Value;

use crate::arguments::WaitingArguments;
use crate::client::workspace::Named;

/// The path of an operation below the workspace, spelt as in the API's document.
macro_rules! in_workspace {
    ($tail:literal) => {
        concat!("/v1/workspaces/{workspace_id}", $tail)
    };
}
pub(crate) use in_workspace;

/// What every path in a workspace begins with.
pub(crate) const WORKSPACE_PATH: &str = "/v1/workspaces/{workspace_id}";

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    /// Method.
    pub(crate) method: Method,
    /// Path, spelt as in the API's document.
    pub(crate) path: &'static str,
    /// Parameters of the query.
    pub(crate) query: Vec<(&'static str, String)>,
    /// JSON body.
    pub(crate) body: Option<Value>,
    /// What the caller named, in the order in which it is looked up.
    pub(crate) names: Vec<Name>,
    /// What comes back.
    pub(crate) answer: Answer,
    /// What a person is asked first.
    pub(crate) question: Option<Question>,
    /// What is said on standard error once it is done.
    pub(crate) note: Option<&'static str>,
}

/// What comes back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// Items, page by page.
    List(u32, &'static [Column]),
    /// One object, as lines.
    One(&'static [Column]),
    /// One object that is no row: printed as YAML where a table was asked for.
    Whole,
    /// A run, to be waited for or not.
    Started(WaitingArguments),
    /// Nothing.
    Nothing,
}

/// A column of a table, or a line of one object: its heading, and where its value is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column(
    pub(crate) &'static str,
    pub(crate) &'static str,
    pub(crate) Shown,
);

/// How a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// As it is.
    AsIs,
    /// As it is, and left out where the terminal is too narrow.
    WhereThereIsRoom,
    /// The name of the tenant whose id it is.
    Tenant,
}

/// A value of the call that the caller may give by name.
#[derive(Debug)]
pub(crate) struct Name {
    /// Where its id goes.
    pub(crate) place: Place,
    /// The parameter or member.
    pub(crate) member: &'static str,
    /// What it names; nothing where only an id will do.
    pub(crate) what: Option<&'static Named>,
    /// As the caller wrote it.
    pub(crate) named: String,
}

/// Where an id goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Into the path.
    Path,
    /// Into the query.
    Query,
    /// Into the body.
    Body,
}

/// What a person is asked before something that cannot be taken back.
#[derive(Debug)]
pub(crate) struct Question {
    /// The words.
    pub(crate) text: String,
    /// Whether the answer was given already.
    pub(crate) yes: bool,
}

impl Call {
    fn new(method: Method, path: &'static str, answer: Answer) -> Self {
        Self {
            method,
            path,
            query: Vec::new(),
            body: None,
            names: Vec::new(),
            answer,
            question: None,
            note: None,
        }
    }

    /// A list.
    pub(crate) fn list(path: &'static str, limit: u32, columns: &'static [Column]) -> Self {
        Self::new(Method::GET, path, Answer::List(limit, columns))
    }

    /// One object.
    pub(crate) fn get(path: &'static str, columns: &'static [Column]) -> Self {
        Self::new(Method::GET, path, Answer::One(columns))
    }

    /// One object that is no row.
    pub(crate) fn whole(path: &'static str) -> Self {
        Self::new(Method::GET, path, Answer::Whole)
    }

    /// Something that is made or changed, and comes back.
    pub(crate) fn change(
        method: Method,
        path: &'static str,
        body: Option<Value>,
        columns: &'static [Column],
    ) -> Self {
        Self {
            body: body.map(given),
            ..Self::new(method, path, Answer::One(columns))
        }
    }

    /// Something that goes.
    pub(crate) fn remove(path: &'static str, note: &'static str) -> Self {
        Self {
            note: Some(note),
            ..Self::new(Method::DELETE, path, Answer::Nothing)
        }
    }

    /// A run.
    pub(crate) fn start(
        path: &'static str,
        body: Option<Value>,
        waiting: WaitingArguments,
    ) -> Self {
        Self {
            body: body.map(given),
            ..Self::new(Method::POST, path, Answer::Started(waiting))
        }
    }

    /// Something the caller may give by name.
    pub(crate) fn naming(
        mut self,
        place: Place,
        member: &'static str,
        what: &'static Named,
        named: &str,
    ) -> Self {
        self.names.push(Name {
            place,
            member,
            what: Some(what),
            named: named.to_owned(),
        });
        self
    }

    /// An id or word that goes into the path as it is.
    pub(crate) fn with(mut self, member: &'static str, id: &str) -> Self {
        self.names.push(Name {
            place: Place::Path,
            member,
            what: None,
            named: id.to_owned(),
        });
        self
    }

    /// A parameter of the query, where it was given.
    pub(crate) fn filtered(mut self, name: &'static str, value: Option<&String>) -> Self {
        if let Some(value) = value {
            self.query.push((name, value.clone()));
        }
        self
    }

    /// Asks first.
    pub(crate) fn asking(mut self, text: String, yes: bool) -> Self {
        self.question = Some(Question { text, yes });
        self
    }

    /// Says something once it is done.
    pub(crate) fn saying(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }

    /// Whether a second call after a lost answer would do something else than the first: starts
    /// carry a key, and what is read or put is the same the second time.
    pub(crate) fn once(&self) -> bool {
        let start = matches!(self.answer, Answer::Started(_));
        !start && !matches!(self.method, Method::GET | Method::PUT)
    }
}

/// A body without the members that were not given.
fn given(mut body: Value) -> Value {
    if let Value::Object(members) = &mut body {
        members.retain(|_, value| !value.is_null());
    }
    body
}
