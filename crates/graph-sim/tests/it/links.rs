//! Links between device configuration profiles: read, set, removed, and every mistake refused.

use serde_json::{Value, json};

use crate::harness::*;

const WIFI: &str = "microsoft.graph.iosEnterpriseWiFiConfiguration";
const ROOTS: &str = "rootCertificatesForServerValidation";
const IDENTITY: &str = "identityCertificateForClientAuthentication";

async fn make(sim: &Sim, kind: &str, name: &str, more: Value) -> String {
    let mut body = json!({"@odata.type": format!("#microsoft.graph.{kind}"), "displayName": name});
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    let made = sim.send("POST", CONFIGURATIONS, Some(&body)).await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    made.body["id"].as_str().unwrap().to_owned()
}

async fn root(sim: &Sim, name: &str) -> String {
    let more = json!({"certFileName": "root.cer", "trustedRootCertificate": "TUlJ"});
    make(sim, "iosTrustedRootCertificate", name, more).await
}

async fn wifi(sim: &Sim, name: &str) -> String {
    let more = json!({"networkName": "n", "ssid": "s", "connectAutomatically": true,
        "connectWhenNetworkNameIsHidden": false, "wiFiSecurityType": "wpaEnterprise",
        "proxySettings": "none", "eapType": "eapTls", "authenticationMethod": "certificate"});
    make(sim, "iosEnterpriseWiFiConfiguration", name, more).await
}

fn address(sim: &Sim, id: &str) -> Value {
    json!({"@odata.id": sim.url(&format!("{CONFIGURATIONS}('{id}')"))})
}

fn ids(read: &Value) -> Vec<&str> {
    let list = read["value"].as_array().unwrap();
    list.iter().map(|one| one["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn links_are_set_read_and_removed() {
    story(&Sim::start(SOURCE).await).await;
}

#[tokio::test]
async fn a_create_binds_its_links_and_every_mistake_is_refused() {
    let sim = Sim::start(SOURCE).await;
    let (first, second) = (root(&sim, "Root 1").await, root(&sim, "Root 2").await);
    let at = |id: &str| sim.url(&format!("{CONFIGURATIONS}('{id}')"));
    let scep = |to: Value| {
        json!({"@odata.type": "#microsoft.graph.iosScepCertificateProfile", "displayName": "Scep",
            "certificateValidityPeriodScale": "years", "subjectNameFormat": "custom",
            "rootCertificate@odata.bind": to})
    };
    let wifi = |to: Value| {
        let mut body = json!({"@odata.type": format!("#{WIFI}"), "displayName": "Wi-Fi",
            "networkName": "n", "ssid": "s", "connectAutomatically": true,
            "connectWhenNetworkNameIsHidden": false, "wiFiSecurityType": "wpaEnterprise",
            "proxySettings": "none", "eapType": "eapTls", "authenticationMethod": "certificate"});
        body[format!("{ROOTS}@odata.bind")] = to;
        body
    };
    let made = sim
        .send(
            "POST",
            CONFIGURATIONS,
            Some(&wifi(json!([at(&first), at(&second)]))),
        )
        .await;
    assert_eq!(made.status, 201, "{:?}", made.body);
    let id = made.body["id"].as_str().unwrap().to_owned();
    let roots = sim
        .get(&format!("{CONFIGURATIONS}/{id}/{WIFI}/{ROOTS}"))
        .await;
    assert_eq!(ids(&roots), [first.as_str(), second.as_str()]);
    let foreign = format!(
        "https://graph.microsoft.com/beta/deviceManagement/deviceConfigurations('{first}')"
    );
    let unknown = at("00000000-0000-4000-8000-000000000000");
    let mistakes = [
        (scep(json!(foreign)), "not one of this Graph"),
        (scep(json!(unknown)), "was not found"),
        (scep(json!(at(&id))), "leads to a"),
        (scep(json!([at(&first)])), "is not an address"),
        (wifi(json!(at(&first))), "is not a list"),
        (wifi(json!([])), "is not a list"),
        (wifi(json!([at(&first), at(&first)])), "already"),
    ];
    for (body, says) in mistakes {
        let answer = sim.send("POST", CONFIGURATIONS, Some(&body)).await;
        assert_eq!(answer.status, 400, "{body}: {:?}", answer.body);
        assert!(
            answer.message().contains(says),
            "{body}: {}",
            answer.message()
        );
    }
    let options = format!("/__sim/tenants/{SOURCE}/options");
    sim.control("PUT", &options, json!({"no_binds": true}))
        .await;
    let answer = sim
        .send("POST", CONFIGURATIONS, Some(&scep(json!(at(&first)))))
        .await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn the_contract_knows_the_same_links() {
    if let Some(contract) = contract() {
        story(&Sim::start_with(SOURCE, Some(contract)).await).await;
    }
}

async fn story(sim: &Sim) {
    let (first, second) = (root(sim, "Root 1").await, root(sim, "Root 2").await);
    let issued = json!({"certificateValidityPeriodScale": "years", "subjectNameFormat": "custom"});
    let scep = make(sim, "iosScepCertificateProfile", "Scep", issued).await;
    let wifi = wifi(sim, "Wi-Fi").await;
    let item = format!("{CONFIGURATIONS}/{wifi}");
    let roots = format!("{item}/{WIFI}/{ROOTS}");
    let identity = format!("{item}/{WIFI}/{IDENTITY}");

    assert!(ids(&sim.get(&roots).await).is_empty());
    let unset = sim.send("GET", &identity, None).await;
    assert_eq!((unset.status, unset.code()), (404, "ResourceNotFound"));
    let options = format!("/__sim/tenants/{SOURCE}/options");
    sim.control("PUT", &options, json!({"empty_links": true}))
        .await;
    assert_eq!(sim.send("GET", &identity, None).await.status, 204);

    for id in [&first, &second] {
        let to = address(sim, id);
        let set = sim.send("POST", &format!("{roots}/$ref"), Some(&to)).await;
        assert_eq!(set.status, 204, "{:?}", set.body);
    }
    let to = address(sim, &scep);
    let set = sim
        .send("PUT", &format!("{identity}/$ref"), Some(&to))
        .await;
    assert_eq!(set.status, 204, "{:?}", set.body);
    assert_eq!(
        ids(&sim.get(&roots).await),
        [first.as_str(), second.as_str()]
    );
    assert_eq!(sim.get(&identity).await["id"], json!(scep));
    let shown = sim.get(&item).await;
    assert!(shown.get(ROOTS).is_none() && shown.get(IDENTITY).is_none());

    let gone = sim
        .send("DELETE", &format!("{roots}/{first}/$ref"), None)
        .await;
    assert_eq!(gone.status, 204);
    assert_eq!(ids(&sim.get(&roots).await), [second.as_str()]);
    let gone = sim.send("DELETE", &format!("{identity}/$ref"), None).await;
    assert_eq!(gone.status, 204);
    assert_eq!(sim.send("GET", &identity, None).await.status, 204);
    mistakes(sim, (&first, &second, &scep), &wifi).await;
}

async fn mistakes(sim: &Sim, (free, bound, scep): (&str, &str, &str), wifi: &str) {
    let below = |rest: &str| format!("{CONFIGURATIONS}/{wifi}/{rest}");
    let roots = below(&format!("{WIFI}/{ROOTS}"));
    let identity = below(&format!("{WIFI}/{IDENTITY}"));
    let elsewhere = json!({"@odata.id":
        format!("https://graph.microsoft.com{CONFIGURATIONS}('{free}')")});
    let nobody = "00000000-0000-4000-8000-00000000dead";
    let cases: Vec<(&str, String, Option<Value>, u16, &str)> = vec![
        (
            "GET",
            below(&format!("{WIFI}/rootCertificate")),
            None,
            400,
            "segment",
        ),
        (
            "GET",
            below(&format!("microsoft.graph.nonsense/{ROOTS}")),
            None,
            400,
            "segment",
        ),
        (
            "GET",
            below("microsoft.graph.iosScepCertificateProfile/rootCertificate"),
            None,
            404,
            "not found",
        ),
        (
            "PUT",
            format!("{roots}/$ref"),
            Some(address(sim, free)),
            400,
            "http verb PUT",
        ),
        (
            "POST",
            format!("{identity}/$ref"),
            Some(address(sim, scep)),
            400,
            "http verb POST",
        ),
        (
            "POST",
            format!("{roots}/$ref"),
            Some(address(sim, bound)),
            400,
            "already",
        ),
        (
            "POST",
            format!("{roots}/$ref"),
            Some(address(sim, nobody)),
            400,
            "not found",
        ),
        (
            "POST",
            format!("{roots}/$ref"),
            Some(address(sim, scep)),
            400,
            "iosTrustedRootCertificate",
        ),
        (
            "POST",
            format!("{roots}/$ref"),
            Some(elsewhere),
            400,
            "not one of this Graph",
        ),
        (
            "POST",
            format!("{roots}/$ref"),
            Some(json!({})),
            400,
            "@odata.id",
        ),
        (
            "PUT",
            format!("{identity}/$ref"),
            Some(address(sim, free)),
            400,
            "iosCertificateProfileBase",
        ),
        (
            "DELETE",
            format!("{roots}/$ref"),
            None,
            400,
            "http verb DELETE",
        ),
        (
            "DELETE",
            format!("{roots}/{free}/$ref"),
            None,
            404,
            "not found",
        ),
        ("DELETE", format!("{identity}/$ref"), None, 404, "not found"),
        (
            "PATCH",
            format!("{CONFIGURATIONS}/{wifi}"),
            Some(json!({
            "@odata.type": format!("#{WIFI}"), IDENTITY: {"id": scep}})),
            400,
            "cannot be written in place",
        ),
        (
            "POST",
            CONFIGURATIONS.to_owned(),
            Some(json!({
            "@odata.type": "#microsoft.graph.iosScepCertificateProfile", "displayName": "Inline",
            "rootCertificate": null})),
            400,
            "cannot be written in place",
        ),
        (
            "POST",
            CONFIGURATIONS.to_owned(),
            Some(json!({
            "@odata.type": "#microsoft.graph.iosScepCertificateProfile", "displayName": "Inline",
            "rootCertificate@odata.bind": sim.url(CONFIGURATIONS)})),
            400,
            "was not found",
        ),
        (
            "PATCH",
            format!("{CONFIGURATIONS}/{scep}"),
            Some(json!({
            "@odata.type": "#microsoft.graph.iosScepCertificateProfile",
            "rootCertificate@odata.bind": sim.url(CONFIGURATIONS)})),
            400,
            "$ref",
        ),
    ];
    for (method, path, body, status, says) in cases {
        let answer = sim.send(method, &path, body.as_ref()).await;
        assert_eq!(answer.status, status, "{method} {path}: {:?}", answer.body);
        let message = answer.message();
        assert!(message.contains(says), "{method} {path}: {message}");
    }
    let standing = sim.get(&roots).await;
    assert_eq!(ids(&standing), [bound], "a mistake changed something");
}
