//! The addresses of the clouds, and what may replace them.
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

use super::*;

fn simulated(graph: &str) -> Endpoints {
    let overrides = EndpointOverrides {
        graph: Some(graph.to_owned()),
        login: Some("http://127.0.0.1:9".to_owned()),
        allow_insecure: false,
    };
    Endpoints::of(Cloud::Global, &overrides).unwrap()
}

#[test]
fn every_cloud_has_its_own_endpoints_and_word() {
    for cloud in Cloud::ALL {
        assert_eq!(cloud.as_str().parse::<Cloud>(), Ok(cloud));
        let endpoints = Endpoints::of(cloud, &EndpointOverrides::default()).unwrap();
        assert_eq!(endpoints.graph().scheme(), "https");
        assert!(!endpoints.is_loopback());
    }
    let china = Endpoints::of(Cloud::China, &EndpointOverrides::default()).unwrap();
    assert_eq!(
        china.scope(),
        "https://microsoftgraph.chinacloudapi.cn/.default"
    );
}

#[test]
fn plain_http_is_for_loopback_unless_allowed() {
    for (graph, allow, good) in [
        ("http://127.0.0.1:8080", false, true),
        ("http://[::1]:8080/", false, true),
        ("http://localhost", false, true),
        ("http://graph.example", false, false),
        ("http://graph.example", true, true),
        ("https://graph.example/base/", false, true),
        ("ftp://graph.example", true, false),
        ("https://user@graph.example", true, false),
        ("https://graph.example?x=1", true, false),
        ("graph.example", true, false),
        ("http://localhost.example", false, false),
    ] {
        let overrides = EndpointOverrides {
            graph: Some(graph.to_owned()),
            login: None,
            allow_insecure: allow,
        };
        let result = Endpoints::of(Cloud::Global, &overrides);
        assert_eq!(result.is_ok(), good, "{graph}");
    }
}

#[test]
fn overrides_touch_the_global_cloud_only() {
    let overrides = EndpointOverrides {
        graph: Some("http://127.0.0.1:1".to_owned()),
        login: Some("http://127.0.0.1:1".to_owned()),
        allow_insecure: false,
    };
    let gov = Endpoints::of(Cloud::UsGov, &overrides).unwrap();
    assert_eq!(gov.graph_base(), "https://graph.microsoft.us");
}

#[test]
fn a_path_cannot_leave_its_version() {
    let endpoints = simulated("http://127.0.0.1:8080/prefix/");
    let url = endpoints
        .resource_url(GraphVersion::Beta, "/groups?$filter=displayName eq 'a b'")
        .unwrap();
    assert_eq!(
        url.as_str(),
        "http://127.0.0.1:8080/prefix/beta/groups?$filter=displayName%20eq%20%27a%20b%27"
    );
    for path in [
        "groups",
        "//evil.example/x",
        "/../v1.0/groups",
        "/a/%2e%2e/b",
        "/a\\b",
        "/a#b",
        "/a\nb",
        "@evil.example/",
    ] {
        assert_eq!(
            endpoints.resource_url(GraphVersion::Beta, path),
            Err(EndpointError::InvalidPath),
            "{path}"
        );
    }
}

#[test]
fn a_foreign_link_is_recognised() {
    let endpoints = simulated("http://127.0.0.1:8080");
    for (link, own) in [
        ("http://127.0.0.1:8080/beta/groups?$skiptoken=x", true),
        ("http://127.0.0.1:8081/beta/groups", false),
        ("https://127.0.0.1:8080/beta/groups", false),
        ("http://127.0.0.1:8080@evil.example/beta/groups", false),
        ("http://user@127.0.0.1:8080/beta/groups", false),
        ("http://127.0.0.1:8080/v1.0/groups", false),
        ("http://127.0.0.1:8080/betamax/groups", false),
        ("http://127.0.0.1:8080/beta", false),
        ("http://evil.example/beta/groups", false),
    ] {
        let url = Url::parse(link).unwrap();
        assert_eq!(endpoints.contains(GraphVersion::Beta, &url), own, "{link}");
    }
}
