//! `promotionctl demo`: a whole promotion in one command, nothing of it a stub. PostgreSQL, the
//! simulated Microsoft Graph, API and worker run as processes of their own; every step goes through
//! the API. Exit code 0 says that every ready subject landed and was verified.

mod graph;
mod installation;
mod narrator;
mod processes;
mod report;
mod story;

use crate::arguments::DemoArguments;
use crate::demo::installation::Installation;
use crate::demo::narrator::Narrator;
use crate::ending::{Ending, Failure};
use crate::show;

/// Runs the demo to its end, or with `--keep` until ctrl-c.
pub(crate) fn demo(arguments: &DemoArguments) -> Result<Ending, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let narrator = Narrator::new(arguments.json);
    let prepared = runtime.block_on(interruptible(async {
        let arguments = arguments.clone();
        tokio::task::spawn_blocking(move || Installation::prepare(&arguments, narrator))
            .await
            .map_err(|error| Failure::Demo(format!("the set-up broke: {error}")))?
    }));
    let mut installation = prepared?;
    let told = runtime.block_on(interruptible(story::tell(
        &mut installation,
        arguments,
        narrator,
    )));
    let ending = match told {
        Ok(ending) => ending,
        Err(Failure::Interrupted) => return Err(Failure::Interrupted),
        Err(failure) => {
            show::note(&installation.last_words());
            installation.keep_logs();
            return Err(failure);
        }
    };
    if ending != Ending::Done {
        installation.keep_logs();
    }
    if arguments.keep {
        narrator.line("\nEverything stays up until ctrl-c.");
        installation.say_logs();
        runtime.block_on(interrupted())?;
    }
    Ok(ending)
}

/// The work, or a failure as soon as somebody presses ctrl-c or sends SIGTERM.
async fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        signal = interrupted() => {
            signal?;
            Err(Failure::Interrupted)
        }
    }
}

async fn interrupted() -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}
