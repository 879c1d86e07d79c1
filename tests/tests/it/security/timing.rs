//! Whether the time of an answer tells the invisible from the unknown. Long, and only worth
//! something on a quiet machine: `cargo test -p promotion-tests --test it -- --ignored timing`.

use std::time::Instant;

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::security::actors::Cast;
use crate::security::installation::Installation;
use crate::security::operations::Ids;

const PAIRS: usize = 5_000;
/// Of the slowest answers: the scheduler's doing.
const CUT: f64 = 0.05;
/// |t| beyond this would be noticed by nobody but chance once in a hundred thousand runs.
const LIMIT: f64 = 4.5;

struct Sample {
    mean: f64,
    /// Variance of the mean.
    error: f64,
}

impl Sample {
    fn of(mut micros: Vec<f64>) -> Self {
        micros.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a few thousand values"
        )]
        let kept = (micros.len() as f64 * (1.0 - CUT)) as usize;
        micros.truncate(kept);
        #[expect(clippy::cast_precision_loss, reason = "a few thousand values")]
        let count = micros.len() as f64;
        let mean = micros.iter().sum::<f64>() / count;
        let squares: f64 = micros.iter().map(|value| (value - mean).powi(2)).sum();
        Self {
            mean,
            error: squares / (count - 1.0) / count,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long, and worth something on a quiet machine only: .ci/long runs it"]
async fn timing_tells_nothing_of_the_invisible() -> Result<()> {
    let installation = Installation::start("warn", |_| Ok(())).await?;
    let mut cast = Cast::assemble(installation).await?;
    if let Some(mut worker) = cast.installation.processes.pop() {
        worker.kill();
    }
    let actor = cast.actor("another tenant's operator").token.clone();
    let token = actor.unwrap_or_default();
    let client = reqwest::Client::new();
    let mut random = StdRng::seed_from_u64(404);
    for path in [
        "/v1/workspaces/{workspace_id}/tenants/{tenant_id}",
        "/v1/workspaces/{workspace_id}/operation-runs/{operation_run_id}",
    ] {
        let (mut invisible, mut unknown) = (Vec::new(), Vec::new());
        for round in 0..PAIRS + 200 {
            let none = Ids::unknown(&cast.ids.workspace);
            let mut pair = [(true, cast.ids.fill(path)), (false, none.fill(path))];
            if random.random() {
                pair.reverse();
            }
            for (hidden, path) in pair {
                let url = format!("{}{path}", cast.installation.owner.url);
                let request = client.get(url).bearer_auth(&token).build()?;
                let begun = Instant::now();
                let answer = client.execute(request).await?;
                let status = answer.status();
                answer.bytes().await?;
                let micros = begun.elapsed().as_secs_f64() * 1e6;
                ensure!(status == 404, "{status}");
                // The first ones warm up the pool.
                if round >= 200 {
                    let sample = if hidden { &mut invisible } else { &mut unknown };
                    sample.push(micros);
                }
            }
        }
        let (left, right) = (Sample::of(invisible), Sample::of(unknown));
        let welch = (left.mean - right.mean) / (left.error + right.error).sqrt();
        eprintln!(
            "timing: {PAIRS} pairs of {path}: {:.1} and {:.1} microseconds, t = {welch:.2}",
            left.mean, right.mean
        );
        assert!(welch.abs() < LIMIT, "t = {welch:.2} for {path}");
    }
    Ok(())
}
