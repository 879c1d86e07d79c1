//! What the database itself saw: which process claimed a run with which fencing number, and which
//! process recorded under it. A record by any process but the claimer is a stale one.

use anyhow::Result;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use promotion_tests::stack::Stack;

use crate::field::database;

/// Workers connect as `worker-{number}`, in a role that may not write here: the functions may.
/// A run that workers gave up is ended by whoever sweeps.
const WITNESS: &str = "
CREATE TABLE campaign_claims (run uuid, fence bigint, worker text,
    at timestamptz DEFAULT clock_timestamp());
CREATE TABLE campaign_records (run uuid, fence bigint, worker text,
    at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION campaign_claim() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO campaign_claims (run, fence, worker)
        VALUES (NEW.id, NEW.fence, current_setting('application_name'));
    RETURN NEW;
END $$;
CREATE TRIGGER campaign_claim AFTER UPDATE ON operation_runs FOR EACH ROW
    WHEN (NEW.fence > OLD.fence AND NEW.status = 'running') EXECUTE FUNCTION campaign_claim();
CREATE FUNCTION campaign_record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO campaign_records (run, fence, worker)
        SELECT id, fence, current_setting('application_name')
        FROM operation_runs WHERE id = NEW.operation_run_id;
    RETURN NEW;
END $$;
CREATE TRIGGER campaign_record AFTER UPDATE ON operation_run_items FOR EACH ROW
    WHEN (NEW.reason_code IS DISTINCT FROM 'worker_gave_up') EXECUTE FUNCTION campaign_record();";

/// Records by a process that had not claimed the run with the number that stood.
const STALE: &str = "SELECT count(*) AS number FROM campaign_records r
    LEFT JOIN campaign_claims c USING (run, fence)
    WHERE run = $1::uuid AND r.worker IS DISTINCT FROM c.worker";
const RECORDS: &str = "SELECT count(*) AS number FROM campaign_records WHERE run = $1::uuid";
const HOLDERS: &str =
    "SELECT count(DISTINCT worker) AS number FROM campaign_records WHERE run = $1::uuid";

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// What a run's records tell.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Records in all.
    pub records: i64,
    /// Records of a stale holder.
    pub stale: i64,
    /// Processes that recorded.
    pub holders: i64,
}

/// Begins to watch an installation.
pub fn watch(stack: &Stack) -> Result<()> {
    Ok(database(stack)?.batch_execute(WITNESS)?)
}

/// A number about a run.
pub fn number(stack: &Stack, query: &str, run: &str) -> Result<i64> {
    let found: Number = diesel::sql_query(query)
        .bind::<Text, _>(run)
        .get_result(&mut database(stack)?)?;
    Ok(found.number)
}

/// What was seen of a run.
pub fn seen(stack: &Stack, run: &str) -> Result<Seen> {
    Ok(Seen {
        records: number(stack, RECORDS, run)?,
        stale: number(stack, STALE, run)?,
        holders: number(stack, HOLDERS, run)?,
    })
}
