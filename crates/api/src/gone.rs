//! Lets work on a blocking thread notice that nobody waits for its answer any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store::StoreError;

/// What the work looks at between its steps.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<AtomicBool>);

/// Held by whoever waits; its drop tells the work.
#[derive(Debug)]
pub struct Waiting(Watch);

impl Watch {
    /// To be held while the answer is wanted.
    pub fn waiting(&self) -> Waiting {
        Waiting(self.clone())
    }

    /// Fails when nobody waits any more.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.0.load(Ordering::Relaxed) {
            return Err(StoreError::Cancelled("nobody waits for the answer".into()));
        }
        Ok(())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}
