//! Which identity, an identity provider's (issuer, subject), signs in as which member.
//!
//! Decides that a link holds in the workspace that made it and nowhere else: the owner of one
//! workspace can neither take over what a person is in another one nor learn that there is one.
//! Nothing here looks at an address.

use diesel::prelude::*;
use uuid::Uuid;

use crate::error::StoreError;
use crate::memberships::member_name;
use crate::schema::{member_identities, users, workspace_memberships};

/// A subject at an identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The provider, exactly as it names itself.
    pub issuer: String,
    /// Whom it means by its tokens.
    pub subject: String,
}

/// The member that an identity is in one workspace.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct IdentityActor {
    /// The workspace.
    pub workspace_id: Uuid,
    /// The member.
    pub user_id: Uuid,
    /// The member's role there now.
    pub workspace_role: String,
    /// What the workspace calls the member.
    pub display_name: String,
}

/// Every member that an identity is, the oldest link first. One statement, whoever it is.
pub fn list_actors_by_identity(
    conn: &mut PgConnection,
    identity: &Identity,
) -> Result<Vec<IdentityActor>, StoreError> {
    use member_identities as links;
    Ok(links::table
        .inner_join(
            workspace_memberships::table.on(workspace_memberships::workspace_id
                .eq(links::workspace_id)
                .and(workspace_memberships::user_id.eq(links::user_id))),
        )
        .inner_join(users::table.on(users::id.eq(links::user_id)))
        .filter(links::issuer.eq(&identity.issuer))
        .filter(links::subject.eq(&identity.subject))
        .order((links::created_at, links::workspace_id))
        .select((
            links::workspace_id,
            links::user_id,
            workspace_memberships::role,
            member_name(),
        ))
        .load(conn)?)
}

/// Lets an identity sign in as a member, in place of the one before. `false` when it did already.
/// [`StoreError::AlreadyExists`] (`member_identities_subject_key`) when it is another member of this
/// workspace; [`StoreError::Reference`] when there is no such member.
pub fn put_identity(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Uuid,
    identity: &Identity,
) -> Result<bool, StoreError> {
    use member_identities as links;
    let upsert = diesel::insert_into(links::table)
        .values((
            links::workspace_id.eq(workspace_id),
            links::user_id.eq(user_id),
            links::issuer.eq(&identity.issuer),
            links::subject.eq(&identity.subject),
        ))
        .on_conflict((links::workspace_id, links::user_id))
        .do_update()
        .set((
            links::issuer.eq(&identity.issuer),
            links::subject.eq(&identity.subject),
        ));
    let different = diesel::query_dsl::methods::FilterDsl::filter(
        upsert,
        links::issuer
            .ne(&identity.issuer)
            .or(links::subject.ne(&identity.subject)),
    );
    Ok(different.execute(conn)? == 1)
}

/// Takes a member's identity away. [`StoreError::NotFound`] when there is none.
pub fn delete_identity(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Uuid,
) -> Result<(), StoreError> {
    let changed =
        diesel::delete(member_identities::table.find((workspace_id, user_id))).execute(conn)?;
    if changed == 0 {
        return Err(StoreError::NotFound("identity"));
    }
    Ok(())
}

/// Whether some identity signs in as this member now: what keeps a run that was started without a
/// token going.
pub fn has_identity(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Uuid,
) -> Result<bool, StoreError> {
    let link = member_identities::table.find((workspace_id, user_id));
    Ok(diesel::select(diesel::dsl::exists(link)).get_result(conn)?)
}
