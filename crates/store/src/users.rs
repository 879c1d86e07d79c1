//! Users: people and service accounts. Decides nothing about rights.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::error::StoreError;
use crate::functions::lower;
use crate::schema::users;

/// A person or a service account. Users belong to the installation; memberships tie them to
/// workspaces.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct UserRow {
    /// Our id.
    pub id: Uuid,
    /// `person` or `service`.
    pub kind: String,
    /// Unique without regard to letter case; people have one.
    pub email: Option<String>,
    /// For people to read.
    pub display_name: String,
    /// Issuer of the identity provider the user signs in with.
    pub oidc_issuer: Option<String>,
    /// Subject at that issuer.
    pub oidc_subject: Option<String>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
}

/// A user to be made.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = users)]
pub struct NewUser {
    /// UUIDv7 made by the caller.
    pub id: Uuid,
    /// `person` or `service`.
    pub kind: String,
    /// Required for people.
    pub email: Option<String>,
    /// For people to read.
    pub display_name: String,
}

/// Makes a user. [`StoreError::AlreadyExists`] (`users_email_key`) for a known address.
pub fn insert_user(conn: &mut PgConnection, user: &NewUser) -> Result<UserRow, StoreError> {
    Ok(diesel::insert_into(users::table)
        .values(user)
        .returning(UserRow::as_returning())
        .get_result(conn)?)
}

/// Finds the person with this address or makes one; concurrent calls agree on one row. An existing
/// user's display name stays as it is.
pub fn find_or_insert_person(
    conn: &mut PgConnection,
    id: Uuid,
    email: &str,
    display_name: &str,
) -> Result<UserRow, StoreError> {
    diesel::insert_into(users::table)
        .values((
            users::id.eq(id),
            users::kind.eq("person"),
            users::email.eq(email),
            users::display_name.eq(display_name),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    find_user_by_email(conn, email)?.ok_or(StoreError::NotFound("user"))
}

/// The user of this id.
pub fn find_user(conn: &mut PgConnection, id: Uuid) -> Result<Option<UserRow>, StoreError> {
    Ok(users::table
        .find(id)
        .select(UserRow::as_select())
        .first(conn)
        .optional()?)
}

/// The user with this address, without regard to letter case.
pub fn find_user_by_email(
    conn: &mut PgConnection,
    email: &str,
) -> Result<Option<UserRow>, StoreError> {
    Ok(users::table
        .filter(lower(users::email).eq(lower(Some(email))))
        .select(UserRow::as_select())
        .first(conn)
        .optional()?)
}

/// The user an identity provider's (issuer, subject) is mapped to. Never looks at the address.
pub fn find_user_by_subject(
    conn: &mut PgConnection,
    issuer: &str,
    subject: &str,
) -> Result<Option<UserRow>, StoreError> {
    Ok(users::table
        .filter(users::oidc_issuer.eq(issuer))
        .filter(users::oidc_subject.eq(subject))
        .select(UserRow::as_select())
        .first(conn)
        .optional()?)
}

/// Maps a user to an identity provider's (issuer, subject). [`StoreError::AlreadyExists`]
/// (`users_oidc_key`) when the pair belongs to somebody else.
pub fn set_user_subject(
    conn: &mut PgConnection,
    user_id: Uuid,
    issuer: &str,
    subject: &str,
) -> Result<(), StoreError> {
    let changed = diesel::update(users::table.find(user_id))
        .set((
            users::oidc_issuer.eq(issuer),
            users::oidc_subject.eq(subject),
        ))
        .execute(conn)?;
    if changed == 0 {
        return Err(StoreError::NotFound("user"));
    }
    Ok(())
}
