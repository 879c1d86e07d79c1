//! Which tokens work.

use chrono::{Duration, Utc};
use store::StoreError;
use store::tokens::{self, NewToken};
use store::{memberships, users};
use uuid::Uuid;

use crate::support::{Fixture, count, execute, new_member, new_workspace};

fn new(fixture: &Fixture) -> NewToken {
    NewToken {
        id: Uuid::now_v7(),
        workspace_id: fixture.workspace,
        user_id: fixture.owner,
        name: "test".to_owned(),
        capabilities: Some(vec!["tenant.view".to_owned()]),
        expires_at: None,
    }
}

#[test]
fn a_token_names_its_user_workspace_and_narrowing() {
    let mut fixture = Fixture::new();
    let token = new(&fixture);
    let (row, text) = tokens::insert_token(&mut fixture.conn, &token).unwrap();
    let actor = tokens::find_actor_by_token(&mut fixture.conn, text.reveal())
        .unwrap()
        .unwrap();
    assert_eq!(actor.token_id, row.id);
    assert_eq!(actor.user_id, fixture.owner);
    assert_eq!(actor.workspace_id, fixture.workspace);
    assert_eq!(actor.workspace_role, "owner");
    assert_eq!(actor.capabilities.unwrap(), ["tenant.view"]);
    assert!(
        tokens::find_usable_token(&mut fixture.conn, row.id)
            .unwrap()
            .unwrap()
            .last_used_at
            .is_some()
    );
    let whole = format!("api_tokens t WHERE t::text LIKE '%{}%'", text.reveal());
    assert_eq!(count(&mut fixture.conn, &whole), 0);
}

#[test]
fn revoked_expired_unknown_and_orphaned_tokens_are_nobody() {
    let mut fixture = Fixture::new();
    let nobody = |fixture: &mut Fixture, text: &str| {
        tokens::find_actor_by_token(&mut fixture.conn, text)
            .unwrap()
            .is_none()
    };
    assert!(nobody(&mut fixture, "pat_"));
    assert!(nobody(&mut fixture, tokens::TokenText::generate().reveal()));

    let token = new(&fixture);
    let (row, text) = tokens::insert_token(&mut fixture.conn, &token).unwrap();
    let ws = fixture.workspace;
    assert!(tokens::revoke_token(&mut fixture.conn, ws, row.id).unwrap());
    assert!(!tokens::revoke_token(&mut fixture.conn, ws, row.id).unwrap());
    assert!(nobody(&mut fixture, text.reveal()));
    assert!(
        tokens::find_usable_token(&mut fixture.conn, row.id)
            .unwrap()
            .is_none()
    );

    let expired = NewToken {
        expires_at: Some(Utc::now() - Duration::seconds(1)),
        ..new(&fixture)
    };
    let (_, text) = tokens::insert_token(&mut fixture.conn, &expired).unwrap();
    assert!(nobody(&mut fixture, text.reveal()));

    let member = new_member(&mut fixture.conn, ws, "m@example.test", "manager");
    let theirs = NewToken {
        user_id: member,
        ..new(&fixture)
    };
    let (_, text) = tokens::insert_token(&mut fixture.conn, &theirs).unwrap();
    assert!(!nobody(&mut fixture, text.reveal()));
    memberships::delete_member(&mut fixture.conn, ws, member).unwrap();
    assert!(nobody(&mut fixture, text.reveal()));
}

#[test]
fn only_members_get_tokens_and_other_workspaces_see_none() {
    let mut fixture = Fixture::new();
    let stranger =
        users::find_or_insert_person(&mut fixture.conn, Uuid::now_v7(), "x@example.test").unwrap();
    let token = NewToken {
        user_id: stranger.id,
        ..new(&fixture)
    };
    let refused = tokens::insert_token(&mut fixture.conn, &token).unwrap_err();
    assert!(matches!(refused, StoreError::Reference { .. }));

    let token = new(&fixture);
    let (row, _) = tokens::insert_token(&mut fixture.conn, &token).unwrap();
    let other = new_workspace(&mut fixture.conn, "Other");
    assert!(
        tokens::find_token(&mut fixture.conn, other, row.id)
            .unwrap()
            .is_none()
    );
    assert!(matches!(
        tokens::revoke_token(&mut fixture.conn, other, row.id),
        Err(StoreError::NotFound("token"))
    ));
}

#[test]
fn pages_of_tokens_meet_every_row_once() {
    let mut fixture = Fixture::new();
    for _ in 0..5 {
        let token = new(&fixture);
        tokens::insert_token(&mut fixture.conn, &token).unwrap();
    }
    // Equal times must not lose or repeat rows.
    execute(
        &mut fixture.conn,
        "UPDATE api_tokens SET created_at = now()",
    );
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page =
            tokens::list_tokens(&mut fixture.conn, fixture.workspace, None, before, 2).unwrap();
        seen.extend(page.items.iter().map(|row| row.id));
        if !page.has_more {
            break;
        }
        before = page.items.last().map(|row| store::page::Before {
            at: row.created_at,
            id: row.id,
        });
    }
    assert_eq!(seen.len(), 5);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 5);
}
