//! What policies of a tenant can point to: groups, filters, scope tags and so on, by name. Built
//! for tenants with a hundred thousand groups.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::functions::{clock_timestamp, lower};
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
    /// What a person may be found by besides the name: `{"display_name", "mail", "employee_id"}`.
    pub facts: Value,
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

/// Marks these objects removed, which a read begun at `read_started_at` asked for and the tenant
/// did not have. Returns those that were there before.
pub fn mark_references_gone(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    kind: &str,
    external_ids: &[String],
    read_started_at: DateTime<Utc>,
) -> Result<Vec<String>, StoreError> {
    use tenant_references as table;
    let ids: Vec<String> = external_ids.iter().map(|id| id.to_lowercase()).collect();
    Ok(diesel::update(
        table::table
            .filter(table::tenant_id.eq(tenant_id))
            .filter(table::kind.eq(kind))
            .filter(table::removed_at.is_null())
            .filter(table::name.is_not_null())
            .filter(table::observed_at.lt(read_started_at))
            .filter(lower(table::external_id).eq_any(ids)),
    )
    .set(table::removed_at.eq(clock_timestamp().nullable()))
    .returning(table::external_id)
    .get_results(conn)?)
}

/// Keeps what people of one kind are called besides their names, by Graph's id.
pub fn put_facts(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    kind: &str,
    facts: &[(String, Value)],
) -> Result<(), StoreError> {
    for batch in facts.chunks(BATCH) {
        let external_ids: Vec<&str> = batch.iter().map(|(id, _)| id.as_str()).collect();
        let values: Vec<&Value> = batch.iter().map(|(_, facts)| facts).collect();
        diesel::sql_query(
            "UPDATE tenant_references t SET facts = n.facts \
             FROM unnest($3::text[], $4::jsonb[]) AS n(external_id, facts) \
             WHERE t.tenant_id = $1 AND t.kind = $2 AND t.external_id = n.external_id \
             AND t.facts <> n.facts",
        )
        .bind::<SqlUuid, _>(tenant_id)
        .bind::<Text, _>(kind)
        .bind::<Array<Text>, _>(external_ids)
        .bind::<Array<Jsonb>, _>(values)
        .execute(conn)?;
    }
    Ok(())
}

/// Forgets objects of a kind that were last seen before then and that no live policy names, as such or
/// by a security identifier. Returns how many.
pub fn forget_unused_references(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    kind: &str,
    seen_before: DateTime<Utc>,
) -> Result<usize, StoreError> {
    Ok(diesel::sql_query(
        "WITH used AS MATERIALIZED ( \
           SELECT DISTINCT lower(r ->> 'external_id') AS id FROM policies p \
           JOIN policy_versions v ON v.id = p.current_version_id, \
           LATERAL jsonb_array_elements(v.references_used) r \
           WHERE p.tenant_id = $1 AND p.removed_at IS NULL \
           AND (v.references_used @> jsonb_build_array(jsonb_build_object('kind', $2)) \
             OR v.references_used @> '[{\"kind\": \"directory_object\"}]') \
           AND r ->> 'kind' IN ($2, 'directory_object')) \
         DELETE FROM tenant_references t WHERE t.tenant_id = $1 AND t.kind = $2 \
         AND t.observed_at < $3 AND lower(t.external_id) NOT IN (SELECT id FROM used)",
    )
    .bind::<SqlUuid, _>(tenant_id)
    .bind::<Text, _>(kind)
    .bind::<Timestamptz, _>(seen_before)
    .execute(conn)?)
}

/// Which references to load together. Every member that is set narrows the choice.
#[derive(Clone, Debug, Default)]
pub struct ReferenceChoice {
    /// These kinds only.
    pub kinds: Option<Vec<String>>,
    /// These of Graph's ids only, in any letter case: Graph spells one id in either.
    pub external_ids: Option<Vec<String>>,
    /// These names only, in any letter case.
    pub names: Option<Vec<String>>,
    /// These of our ids only.
    pub ids: Option<Vec<Uuid>>,
    /// These discriminators only, in any letter case.
    pub discriminators: Option<Vec<String>>,
    /// These of which the name begins like one of these up to its `@`, or the employee id is one
    /// of these. In any letter case.
    pub people: Option<Vec<String>>,
    /// Objects that the tenant has lost too. They come with the name they had.
    pub removed: bool,
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
    #[diesel(sql_type = Jsonb)]
    facts: Value,
}

/// The references of a tenant, as chosen; dangling ones included, removed ones where asked for. By kind and
/// external id.
pub fn load_reference_catalog(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    choice: &ReferenceChoice,
) -> Result<Vec<ReferenceRow>, StoreError> {
    let rows: Vec<ChosenRow> = diesel::sql_query(
        "SELECT id, kind, external_id, name, discriminator, observed_at, removed_at, facts \
         FROM tenant_references WHERE tenant_id = $1 AND (removed_at IS NULL OR $8) \
         AND ($2 IS NULL OR kind = ANY($2)) \
         AND ($3 IS NULL OR lower(external_id) = ANY($3)) \
         AND ($4 IS NULL OR lower(name) = ANY(SELECT lower(n) FROM unnest($4) n)) \
         AND ($5 IS NULL OR id = ANY($5)) \
         AND ($6 IS NULL OR lower(discriminator) = ANY(SELECT lower(n) FROM unnest($6) n)) \
         AND ($7 IS NULL OR split_part(lower(name), '@', 1) = ANY($7) \
              OR lower(facts ->> 'employee_id') = ANY($7)) ORDER BY kind, external_id",
    )
    .bind::<SqlUuid, _>(tenant_id)
    .bind::<Nullable<Array<Text>>, _>(&choice.kinds)
    .bind::<Nullable<Array<Text>>, _>(lower_all(choice.external_ids.as_ref()))
    .bind::<Nullable<Array<Text>>, _>(&choice.names)
    .bind::<Nullable<Array<SqlUuid>>, _>(&choice.ids)
    .bind::<Nullable<Array<Text>>, _>(&choice.discriminators)
    .bind::<Nullable<Array<Text>>, _>(lower_all(choice.people.as_ref()))
    .bind::<Bool, _>(choice.removed)
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
            facts: row.facts,
        })
        .collect())
}

/// Lower case here, and not in the statement, so that an index on lower case serves it.
fn lower_all(texts: Option<&Vec<String>>) -> Option<Vec<String>> {
    texts.map(|texts| texts.iter().map(|text| text.to_lowercase()).collect())
}

/// References of a tenant that can be mapped to (listed, not removed), by name; `q` is looked for
/// inside the names, and inside what else a person is called, in any letter case.
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
        query = query.filter(
            diesel::dsl::sql::<Bool>(
                "strpos(lower(concat_ws(E'\\n', name, facts ->> 'display_name', facts ->> 'mail')), \
                 lower(",
            )
            .bind::<Text, _>(q.to_owned())
            .sql(")) > 0"),
        );
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
