//! What policies of a tenant can point to: groups, filters, scope tags and so on, by name. Built
//! for tenants with a hundred thousand groups.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::error::StoreError;
use crate::functions::{clock_timestamp, lower, strpos_nullable};
use crate::page::{AfterName, Page, one_more};
use crate::schema::tenant_references;

/// An object that policies point to.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = tenant_references, check_for_backend(diesel::pg::Pg))]
pub struct ReferenceRow {
    /// Our id.
    pub id: Uuid,
    /// The tenant.
    pub tenant_id: Uuid,
    /// `group`, `assignment_filter`, `scope_tag`, ...
    pub kind: String,
    /// Graph's id.
    pub external_id: String,
    /// `None`: a policy points to it, but the tenant does not list it.
    pub name: Option<String>,
    /// Tells two of the same name apart, or empty.
    pub discriminator: String,
    /// When it was last read.
    pub observed_at: DateTime<Utc>,
    /// When it was found missing.
    pub removed_at: Option<DateTime<Utc>>,
}

/// An object as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceCapture {
    /// Graph's id.
    pub external_id: String,
    /// Its name.
    pub name: String,
    /// Tells two of the same name apart, or empty.
    pub discriminator: String,
}

/// Rows per statement.
const BATCH: usize = 5000;

#[derive(QueryableByName)]
struct ExternalId {
    #[diesel(sql_type = Text)]
    external_id: String,
}

/// Stores objects of one kind. Returns the external ids that are new, renamed or back: policies
/// that point to them mean something else now. An older observation never replaces a newer one.
pub fn upsert_references(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
    kind: &str,
    references: &[ReferenceCapture],
    observed_at: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    // One statement may touch a row once only; Graph's pages may repeat an object.
    let distinct: BTreeMap<&str, &ReferenceCapture> = references
        .iter()
        .map(|reference| (reference.external_id.as_str(), reference))
        .collect();
    let distinct: Vec<&ReferenceCapture> = distinct.into_values().collect();
    let mut changed = Vec::new();
    for batch in distinct.chunks(BATCH) {
        let ids: Vec<Uuid> = batch.iter().map(|_| Uuid::now_v7()).collect();
        let external_ids: Vec<&str> = batch.iter().map(|r| r.external_id.as_str()).collect();
        let names: Vec<&str> = batch.iter().map(|r| r.name.as_str()).collect();
        let discriminators: Vec<&str> = batch.iter().map(|r| r.discriminator.as_str()).collect();
        let rows: Vec<ExternalId> = diesel::sql_query(UPSERT)
            .bind::<SqlUuid, _>(workspace_id)
            .bind::<SqlUuid, _>(tenant_id)
            .bind::<Text, _>(kind)
            .bind::<Timestamptz, _>(observed_at)
            .bind::<Array<SqlUuid>, _>(ids)
            .bind::<Array<Text>, _>(external_ids)
            .bind::<Array<Text>, _>(names)
            .bind::<Array<Text>, _>(discriminators)
            .load(conn)?;
        changed.extend(rows.into_iter().map(|row| row.external_id));
    }
    Ok(changed)
}

/// The part `before` sees the table as it was when the statement began.
const UPSERT: &str = "WITH new AS ( \
       SELECT * FROM unnest($5::uuid[], $6::text[], $7::text[], $8::text[]) \
         AS n(id, external_id, name, discriminator)), \
     before AS ( \
       SELECT t.external_id, t.name, t.discriminator, t.removed_at FROM tenant_references t \
       JOIN new ON new.external_id = t.external_id WHERE t.tenant_id = $2 AND t.kind = $3), \
     written AS ( \
       INSERT INTO tenant_references AS t \
         (id, workspace_id, tenant_id, kind, external_id, name, discriminator, observed_at) \
       SELECT id, $1, $2, $3, external_id, name, discriminator, $4 FROM new \
       ON CONFLICT (tenant_id, kind, external_id) DO UPDATE SET name = excluded.name, \
         discriminator = excluded.discriminator, observed_at = excluded.observed_at, \
         removed_at = NULL \
       WHERE t.observed_at <= excluded.observed_at \
       RETURNING t.external_id, t.name, t.discriminator) \
     SELECT w.external_id FROM written w LEFT JOIN before b ON b.external_id = w.external_id \
     WHERE b.external_id IS NULL OR b.removed_at IS NOT NULL OR b.name IS DISTINCT FROM w.name \
       OR b.discriminator <> w.discriminator ORDER BY w.external_id";

/// Notes objects that policies point to and the tenant has not listed: `(kind, external id)`.
/// Known ones stay as they are. Returns how many were new.
pub fn insert_dangling_references(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
    references: &[(String, String)],
    observed_at: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let mut inserted = 0;
    for batch in references.chunks(BATCH) {
        let ids: Vec<Uuid> = batch.iter().map(|_| Uuid::now_v7()).collect();
        let kinds: Vec<&str> = batch.iter().map(|(kind, _)| kind.as_str()).collect();
        let external_ids: Vec<&str> = batch.iter().map(|(_, id)| id.as_str()).collect();
        inserted += diesel::sql_query(
            "INSERT INTO tenant_references \
             (id, workspace_id, tenant_id, kind, external_id, observed_at) \
             SELECT n.id, $1, $2, n.kind, n.external_id, $3 \
             FROM unnest($4::uuid[], $5::text[], $6::text[]) AS n(id, kind, external_id) \
             ON CONFLICT (tenant_id, kind, external_id) DO NOTHING",
        )
        .bind::<SqlUuid, _>(workspace_id)
        .bind::<SqlUuid, _>(tenant_id)
        .bind::<Timestamptz, _>(observed_at)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Text>, _>(kinds)
        .bind::<Array<Text>, _>(external_ids)
        .execute(conn)?;
    }
    Ok(inserted)
}

/// Marks listed objects of a kind removed that a complete read, begun at `read_started_at`, did
/// not meet. Returns their external ids.
pub fn mark_references_removed(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    kind: &str,
    read_started_at: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    use tenant_references as table;
    Ok(diesel::update(
        table::table
            .filter(table::tenant_id.eq(tenant_id))
            .filter(table::kind.eq(kind))
            .filter(table::removed_at.is_null())
            .filter(table::name.is_not_null())
            .filter(table::observed_at.lt(read_started_at)),
    )
    .set(table::removed_at.eq(clock_timestamp().nullable()))
    .returning(table::external_id)
    .get_results(conn)?)
}

/// Which references to load together. Every member that is set narrows the choice.
#[derive(Clone, Debug, Default)]
pub struct ReferenceChoice {
    /// These kinds only.
    pub kinds: Option<Vec<String>>,
    /// These of Graph's ids only.
    pub external_ids: Option<Vec<String>>,
    /// These names only, in any letter case.
    pub names: Option<Vec<String>>,
    /// These of our ids only.
    pub ids: Option<Vec<Uuid>>,
}

#[derive(QueryableByName)]
struct ChosenRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    external_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Text)]
    discriminator: String,
    #[diesel(sql_type = Timestamptz)]
    observed_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    removed_at: Option<DateTime<Utc>>,
}

/// The references of a tenant that are not removed, as chosen; dangling ones included. By kind and
/// external id.
pub fn load_reference_catalog(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    choice: &ReferenceChoice,
) -> Result<Vec<ReferenceRow>, StoreError> {
    let rows: Vec<ChosenRow> = diesel::sql_query(
        "SELECT id, kind, external_id, name, discriminator, observed_at, removed_at \
         FROM tenant_references WHERE tenant_id = $1 AND removed_at IS NULL \
         AND ($2 IS NULL OR kind = ANY($2)) \
         AND ($3 IS NULL OR external_id = ANY($3)) \
         AND ($4 IS NULL OR lower(name) = ANY(SELECT lower(n) FROM unnest($4) n)) \
         AND ($5 IS NULL OR id = ANY($5)) ORDER BY kind, external_id",
    )
    .bind::<SqlUuid, _>(tenant_id)
    .bind::<Nullable<Array<Text>>, _>(&choice.kinds)
    .bind::<Nullable<Array<Text>>, _>(&choice.external_ids)
    .bind::<Nullable<Array<Text>>, _>(&choice.names)
    .bind::<Nullable<Array<SqlUuid>>, _>(&choice.ids)
    .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| ReferenceRow {
            id: row.id,
            tenant_id,
            kind: row.kind,
            external_id: row.external_id,
            name: row.name,
            discriminator: row.discriminator,
            observed_at: row.observed_at,
            removed_at: row.removed_at,
        })
        .collect())
}

/// References of a tenant that can be mapped to (listed, not removed), by name; `q` is looked for
/// inside the names in any letter case.
pub fn list_references(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
    kind: Option<&str>,
    q: Option<&str>,
    after: Option<&AfterName>,
    limit: u32,
) -> Result<Page<ReferenceRow>, StoreError> {
    use tenant_references as table;
    let mut query = table::table
        .filter(table::workspace_id.eq(workspace_id))
        .filter(table::tenant_id.eq(tenant_id))
        .filter(table::removed_at.is_null())
        .filter(table::name.is_not_null())
        .select(ReferenceRow::as_select())
        .order((lower(table::name), table::id))
        .limit(one_more(limit))
        .into_boxed();
    if let Some(kind) = kind {
        query = query.filter(table::kind.eq(kind));
    }
    if let Some(q) = q {
        query = query.filter(strpos_nullable(lower(table::name), lower(q)).gt(0));
    }
    if let Some(after) = after {
        let name = lower(Some(after.name.as_str()));
        query = query.filter(
            lower(table::name)
                .gt(name)
                .or(lower(table::name).eq(name).and(table::id.gt(after.id))),
        );
    }
    Ok(Page::cut(query.load(conn)?, limit))
}
