//! Decides where a cloud's login and Graph endpoints are, and which addresses may be used at all.
//!
//! Source of the table: Microsoft's list of national cloud endpoints. It must not read the
//! environment: overrides arrive as values.

use std::str::FromStr;

use domain::model::GraphVersion;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// A Microsoft cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cloud {
    /// The worldwide cloud, GCC included.
    Global,
    /// US Government L4 (GCC High).
    UsGov,
    /// US Government L5 (DoD).
    UsGovDod,
    /// China, operated by 21Vianet.
    China,
}

impl Cloud {
    /// Every cloud.
    pub const ALL: [Self; 4] = [Self::Global, Self::UsGov, Self::UsGovDod, Self::China];

    /// The word on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::UsGov => "us_gov",
            Self::UsGovDod => "us_gov_dod",
            Self::China => "china",
        }
    }

    const fn base_urls(self) -> (&'static str, &'static str) {
        match self {
            Self::Global => (
                "https://login.microsoftonline.com",
                "https://graph.microsoft.com",
            ),
            Self::UsGov => (
                "https://login.microsoftonline.us",
                "https://graph.microsoft.us",
            ),
            Self::UsGovDod => (
                "https://login.microsoftonline.us",
                "https://dod-graph.microsoft.us",
            ),
            Self::China => (
                "https://login.chinacloudapi.cn",
                "https://microsoftgraph.chinacloudapi.cn",
            ),
        }
    }
}

impl FromStr for Cloud {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::ALL
            .into_iter()
            .find(|cloud| cloud.as_str() == text)
            .ok_or(EndpointError::UnknownCloud)
    }
}

/// Why an endpoint cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not one of the four words.
    #[error("unknown cloud")]
    UnknownCloud,
    /// Not an absolute http(s) URL with a host.
    #[error("not an absolute http or https URL")]
    NotAbsolute,
    /// Has user information, a query or a fragment.
    #[error("a base URL has no user, query or fragment")]
    NotABase,
    /// Plain http to a host that is not loopback, without leave.
    #[error("plain http is allowed for loopback hosts only")]
    Insecure,
    /// A request path that is not a plain path below the version segment.
    #[error("not a path below the version segment")]
    InvalidPath,
}

/// Replacements for the global cloud's base URLs.
#[derive(Clone, Debug, Default)]
pub struct EndpointOverrides {
    /// Replaces `https://graph.microsoft.com`; without the version segment.
    pub graph: Option<String>,
    /// Replaces `https://login.microsoftonline.com`.
    pub login: Option<String>,
    /// Lets plain http go to hosts other than loopback. The caller logs a warning.
    pub allow_insecure: bool,
}

/// The two base URLs of one cloud, without a trailing slash in their path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    login: Url,
    graph: Url,
}

impl Endpoints {
    /// Endpoints of a cloud; the overrides count for [`Cloud::Global`] only.
    pub fn of(cloud: Cloud, overrides: &EndpointOverrides) -> Result<Self, EndpointError> {
        let (login, graph) = cloud.base_urls();
        if cloud != Cloud::Global {
            return Self::new(login, graph, false);
        }
        Self::new(
            overrides.login.as_deref().unwrap_or(login),
            overrides.graph.as_deref().unwrap_or(graph),
            overrides.allow_insecure,
        )
    }

    fn new(login: &str, graph: &str, allow_insecure: bool) -> Result<Self, EndpointError> {
        Ok(Self {
            login: base_url(login, allow_insecure)?,
            graph: base_url(graph, allow_insecure)?,
        })
    }

    /// Base URL of the login service.
    pub const fn login(&self) -> &Url {
        &self.login
    }

    /// Base URL of Graph, without a version segment.
    pub const fn graph(&self) -> &Url {
        &self.graph
    }

    /// The Graph base as text without a trailing slash: the prefix of `@odata.bind` and `$ref`
    /// URLs in the target's cloud.
    pub fn graph_base(&self) -> &str {
        self.graph.as_str().trim_end_matches('/')
    }

    /// The token endpoint of a tenant.
    pub fn token_url(&self, tenant_id: uuid::Uuid) -> Result<Url, EndpointError> {
        let base = self.login.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}/{tenant_id}/oauth2/v2.0/token"))
            .map_err(|_| EndpointError::NotAbsolute)
    }

    /// The scope of an application token for this Graph.
    pub fn scope(&self) -> String {
        format!("{}/.default", self.graph_base())
    }

    /// Whether both hosts are this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.login) && is_loopback(&self.graph)
    }

    /// The URL of a path below a version segment. The path starts with one `/`, may carry a query,
    /// and cannot leave the version segment.
    pub fn resource_url(&self, version: GraphVersion, path: &str) -> Result<Url, EndpointError> {
        let plain = path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains(['\\', '#'])
            && !path.chars().any(char::is_control)
            && !climbs(path.split('?').next().unwrap_or_default());
        if !plain {
            return Err(EndpointError::InvalidPath);
        }
        let base = self.graph_base();
        let url = Url::parse(&format!("{base}/{}{path}", version.segment()))
            .map_err(|_| EndpointError::InvalidPath)?;
        if !self.contains(version, &url) {
            return Err(EndpointError::InvalidPath);
        }
        Ok(url)
    }

    /// Whether a URL (a `nextLink`, say) lies on this very Graph below the version segment: same
    /// scheme, host and port, no user information. A token goes nowhere else.
    pub fn contains(&self, version: GraphVersion, url: &Url) -> bool {
        let base = self.graph.path().trim_end_matches('/');
        let below = url
            .path()
            .strip_prefix(base)
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|rest| rest.strip_prefix(version.segment()));
        url.scheme() == self.graph.scheme()
            && url.host() == self.graph.host()
            && url.port_or_known_default() == self.graph.port_or_known_default()
            && url.username().is_empty()
            && url.password().is_none()
            && below.is_some_and(|rest| rest.starts_with('/'))
            && !climbs(url.path())
    }
}

/// Whether a path has a segment that a server might take for "one up", encoded or not.
fn climbs(path: &str) -> bool {
    path.split('/').any(|segment| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".." || plain.contains("%2f") && plain.contains("..")
    })
}

fn base_url(text: &str, allow_insecure: bool) -> Result<Url, EndpointError> {
    let url = Url::parse(text.trim()).map_err(|_| EndpointError::NotAbsolute)?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(EndpointError::NotAbsolute);
    }
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !bare {
        return Err(EndpointError::NotABase);
    }
    if url.scheme() == "http" && !allow_insecure && !is_loopback(&url) {
        return Err(EndpointError::Insecure);
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
#[path = "cloud_test.rs"]
mod tests;
