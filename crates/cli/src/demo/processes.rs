//! Child processes of the demo: this binary again, with an environment of their own, gone when
//! dropped.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::arguments::ProcessName;
use crate::ending::Failure;

/// How long a process may take to be ready.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// A running child.
#[derive(Debug)]
pub(crate) struct Process {
    name: ProcessName,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a child with exactly this environment (and `PATH`); it logs to a file in `folder`.
    pub(crate) fn start(
        name: ProcessName,
        arguments: &[String],
        environment: &[(&str, String)],
        folder: &Path,
    ) -> Result<Self, Failure> {
        let log = folder.join(format!("{}.log", name.as_str()));
        let path = crate::environment::optional("PATH")?.unwrap_or_default();
        let child = Command::new(std::env::current_exe()?)
            .args(["__process", name.as_str()])
            .args(arguments)
            .env_clear()
            .env("PATH", path)
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            // The child ends when this pipe closes, however we end.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            // Ctrl-c is ours to handle, in order.
            .process_group(0)
            .spawn()?;
        Ok(Self { name, child, log })
    }

    /// The first line it prints.
    pub(crate) fn first_line(&mut self) -> Result<String, Failure> {
        let Some(stdout) = self.child.stdout.take() else {
            return Err(self.broken("its output was read already"));
        };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let line = line.trim().to_owned();
        if line.is_empty() {
            return Err(self.broken("it ended before it was ready"));
        }
        Ok(line)
    }

    /// Waits until `ready` says so, or the process ends.
    pub(crate) fn wait_until(&mut self, mut ready: impl FnMut() -> bool) -> Result<(), Failure> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if ready() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(self.broken(&format!("it ended with {status}")));
            }
            if Instant::now() > deadline {
                return Err(self.broken("it is not ready after a minute"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn broken(&self, why: &str) -> Failure {
        Failure::Demo(format!("{}: {why}\n{}", self.name.as_str(), self.log_end()))
    }

    /// The end of its log.
    pub(crate) fn log_end(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(15);
        let end = lines.get(from..).unwrap_or_default().join("\n");
        format!("--- {}\n{end}", self.log.display())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Closing its input ends it in order; the kill is for one that hangs.
        drop(self.child.stdin.take());
        for _ in 0..40 {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(25)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
