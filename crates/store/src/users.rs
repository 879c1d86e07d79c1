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
    /// Of a service account. What a person is called is for each workspace to say: see
    /// [`crate::memberships`].
    pub display_name: String,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
}

/// A user to be made.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = users)]
pub struct NewUser {
    /// Made by the caller; see [`new_user_id`].
    pub id: Uuid,
    /// `person` or `service`.
    pub kind: String,
    /// Required for people.
    pub email: Option<String>,
    /// For people to read.
    pub display_name: String,
}

/// A new user's id: random, for the time in a UUIDv7 would tell whoever adds a known address that it
/// was known.
pub fn new_user_id() -> Uuid {
    Uuid::new_v4()
}

/// Makes a user. [`StoreError::AlreadyExists`] (`users_email_key`) for a known address.
pub fn insert_user(conn: &mut PgConnection, user: &NewUser) -> Result<UserRow, StoreError> {
    Ok(diesel::insert_into(users::table)
        .values(user)
        .returning(UserRow::as_returning())
        .get_result(conn)?)
}

/// Finds the person with this address or makes one; concurrent calls agree on one row. Addresses are
/// kept in lower case: how somebody else typed one is theirs.
pub fn find_or_insert_person(
    conn: &mut PgConnection,
    id: Uuid,
    email: &str,
) -> Result<UserRow, StoreError> {
    let email = email.to_lowercase();
    diesel::insert_into(users::table)
        .values((
            users::id.eq(id),
            users::kind.eq("person"),
            users::email.eq(&email),
            users::display_name.eq(name_of_address(&email)),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    let found = find_user_by_email(conn, &email)?.ok_or(StoreError::NotFound("user"))?;
    Ok(UserRow {
        email: Some(email),
        ..found
    })
}

/// What a person is called as long as nobody says: the address before the `@`.
pub fn name_of_address(email: &str) -> String {
    let before_at = email.split('@').next().unwrap_or(email);
    before_at.chars().take(200).collect()
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
