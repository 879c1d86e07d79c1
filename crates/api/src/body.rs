//! Reads bodies within what the process can hold: for those who are known, a chunk at a time.
//!
//! Decides how much memory bodies take together and of one owner, and how long a client may take.
//! It must not judge content.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::{Bytes, BytesMut};
use futures::StreamExt;
use uuid::Uuid;

use crate::problem::Problem;

/// The largest body that is accepted.
pub const MAX_BODY: usize = 1024 * 1024;
/// What is read and thrown away of a larger one before the answer.
const MAX_DISCARDED: usize = 16 * MAX_BODY;
/// How long a client may take to send its body.
const BODY_TIME: Duration = Duration::from_secs(20);
/// The longest silence within a body.
const SILENCE: Duration = Duration::from_secs(5);
/// How long the body of somebody unknown is read and thrown away, so that an early refusal does not
/// meet a client that is still writing.
const DISCARD_TIME: Duration = Duration::from_secs(2);
/// Bytes of all bodies that are held at a time.
const ALL: usize = 64 * MAX_BODY;
/// Of them those of one workspace.
const EACH: usize = 16 * MAX_BODY;

/// Why there is no body to read.
#[derive(Clone, Copy, Debug)]
pub enum BodyFault {
    /// Larger than is accepted.
    TooLarge,
    /// It ended early.
    Broken,
    /// It took too long.
    TooSlow,
    /// The workspace sends too much at a time.
    OwnBusy,
    /// All together send too much at a time.
    Busy,
}

impl From<BodyFault> for Problem {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::payload_too_large(),
            BodyFault::Broken => Self::malformed("The body ended early.").closing(),
            BodyFault::TooSlow => Self::malformed("The body took too long.").closing(),
            BodyFault::OwnBusy => Self::rate_limited(1).closing(),
            BodyFault::Busy => Self::overloaded().closing(),
        }
    }
}

/// The bytes of bodies that the process holds.
#[derive(Clone, Default)]
pub struct BodyBudget(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    all: usize,
    each: HashMap<Uuid, usize>,
}

/// A body's part of the budget, given back when dropped.
pub struct BodyShare {
    budget: BodyBudget,
    owner: Uuid,
    bytes: usize,
}

impl BodyShare {
    fn grow(&mut self, bytes: usize) -> Result<(), BodyFault> {
        let mut held = self.budget.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.all + bytes > ALL {
            return Err(BodyFault::Busy);
        }
        let own = held.each.entry(self.owner).or_default();
        if *own + bytes > EACH {
            return Err(BodyFault::OwnBusy);
        }
        *own += bytes;
        held.all += bytes;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for BodyShare {
    fn drop(&mut self) {
        let mut held = self.budget.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.all = held.all.saturating_sub(self.bytes);
        if let Some(own) = held.each.get_mut(&self.owner) {
            *own = own.saturating_sub(self.bytes);
            if *own == 0 {
                held.each.remove(&self.owner);
            }
        }
    }
}

/// A body and what it takes of the budget.
pub struct Body {
    /// Its bytes.
    pub bytes: Result<Bytes, BodyFault>,
    _share: Option<BodyShare>,
}

impl Body {
    /// No bytes.
    pub fn none() -> Self {
        Self {
            bytes: Ok(Bytes::new()),
            _share: None,
        }
    }

    /// Reads a body of this owner to its end.
    pub async fn read(payload: &mut Payload, budget: &BodyBudget, owner: Uuid) -> Self {
        let mut share = BodyShare {
            budget: budget.clone(),
            owner,
            bytes: 0,
        };
        let reading = collect(payload, &mut share);
        let bytes = tokio::time::timeout(BODY_TIME, reading)
            .await
            .unwrap_or(Err(BodyFault::TooSlow));
        let kept = bytes.is_ok();
        Self {
            bytes,
            _share: kept.then_some(share),
        }
    }
}

async fn collect(payload: &mut Payload, share: &mut BodyShare) -> Result<Bytes, BodyFault> {
    let mut body = BytesMut::new();
    let mut seen = 0_usize;
    loop {
        let next = tokio::time::timeout(SILENCE, payload.next()).await;
        let chunk = match next {
            Err(_) => return Err(BodyFault::TooSlow),
            Ok(None) => break,
            Ok(Some(chunk)) => chunk.map_err(|_| BodyFault::Broken)?,
        };
        seen = seen.saturating_add(chunk.len());
        if seen > MAX_DISCARDED {
            return Err(BodyFault::TooLarge);
        }
        if seen <= MAX_BODY {
            share.grow(chunk.len())?;
            body.extend_from_slice(&chunk);
        } else {
            body = BytesMut::new();
        }
    }
    if seen > MAX_BODY {
        return Err(BodyFault::TooLarge);
    }
    Ok(body.freeze())
}

/// Reads on for a moment and keeps nothing.
pub async fn discard(payload: &mut Payload) {
    let reading = async {
        let mut seen = 0_usize;
        while let Some(Ok(chunk)) = payload.next().await {
            seen = seen.saturating_add(chunk.len());
            if seen > MAX_BODY {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DISCARD_TIME, reading).await;
}
