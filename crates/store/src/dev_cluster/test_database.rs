//! A migrated database for each test, cloned from a template on a server that tests share. Decides
//! which server that is and who makes the template; tests only.

use std::sync::{Mutex, PoisonError};

use diesel::prelude::*;

use super::{DevCluster, DevClusterError};
use crate::error::StoreError;

/// The environment variable with the URL of a running server that test processes share, as a
/// superuser. Unset: each test process starts a private server of its own.
pub const TEST_SERVER: &str = "TEST_POSTGRES_URL";

/// A migrated database of its own for one test, cloned from a template. All tests of a process
/// share one server, and all processes the one that [`TEST_SERVER`] names. Dropped with the value.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    name: String,
}

impl TestDatabase {
    /// Clones the template; the first call of a server makes and migrates it. Blocks.
    pub fn create() -> Result<Self, DevClusterError> {
        Self::clone_of(TEMPLATE)
    }

    /// An empty database without our tables, for tests of the migrations.
    pub fn create_empty() -> Result<Self, DevClusterError> {
        Self::clone_of("template0")
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn clone_of(template: &str) -> Result<Self, DevClusterError> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.is_none() {
            *shared = Some(SharedServer::open()?);
        }
        let Some(server) = shared.as_mut() else {
            return Err(DevClusterError::NotInstalled);
        };
        let name = format!("test_{:032x}", rand::random::<u128>());
        server.execute(&format!("CREATE DATABASE {name} TEMPLATE {template}"))?;
        Ok(Self {
            url: server.url_of(&name),
            name,
        })
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.as_mut() {
            let _ = server.execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        }
    }
}

const TEMPLATE: &str = "promotion_template";
/// Held while a process looks for the template or makes it.
const TEMPLATE_LOCK: i64 = 0x7072_6f6d_6f74_6573;
/// The process's server. Never dropped: the keeper ends it with the process.
static SHARED: Mutex<Option<SharedServer>> = Mutex::new(None);

struct SharedServer {
    url: String,
    conn: PgConnection,
    _own: Option<DevCluster>,
}

impl SharedServer {
    /// The server of the environment, or a new one.
    fn open() -> Result<Self, DevClusterError> {
        let (url, own) = if let Ok(url) = std::env::var(TEST_SERVER) {
            (url, None)
        } else {
            let cluster = DevCluster::start()?;
            (cluster.url(), Some(cluster))
        };
        let conn = PgConnection::establish(&url).map_err(StoreError::from)?;
        let mut server = Self {
            url,
            conn,
            _own: own,
        };
        server.execute(&format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})"))?;
        let made = server.make_template();
        server.execute(&format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})"))?;
        made.map(|()| server)
    }

    /// Makes the template under another name first: what a killed process left is no template.
    fn make_template(&mut self) -> Result<(), DevClusterError> {
        let there: i64 = diesel::sql_query(format!(
            "SELECT count(*) AS number FROM pg_database WHERE datname = '{TEMPLATE}'"
        ))
        .get_result::<Number>(&mut self.conn)
        .map_err(StoreError::from)?
        .number;
        if there > 0 {
            return Ok(());
        }
        let unfinished = format!("{TEMPLATE}_unfinished");
        self.execute(&format!(
            "DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)"
        ))?;
        self.execute(&format!("CREATE DATABASE {unfinished} TEMPLATE template0"))?;
        crate::migrate::migrate(&self.url_of(&unfinished))?;
        // A forgotten session in the template would refuse every clone.
        self.execute(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{unfinished}'"
        ))?;
        self.execute(&format!("ALTER DATABASE {unfinished} RENAME TO {TEMPLATE}"))
    }

    /// The URL of another database of this server. The server's own has no query.
    fn url_of(&self, database: &str) -> String {
        let (server, _) = self.url.rsplit_once('/').unwrap_or((&self.url, ""));
        format!("{server}/{database}")
    }

    fn execute(&mut self, statement: &str) -> Result<(), DevClusterError> {
        diesel::sql_query(statement)
            .execute(&mut self.conn)
            .map_err(StoreError::from)?;
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    number: i64,
}
