//! Fault scripts: what shall go wrong, for which request, how often.
//!
//! This module decides which faults a request meets; `pipeline` acts them out.

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A script as posted to the control endpoint.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FaultSpec {
    pub tenant: Option<String>,
    pub method: Option<String>,
    /// Searched in the path with its query, without the host.
    pub path_regex: Option<String>,
    /// Matching requests to let through first.
    #[serde(default)]
    pub skip: u32,
    /// Requests to hit after that.
    #[serde(default = "once")]
    pub times: u32,
    #[serde(flatten)]
    pub kind: Kind,
}

const fn once() -> u32 {
    1
}

/// What goes wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Kind {
    /// 429; `retry_after` may be absent, text or a number; `nested` puts it into Intune's document.
    Throttle {
        #[serde(default)]
        retry_after: Option<Value>,
        #[serde(default)]
        nested: bool,
    },
    StatusBeforeEffect {
        status: u16,
        #[serde(default)]
        retry_after: Option<Value>,
    },
    StatusAfterEffect {
        status: u16,
    },
    CutBeforeEffect,
    CutAfterEffect,
    TruncateBodyAfterEffect,
    CreatedWithoutId,
    Slow {
        ms: u64,
    },
    SlowAfterEffect {
        ms: u64,
    },
    /// Hits only requests that follow a next link.
    PageFails {
        #[serde(default)]
        status: Option<u16>,
    },
    EmptyPage,
    /// A list that is empty and looks complete: what a replica shows that lags behind.
    LaggingList,
    /// A list that ends after so many items and looks complete.
    ShortList {
        items: usize,
    },
    /// A list with this in the place of each of its items: a null, an error, an item without a name.
    OddList {
        item: Value,
    },
    /// A list that says that it has so many items.
    Miscount {
        said: u64,
    },
    /// A success that says in its body that an error cut it short.
    ErrorInside,
    DropSetting {
        path: Option<String>,
        name: Option<String>,
    },
    DelayedVisibility {
        ms: u64,
    },
    ApprovalRequired {
        #[serde(default)]
        status: Option<u16>,
        #[serde(default)]
        code: Option<String>,
    },
    ChangeBehind {
        collection: String,
        name: Option<String>,
        id: Option<String>,
        patch: Map<String, Value>,
    },
    Forbid {
        #[serde(default)]
        message: Option<String>,
    },
    /// A refusal in these words; 400 unless said otherwise.
    Refuse {
        #[serde(default)]
        status: Option<u16>,
        message: String,
    },
    MalformedJson,
    /// Hits logins only.
    WrongTidToken {
        #[serde(default)]
        tid: Option<String>,
    },
    /// 401 with a claims challenge.
    RevokeToken,
}

impl Kind {
    /// The name used in scripts and in the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Throttle { .. } => "throttle",
            Self::StatusBeforeEffect { .. } => "status_before_effect",
            Self::StatusAfterEffect { .. } => "status_after_effect",
            Self::CutBeforeEffect => "cut_before_effect",
            Self::CutAfterEffect => "cut_after_effect",
            Self::TruncateBodyAfterEffect => "truncate_body_after_effect",
            Self::CreatedWithoutId => "created_without_id",
            Self::Slow { .. } => "slow",
            Self::SlowAfterEffect { .. } => "slow_after_effect",
            Self::PageFails { .. } => "page_fails",
            Self::EmptyPage => "empty_page",
            Self::LaggingList => "lagging_list",
            Self::ShortList { .. } => "short_list",
            Self::OddList { .. } => "odd_list",
            Self::Miscount { .. } => "miscount",
            Self::ErrorInside => "error_inside",
            Self::DropSetting { .. } => "drop_setting",
            Self::DelayedVisibility { .. } => "delayed_visibility",
            Self::ApprovalRequired { .. } => "approval_required",
            Self::ChangeBehind { .. } => "change_behind",
            Self::Forbid { .. } => "forbid",
            Self::Refuse { .. } => "refuse",
            Self::MalformedJson => "malformed_json",
            Self::WrongTidToken { .. } => "wrong_tid_token",
            Self::RevokeToken => "revoke_token",
        }
    }

    /// Whether further faults may hit the same request.
    const fn combines(&self) -> bool {
        matches!(
            self,
            Self::Slow { .. }
                | Self::SlowAfterEffect { .. }
                | Self::ChangeBehind { .. }
                | Self::DropSetting { .. }
                | Self::DelayedVisibility { .. }
        )
    }

    /// Whether the fault can hit this sort of request at all.
    const fn applies(&self, about: &About<'_>) -> bool {
        match self {
            Self::WrongTidToken { .. } => about.login,
            Self::PageFails { .. } => about.continuation,
            _ => true,
        }
    }
}

/// What a fault script may look at.
pub(crate) struct About<'a> {
    pub tenant: &'a str,
    pub method: &'a str,
    /// Path with query.
    pub target: &'a str,
    pub login: bool,
    pub continuation: bool,
}

#[derive(Debug)]
struct Script {
    id: u64,
    spec: FaultSpec,
    regex: Option<Regex>,
    seen: u32,
    hits: u32,
}

/// All scripts, in the order they were posted.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    scripts: Vec<Script>,
    next: u64,
}

/// A script as listed.
#[derive(Debug, Serialize)]
pub(crate) struct Listed<'a> {
    id: u64,
    seen: u32,
    hits: u32,
    exhausted: bool,
    #[serde(flatten)]
    spec: &'a FaultSpec,
}

impl Faults {
    /// Adds a script and answers its id.
    pub fn add(&mut self, spec: FaultSpec) -> Result<u64, regex::Error> {
        let regex = spec.path_regex.as_deref().map(Regex::new).transpose()?;
        self.next += 1;
        self.scripts.push(Script {
            id: self.next,
            spec,
            regex,
            seen: 0,
            hits: 0,
        });
        Ok(self.next)
    }

    pub fn clear(&mut self) {
        self.scripts.clear();
    }

    pub fn list(&self) -> Vec<Listed<'_>> {
        self.scripts
            .iter()
            .map(|script| Listed {
                id: script.id,
                seen: script.seen,
                hits: script.hits,
                exhausted: script.hits >= script.spec.times,
                spec: &script.spec,
            })
            .collect()
    }

    /// The faults this request meets; counts them.
    pub fn meet(&mut self, about: &About<'_>) -> Vec<Kind> {
        let mut met: Vec<Kind> = Vec::new();
        for script in &mut self.scripts {
            let spec = &script.spec;
            let fits = spec.tenant.as_deref().is_none_or(|id| id.eq_ignore_ascii_case(about.tenant))
                && spec.method.as_deref().is_none_or(|name| name.eq_ignore_ascii_case(about.method))
                && script.regex.as_ref().is_none_or(|regex| regex.is_match(about.target))
                && spec.kind.applies(about)
                // A script that names no path is about Graph, not about logging in.
                && (!about.login
                    || script.regex.is_some()
                    || matches!(spec.kind, Kind::WrongTidToken { .. }));
            if !fits || script.hits >= spec.times {
                continue;
            }
            script.seen += 1;
            if script.seen <= spec.skip {
                continue;
            }
            if !spec.kind.combines() && met.iter().any(|other| !other.combines()) {
                script.seen -= 1;
                continue;
            }
            script.hits += 1;
            met.push(spec.kind.clone());
        }
        met
    }
}
