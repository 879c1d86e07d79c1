//! The places of those who listen: how many streams and held answers there may be, and the rights of
//! each listener, looked up once for all of its streams.
//!
//! Decides how many places one token, one workspace and the process have, and how old a look at
//! somebody's rights may be. It must not know what is streamed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use uuid::Uuid;

use crate::call::Call;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::shared_answer::SharedAnswer;

/// Places of one token or user.
const OF_ACTOR: usize = 64;
/// Places of one workspace.
const OF_WORKSPACE: usize = 512;
/// Places of the process.
const OF_PROCESS: usize = 4_096;
/// How old the rights may be by which a stream goes on. With the longest time between two looks of
/// a stream this stays under the five seconds that are promised.
const RIGHTS_GOOD_FOR: Duration = Duration::from_millis(1_500);
/// When somebody without a place may ask again.
const ASK_AGAIN: u64 = 5;

/// `None`: the rights are gone, or could not be looked up.
type Rights = SharedAnswer<Option<Caller>>;

/// All places of the process.
#[derive(Clone, Default)]
pub struct Streams(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    all: usize,
    actors: HashMap<Uuid, usize>,
    workspaces: HashMap<Uuid, usize>,
    rights: HashMap<Uuid, Weak<Rights>>,
}

/// One place, given back when dropped.
pub struct Place {
    streams: Streams,
    actor: Uuid,
    workspace: Uuid,
    /// The API token, if it is one.
    key: Option<Uuid>,
    rights: Arc<Rights>,
}

impl Place {
    /// The caller as the rows said a moment ago; `None`: not allowed any more.
    pub async fn caller(&self, call: &Call) -> Option<Caller> {
        let look = async { call.in_workspace().await.ok() };
        self.rights.get(look).await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self
            .streams
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        leave(&mut taken.actors, self.actor);
        leave(&mut taken.workspaces, self.workspace);
        if let Some(key) = self.key
            && Arc::strong_count(&self.rights) == 1
        {
            taken.rights.remove(&key);
        }
    }
}

fn leave(places: &mut HashMap<Uuid, usize>, owner: Uuid) {
    if let Some(held) = places.get_mut(&owner) {
        *held -= 1;
        if *held == 0 {
            places.remove(&owner);
        }
    }
}

impl Call {
    /// A place for a stream or a held answer of this caller: 429 when there are too many.
    pub fn place(&self, caller: &Caller) -> Result<Place, Problem> {
        let streams = &self.state.streams;
        let actor = caller
            .token_id
            .unwrap_or_else(|| Uuid::new_v5(&caller.workspace_id, caller.user_id.as_bytes()));
        let workspace = caller.workspace_id;
        let mut taken = streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held =
            |places: &HashMap<Uuid, usize>, owner| places.get(&owner).copied().unwrap_or_default();
        let full = if held(&taken.actors, actor) >= OF_ACTOR {
            Some("This token has as many event streams and held answers open as it may.")
        } else if held(&taken.workspaces, workspace) >= OF_WORKSPACE {
            Some("This workspace has as many event streams and held answers open as it may.")
        } else if taken.all >= OF_PROCESS {
            Some("The service has as many event streams and held answers open as it can hold.")
        } else {
            None
        };
        if let Some(detail) = full {
            return Err(Problem::too_many(detail, ASK_AGAIN));
        }
        taken.all += 1;
        *taken.actors.entry(actor).or_default() += 1;
        *taken.workspaces.entry(workspace).or_default() += 1;
        // Rights belong to the credential: two of one user may differ. An access token has an end of
        // its own, so only an API token's streams share.
        let key = caller.token_id;
        let shared = key.and_then(|key| taken.rights.get(&key).and_then(Weak::upgrade));
        let rights = shared.unwrap_or_else(|| Arc::new(Rights::new(RIGHTS_GOOD_FOR)));
        if let Some(key) = key {
            taken.rights.insert(key, Arc::downgrade(&rights));
        }
        drop(taken);
        Ok(Place {
            streams: streams.clone(),
            actor,
            workspace,
            key,
            rights,
        })
    }
}
