//! One answer for all who ask at the same time, and for a moment after.
//!
//! Decides when an answer is made anew. It must not know what is asked.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

/// The last answer. A failed one is an answer, too.
pub struct SharedAnswer<T> {
    last: Mutex<Option<(Instant, T)>>,
    good_for: Duration,
}

impl<T: Clone> SharedAnswer<T> {
    /// Answers are good for so long.
    pub fn new(good_for: Duration) -> Self {
        Self {
            last: Mutex::new(None),
            good_for,
        }
    }

    /// The answer: the last one while it is good, or one made now. An answer's age counts from when
    /// it was asked for. Of those who ask at the same time one makes it and the others wait.
    pub async fn get(&self, make: impl Future<Output = T>) -> T {
        let mut last = self.last.lock().await;
        if let Some((asked, answer)) = last.as_ref()
            && asked.elapsed() < self.good_for
        {
            return answer.clone();
        }
        let asked = Instant::now();
        let answer = make.await;
        *last = Some((asked, answer.clone()));
        answer
    }
}
