//! A private PostgreSQL for demos and tests. Decides where the binaries are and who runs them;
//! must never be used for data that matters: durability is switched off and the folder deleted.
//!
//! A keeper process stands between us and the server. It ends the server and deletes the folder
//! when its standard input closes, and that happens however this process ends.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use diesel::prelude::*;

use crate::error::StoreError;

mod test_database;

use test_database::as_role;
pub use test_database::{TEST_SERVER, TestDatabase, migrate_with_roles};

const START_TIMEOUT: Duration = Duration::from_secs(30);
const PORT_ATTEMPTS: u32 = 5;
/// Runs the server beside itself; restarts it at every line of its input, which names the signal;
/// at the end of its input stops the server at once and removes the folder.
const KEEPER: &str = r#"folder="$1"; shift; "$@" & server=$!
while read -r how; do kill -"$how" $server; wait $server; "$@" & server=$!; done
kill -QUIT $server; wait $server; rm -rf "$folder""#;

/// Why there is no private PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum DevClusterError {
    /// No server binaries on this machine.
    #[error(
        "no PostgreSQL server found in PATH or /usr/lib/postgresql: \
         install one (Debian, Ubuntu: apt-get install postgresql) or set DATABASE_URL"
    )]
    NotInstalled,
    /// Root may not run the server and nobody else is at hand.
    #[error("PostgreSQL does not run as root, and there is no user postgres or nobody")]
    NoUser,
    /// A step of the preparation failed.
    #[error("{step} failed: {output}")]
    Step {
        /// What was tried.
        step: &'static str,
        /// What it said.
        output: String,
    },
    /// Files or processes could not be handled.
    #[error("cannot {0}")]
    Io(&'static str, #[source] std::io::Error),
    /// The server runs, the database does not do what is asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A running private server. Stops and vanishes when dropped, or when this process ends.
#[derive(Debug)]
pub struct DevCluster {
    port: u16,
    password: String,
    input: Option<ChildStdin>,
    keeper: Child,
}

impl DevCluster {
    /// Starts a server on a free port of the loopback interface, in a temporary folder. Takes
    /// about two seconds and blocks the thread.
    pub fn start() -> Result<Self, DevClusterError> {
        Self::start_with(&["synchronous_commit=off", "max_connections=300"])
    }

    /// A server whose commits outlive its own crash, with room for so many connections.
    pub fn start_lasting(connections: u32) -> Result<Self, DevClusterError> {
        let room = format!("max_connections={connections}");
        Self::start_with(&["synchronous_commit=on", &room])
    }

    /// A server for the test processes of a whole suite: it is named to them by
    /// [`TEST_SERVER`], and each takes databases from it instead of starting a server of its own.
    pub fn start_for_tests() -> Result<Self, DevClusterError> {
        Self::start_with(&["synchronous_commit=off", "max_connections=1000"])
    }

    /// Ends the server (in good order, or as a crash would) and starts it again on the same port.
    /// Returns when it answers. Blocks.
    pub fn restart(&mut self, crash: bool) -> Result<(), DevClusterError> {
        let before = self.started_at();
        let input = self.input.as_mut().ok_or(DevClusterError::NotInstalled)?;
        writeln!(input, "{}", if crash { "QUIT" } else { "INT" })
            .map_err(|error| DevClusterError::Io("reach the server's keeper", error))?;
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let now = self.started_at();
            if now.is_some() && now != before {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(DevClusterError::Step {
                    step: "restarting PostgreSQL",
                    output: "it does not answer".to_owned(),
                });
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// When the server began, if it answers.
    fn started_at(&self) -> Option<String> {
        #[derive(QueryableByName)]
        struct Began {
            #[diesel(sql_type = diesel::sql_types::Text)]
            began: String,
        }
        let mut conn = PgConnection::establish(&self.url()).ok()?;
        let query = "SELECT pg_postmaster_start_time()::text AS began";
        let found: Began = diesel::sql_query(query).get_result(&mut conn).ok()?;
        Some(found.began)
    }

    fn start_with(settings: &[&str]) -> Result<Self, DevClusterError> {
        let binaries = find_binaries().ok_or(DevClusterError::NotInstalled)?;
        let folder = tempfile::Builder::new()
            .prefix("promotion-postgres-")
            .tempdir()
            .map_err(|error| DevClusterError::Io("make a temporary folder", error))?;
        let user = user_for(folder.path())?;
        let password = format!("{:032x}", rand::random::<u128>());
        initialise(&binaries, folder.path(), user, &password)?;
        let mut attempt = 1;
        loop {
            let port = free_port()?;
            match Self::launch(&binaries, folder.path(), user, port, &password, settings) {
                Ok(cluster) => {
                    // From here on the keeper removes the folder.
                    let _ = folder.keep();
                    return Ok(cluster);
                }
                Err(_) if attempt < PORT_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// URL of the cluster's first database.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// URL of another database of the cluster.
    pub fn url_of(&self, database: &str) -> String {
        format!(
            "postgres://postgres:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// URL of a database as one of the roles of [`crate::roles`], once they are made.
    pub fn url_as(&self, role: &str, database: &str) -> String {
        as_role(&self.url_of(database), role)
    }

    fn launch(
        binaries: &Path,
        folder: &Path,
        user: Option<(u32, u32)>,
        port: u16,
        password: &str,
        settings: &[&str],
    ) -> Result<Self, DevClusterError> {
        let log = std::fs::File::create(folder.join("server.log"))
            .map_err(|error| DevClusterError::Io("write the server's log", error))?;
        let copy = log
            .try_clone()
            .map_err(|error| DevClusterError::Io("write the server's log", error))?;
        let mut command = Command::new("sh");
        command
            .args(["-c", KEEPER, "keeper"])
            .arg(folder)
            .arg(binaries.join("postgres"))
            .arg("-D")
            .arg(folder.join("data"))
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"])
            .arg(folder)
            .args(
                ["fsync=off", "full_page_writes=off"]
                    .iter()
                    .chain(settings)
                    .flat_map(|setting| ["-c", setting]),
            )
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(copy)
            // Its own group: an interrupt typed at the terminal is not for the server.
            .process_group(0);
        run_as(&mut command, user);
        let mut keeper = command
            .spawn()
            .map_err(|error| DevClusterError::Io("start the server", error))?;
        let cluster = Self {
            port,
            password: password.to_owned(),
            input: keeper.stdin.take(),
            keeper,
        };
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if PgConnection::establish(&cluster.url()).is_ok() {
                return Ok(cluster);
            }
            let said = read_text(&folder.join("server.log"));
            if said.contains("FATAL:  could not") || Instant::now() > deadline {
                return Err(DevClusterError::Step {
                    step: "starting PostgreSQL",
                    output: said,
                });
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

impl Drop for DevCluster {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.keeper.wait();
    }
}

/// The folder with `initdb` and `postgres`: PATH first, then Debian's folders, newest first.
fn find_binaries() -> Option<PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let complete = |folder: &PathBuf| {
                ["initdb", "postgres"]
                    .iter()
                    .all(|name| folder.join(name).is_file())
            };
            let path = std::env::var_os("PATH").unwrap_or_default();
            let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path())
                .collect();
            versions.sort_by_key(|folder| std::cmp::Reverse(version_of(folder)));
            std::env::split_paths(&path)
                .chain(versions.into_iter().map(|folder| folder.join("bin")))
                .find(complete)
        })
        .clone()
}

fn version_of(folder: &Path) -> u32 {
    folder
        .file_name()
        .and_then(OsStr::to_str)
        .and_then(|name| name.parse().ok())
        .unwrap_or(0)
}

/// Whom the server runs as when we are root: the folder becomes theirs. `None` = ourselves.
fn user_for(folder: &Path) -> Result<Option<(u32, u32)>, DevClusterError> {
    let ours = std::fs::metadata(folder)
        .map_err(|error| DevClusterError::Io("look at the temporary folder", error))?
        .uid();
    if ours != 0 {
        return Ok(None);
    }
    let accounts = read_text(Path::new("/etc/passwd"));
    let (user, group) = ["postgres", "nobody"]
        .iter()
        .find_map(|name| find_account(&accounts, name))
        .ok_or(DevClusterError::NoUser)?;
    chown(folder, Some(user), Some(group))
        .map_err(|error| DevClusterError::Io("hand the temporary folder over", error))?;
    Ok(Some((user, group)))
}

/// User and group id of an account in the text of `/etc/passwd`.
fn find_account(accounts: &str, name: &str) -> Option<(u32, u32)> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let user = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        Some((user, group))
    })
}

/// Drops root, supplementary groups included (the standard library clears them with the uid).
fn run_as(command: &mut Command, user: Option<(u32, u32)>) {
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
}

fn initialise(
    binaries: &Path,
    folder: &Path,
    user: Option<(u32, u32)>,
    password: &str,
) -> Result<(), DevClusterError> {
    let io = |error| DevClusterError::Io("run initdb", error);
    // In the private folder, readable by its owner alone, gone when the folder goes.
    let password_file = folder.join("password");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&password_file)
        .map_err(io)?;
    writeln!(file, "{password}").map_err(io)?;
    if let Some((uid, gid)) = user {
        chown(&password_file, Some(uid), Some(gid)).map_err(io)?;
    }
    // Letter case beyond ASCII needs a UTF-8 locale; not every system has this one.
    let mut said = String::new();
    for locale in ["C.UTF-8", "C"] {
        let mut command = Command::new(binaries.join("initdb"));
        command
            .arg("-D")
            .arg(folder.join("data"))
            .args(["-U", "postgres", "-A", "scram-sha-256", "--no-sync"])
            .args(["-E", "UTF8", "--locale", locale, "--pwfile"])
            .arg(&password_file)
            .current_dir("/")
            .stdin(Stdio::null());
        run_as(&mut command, user);
        let output = command.output().map_err(io)?;
        if output.status.success() {
            return Ok(());
        }
        said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !said.contains("locale") {
            break;
        }
    }
    Err(DevClusterError::Step {
        step: "initdb",
        output: said,
    })
}

fn free_port() -> Result<u16, DevClusterError> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| DevClusterError::Io("find a free port", error))
}

fn read_text(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = std::fs::File::open(path) {
        let _ = file.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::find_account;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let text = "root:x:0:0:root:/root:/bin/sh\npostgresql:x:9:9::/:\npostgres:x:105:109::/:\n";
        assert_eq!(find_account(text, "postgres"), Some((105, 109)));
        assert_eq!(find_account(text, "nobody"), None);
    }
}
