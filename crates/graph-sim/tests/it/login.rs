//! The login endpoint and what tokens open.

use serde_json::{Value, json};

use crate::harness::*;

/// Tenant, form, and the status and code to expect.
type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, u16, u64);

async fn token(sim: &Sim, tenant: &str, fields: &[(&str, &str)]) -> (u16, Value) {
    let url = sim.url(&format!("/{tenant}/oauth2/v2.0/token"));
    let answer = sim.client.post(url).form(fields).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn bad_credentials_are_refused_with_the_codes_of_the_real_service() {
    let sim = Sim::start(SOURCE).await;
    let expired = "88888888-0000-4000-8000-000000000008";
    let path = format!("/__sim/tenants/{SOURCE}/secret");
    sim.control(
        "PUT",
        &path,
        json!({"client_id": CLIENT, "client_secret": "right"}),
    )
    .await;
    sim.control("PUT", &path, json!({"client_id": expired, "expired": true}))
        .await;
    let scope = ("scope", "https://graph.microsoft.com/.default");
    let grant = ("grant_type", "client_credentials");
    let cases: [Case<'_>; 8] = [
        (EMPTY, vec![], 400, 900_144),
        (
            "dddddddd-0000-4000-8000-000000000004",
            vec![grant],
            400,
            90_002,
        ),
        (SOURCE, vec![("grant_type", "password")], 400, 70_003),
        (
            SOURCE,
            vec![grant, ("client_id", "nobody"), scope],
            400,
            700_016,
        ),
        (
            SOURCE,
            vec![grant, ("client_id", CLIENT), ("scope", "User.Read")],
            400,
            1_002_012,
        ),
        (
            SOURCE,
            vec![grant, ("client_id", CLIENT), scope],
            401,
            7_000_216,
        ),
        (
            SOURCE,
            vec![
                grant,
                ("client_id", CLIENT),
                scope,
                ("client_secret", "wrong"),
            ],
            401,
            7_000_215,
        ),
        (
            SOURCE,
            vec![grant, ("client_id", expired), scope, ("client_secret", "x")],
            401,
            7_000_222,
        ),
    ];
    for (tenant, fields, status, code) in cases {
        let (got, body) = token(&sim, tenant, &fields).await;
        assert_eq!(
            (got, body["error_codes"][0].as_u64()),
            (status, Some(code)),
            "{body}"
        );
    }
    let good = [
        grant,
        ("client_id", CLIENT),
        scope,
        ("client_secret", "right"),
    ];
    assert_eq!(token(&sim, SOURCE, &good).await.0, 200);
}

#[tokio::test]
async fn a_token_opens_its_own_tenant_and_what_its_roles_allow() {
    let mut sim = Sim::start(SOURCE).await;
    let organization = sim.get("/v1.0/organization").await;
    assert_eq!(organization["value"][0]["id"], json!(SOURCE));
    assert!(
        organization["value"][0]["verifiedDomains"]
            .as_array()
            .is_some_and(|d| !d.is_empty())
    );
    let roles = json!({"roles": ["DeviceManagementConfiguration.Read.All"]});
    sim.control("PUT", &format!("/__sim/tenants/{SOURCE}/roles"), roles)
        .await;
    sim.token = sim.login(SOURCE).await;
    sim.get(SETTINGS_CATALOG).await;
    let write = sim.send("POST", SETTINGS_CATALOG, Some(&json!({}))).await;
    assert_eq!((write.status, write.code()), (403, "Forbidden"));
    let read = sim.send("GET", CONDITIONAL_ACCESS, None).await;
    assert_eq!((read.status, read.code()), (403, "AccessDenied"));
    let groups = sim.send("GET", "/v1.0/groups", None).await;
    assert_eq!(
        (groups.status, groups.code()),
        (403, "Authorization_RequestDenied")
    );
    sim.token = "not.a.token".to_owned();
    let nobody = sim.send("GET", SETTINGS_CATALOG, None).await;
    assert_eq!(
        (nobody.status, nobody.code()),
        (401, "InvalidAuthenticationToken")
    );
    assert!(nobody.headers.contains_key("www-authenticate"));
}
