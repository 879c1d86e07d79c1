//! Turning the master key over while connections are being set, and what the audit log says after.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may stop where they stand"
)]

use std::collections::HashMap;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::Utc;
use serde_json::json;
use store::PgConnection;
use store::audit::{self, AuditEntry};
use store::connections::{self, CREDENTIAL_COLUMN, NewConnection};
use store::dev_cluster::TestDatabase;
use store::keys::MasterKey;
use store::tenants::{self, NewTenant};
use uuid::Uuid;

const TENANTS: usize = 40;
const WRITERS: usize = 3;

struct Installation {
    database: TestDatabase,
    old: MasterKey,
    new: MasterKey,
    workspace: Uuid,
    tenants: Vec<Uuid>,
}

impl Installation {
    fn new() -> Self {
        let database = TestDatabase::create().unwrap();
        let (old, new) = (MasterKey::generate(), MasterKey::generate());
        let made = store::bootstrap::bootstrap(
            database.url(),
            &old.to_base64(),
            "Contoso",
            "owner@example.test",
        )
        .unwrap();
        let mut conn = store::db::establish(database.url()).unwrap();
        let tenants = (0..TENANTS)
            .map(|number| {
                let id = Uuid::now_v7();
                let new = NewTenant {
                    id,
                    workspace_id: made.workspace_id,
                    display_name: format!("Tenant {number}"),
                    entra_tenant_id: Uuid::new_v4(),
                };
                tenants::insert_tenant(&mut conn, &new).unwrap();
                id
            })
            .collect();
        Self {
            database,
            old,
            new,
            workspace: made.workspace_id,
            tenants,
        }
    }

    fn connect(&self) -> PgConnection {
        store::db::establish(self.database.url()).unwrap()
    }

    fn put(&self, conn: &mut PgConnection, key: &MasterKey, tenant: Uuid, secret: &str) {
        let sealing = key.sealing_key();
        let new = NewConnection {
            tenant_id: tenant,
            workspace_id: self.workspace,
            cloud: "global".to_owned(),
            client_id: Uuid::new_v4(),
            credential_kind: "client_secret".to_owned(),
            credential: sealing
                .seal(tenant, CREDENTIAL_COLUMN, secret.as_bytes())
                .unwrap(),
            credential_expires_at: None,
        };
        connections::put_connection(conn, &new).unwrap();
    }

    fn run(&self, line: &str, key: &MasterKey, previous: Option<&str>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_promotionctl"));
        command
            .args(line.split(' '))
            .env_clear()
            .env("DATABASE_URL", self.database.url())
            .env("PROMOTION_MASTER_KEY", key.to_base64().as_str())
            .stdin(Stdio::null());
        if let Some(previous) = previous {
            command.env("PROMOTION_PREVIOUS_MASTER_KEY", previous);
        }
        command.output().unwrap()
    }

    fn rotate(&self) {
        let old = self.old.to_base64();
        let output = self.run("keys rotate", &self.new, Some(&old));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{error}");
    }

    fn append(&self, key: &MasterKey) {
        let entry = AuditEntry::new(self.workspace, "member.added", Utc::now());
        audit::append(&mut self.connect(), &key.audit_key(), &entry).unwrap();
    }
}

#[test]
fn a_rotation_beside_writers_loses_no_credential_and_leaves_a_trace_each() {
    let installation = Installation::new();
    let mut conn = installation.connect();
    let last: HashMap<Uuid, Mutex<String>> = installation
        .tenants
        .iter()
        .map(|tenant| {
            installation.put(&mut conn, &installation.old, *tenant, "first");
            (*tenant, Mutex::new("first".to_owned()))
        })
        .collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (installation, last, stop) = (&installation, &last, &stop);
            scope.spawn(move || {
                let mut conn = installation.connect();
                for round in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let tenant = installation.tenants[(round * 7 + writer) % TENANTS];
                    // An API that was not restarted yet still seals to the old key.
                    let key = if (round + writer) % 3 == 0 {
                        &installation.old
                    } else {
                        &installation.new
                    };
                    let secret = format!("secret {writer} {round}");
                    let mut known = last[&tenant].lock().unwrap();
                    installation.put(&mut conn, key, tenant, &secret);
                    *known = secret;
                }
            });
        }
        std::thread::scope(|rotations| {
            for _ in 0..2 {
                rotations.spawn(|| {
                    installation.rotate();
                    installation.rotate();
                });
            }
        });
        stop.store(true, Ordering::Relaxed);
    });
    installation.rotate();
    let opening = installation.new.opening_key();
    for (tenant, known) in &last {
        let sealed = connections::load_sealed_credential(&mut conn, *tenant).unwrap();
        let plain = opening.open(*tenant, CREDENTIAL_COLUMN, &sealed).unwrap();
        assert_eq!(plain.as_slice(), known.lock().unwrap().as_bytes());
    }
    let output = installation.run("keys rotate", &installation.new, Some("AAAA"));
    assert_eq!(output.status.code(), Some(1), "a key that is none");

    // The services still ran with the old key, so the trace is in the old key's part of the chain.
    let exported = installation.run("audit export", &installation.old, None);
    let exported = String::from_utf8(exported.stdout).unwrap();
    let resealed = exported.matches("connection.resealed").count();
    assert!(resealed >= TENANTS / 2, "{resealed} entries");
    let whole = installation.run("audit verify", &installation.old, None);
    assert_eq!(whole.status.code(), Some(0));
}

#[test]
fn an_audit_chain_is_verified_across_the_rotation_in_one_go() {
    let installation = Installation::new();
    let (old, new) = (&installation.old, &installation.new);
    installation.append(old);
    for _ in 0..3 {
        installation.append(new);
    }
    let mut conn = installation.connect();
    installation.put(&mut conn, old, installation.tenants[0], "late");
    installation.rotate();

    let old_text = old.to_base64();
    let verified = |previous: Option<&str>, line: &str| {
        let output = installation.run(line, new, previous);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    };
    let (code, text) = verified(Some(&old_text), "audit verify");
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("6 entries whole, another key since entry 3"),
        "{text}"
    );
    let older = MasterKey::generate().to_base64();
    let both = format!("{},{}", older.as_str(), old_text.as_str());
    assert_eq!(verified(Some(&both), "audit verify").0, Some(0));
    let (code, text) = verified(None, "audit verify");
    assert_eq!(code, Some(1));
    assert!(text.contains("BROKEN at entry 1"), "{text}");
    assert_eq!(verified(Some(&older), "audit verify").0, Some(1));

    // A service that was restarted late wrote one entry more with the old key.
    installation.append(old);
    installation.append(new);
    let (code, text) = verified(Some(&old_text), "audit verify");
    assert_eq!(code, Some(1));
    assert!(text.contains("BROKEN at entry 7"), "{text}");
    let lenient = "audit verify --overlap-entries 4";
    assert_eq!(verified(Some(&old_text), lenient).0, Some(0));
    assert_eq!(
        verified(Some(&old_text), "audit verify --overlap-entries 3").0,
        Some(1)
    );
    let exported = json!(String::from_utf8_lossy(
        &installation.run("audit export", new, None).stdout
    ));
    assert!(exported.as_str().unwrap().contains("connection.resealed"));
}
