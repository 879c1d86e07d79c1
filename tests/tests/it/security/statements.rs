//! What the database was asked, from the server's own log: the order and the text of the
//! statements, not just their number.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use diesel::prelude::*;
use diesel::sql_types::Text;
use store::dev_cluster::TestDatabase;

#[derive(QueryableByName)]
struct OneText {
    #[diesel(sql_type = Text)]
    value: String,
}

/// Begins the question for the marks of tokens, which the API asks every minute on its own.
const MARKS: &str = "SELECT \"api_tokens\".\"token_hash\", \"api_tokens\".\"workspace_id\" FROM";

fn query(conn: &mut PgConnection, statement: &str) -> Result<String> {
    Ok(diesel::sql_query(statement)
        .get_result::<OneText>(conn)?
        .value)
}

/// The statements of one database of a private server.
pub struct Statements {
    log: PathBuf,
    marker: String,
}

impl Statements {
    /// Switches the log on for every connection opened from now on.
    pub fn record(database: &TestDatabase) -> Result<Self> {
        let mut conn = PgConnection::establish(database.url())?;
        let name = query(&mut conn, "SELECT current_database()::text AS value")?;
        let data = query(
            &mut conn,
            "SELECT current_setting('data_directory') AS value",
        )?;
        for statement in [
            "ALTER SYSTEM SET log_line_prefix = '@%d@%b@'".to_owned(),
            format!("ALTER DATABASE {name} SET log_statement = 'all'"),
            // The keeper's server keeps one file; without parameters the lines stay comparable.
            format!("ALTER DATABASE {name} SET log_parameter_max_length = 0"),
        ] {
            diesel::sql_query(statement).execute(&mut conn)?;
        }
        query(&mut conn, "SELECT pg_reload_conf()::text AS value")?;
        let log = PathBuf::from(data)
            .parent()
            .context("the server's folder")?
            .join("server.log");
        Ok(Self {
            log,
            marker: format!("@{name}@client backend@"),
        })
    }

    /// Where the log ends now.
    pub fn position(&self) -> Result<u64> {
        Ok(std::fs::metadata(&self.log)?.len())
    }

    /// The statements since a position. Those a connection pool or a listener makes on its own are
    /// left out.
    pub fn since(&self, position: u64) -> Result<Vec<String>> {
        // The answer may arrive before the last statement of its transaction is on disk.
        std::thread::sleep(Duration::from_millis(3));
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(position))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let statements = text
            .split("\n@")
            .map(|line| format!("@{}", line.trim_start_matches('@')))
            .filter_map(|line| line.strip_prefix(&self.marker).map(str::to_owned))
            .filter_map(|line| statement(&line))
            .filter(|text| text != "SELECT 1" && !text.starts_with(MARKS))
            .collect();
        Ok(statements)
    }
}

/// `LOG:  execute <name>: TEXT` or `LOG:  statement: TEXT`.
fn statement(line: &str) -> Option<String> {
    let rest = line.strip_prefix("LOG:")?.trim_start();
    let rest = rest.strip_prefix("statement: ").or_else(|| {
        rest.strip_prefix("execute ")?
            .split_once(": ")
            .map(|(_, text)| text)
    })?;
    Some(rest.trim().to_owned())
}
