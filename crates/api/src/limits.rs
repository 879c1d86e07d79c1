//! How much one credential may ask, and how often one address may fail to show a credential.
//!
//! Counted in this process: several processes behind a balancer allow as many times as much. What
//! needs no credential (health, metrics, documents) is not counted. A good credential is never
//! refused for what others at its address do.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use uuid::Uuid;

/// After so many checks the counters of those who are silent are dropped.
const TIDY: u32 = 4096;

/// A rate and how much of it may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Per second, in the long run.
    pub per_second: NonZeroU32,
    /// At once, after a silence.
    pub burst: NonZeroU32,
}

impl Rate {
    /// Ten seconds' worth may come at once.
    pub const fn of(per_second: NonZeroU32) -> Self {
        Self {
            per_second,
            burst: per_second.saturating_mul(TEN),
        }
    }

    fn quota(self) -> Quota {
        Quota::per_second(self.per_second).allow_burst(self.burst)
    }
}

const TEN: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// Denials of one token or user that are audited one by one.
const DENIALS: Rate = Rate {
    per_second: NonZeroU32::MIN,
    burst: TEN.saturating_mul(TEN),
};
/// Of so many tokens and users the denials that were not audited are counted.
const MOST_LEFT_OUT: usize = 10_000;

/// What is allowed, and whose word counts for where a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Requests of one token or user.
    pub requests: Rate,
    /// Refused credentials from one address.
    pub failures: Rate,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Default for LimitSettings {
    fn default() -> Self {
        const REQUESTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);
        const FAILURES: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);
        Self {
            requests: Rate::of(REQUESTS),
            failures: Rate::of(FAILURES),
            trusted_proxies: Vec::new(),
        }
    }
}

/// The counters of this process.
pub struct Limits {
    callers: DefaultKeyedRateLimiter<Uuid>,
    failures: DefaultKeyedRateLimiter<IpAddr>,
    denials: DefaultKeyedRateLimiter<Uuid>,
    left_out: Mutex<HashMap<Uuid, u64>>,
    trusted_proxies: Vec<IpAddr>,
    clock: DefaultClock,
    checks: AtomicU32,
}

impl Limits {
    /// Nothing is counted yet.
    pub fn new(settings: &LimitSettings) -> Self {
        Self {
            callers: RateLimiter::keyed(settings.requests.quota()),
            failures: RateLimiter::keyed(settings.failures.quota()),
            denials: RateLimiter::keyed(DENIALS.quota()),
            left_out: Mutex::default(),
            trusted_proxies: settings.trusted_proxies.clone(),
            clock: DefaultClock::default(),
            checks: AtomicU32::new(0),
        }
    }

    /// Counts a request of a token or user; how long to wait when it is too many.
    pub fn admit(&self, credential: Uuid) -> Result<(), Duration> {
        self.tidy();
        self.callers
            .check_key(&credential)
            .map_err(|no| no.wait_time_from(self.clock.now()))
    }

    /// Counts a refused credential; how long to wait when it is too many.
    pub fn refuse(&self, request: &HttpRequest) -> Result<(), Duration> {
        self.tidy();
        let peer = request.peer_addr().map(|peer| peer.ip());
        let Some(address) = self.address(peer, request.headers()) else {
            return Ok(());
        };
        self.failures
            .check_key(&network(address))
            .map_err(|no| no.wait_time_from(self.clock.now()))
    }

    /// Where a request comes from.
    pub fn address(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let forwarded = headers.get_all("x-forwarded-for");
        let forwarded = forwarded.filter_map(|value| value.to_str().ok());
        client_address(peer, forwarded, &self.trusted_proxies)
    }

    /// Counts a denial of a token or user that is to be audited. `Err`: too many were already, this
    /// one is only counted. `Ok`: how many were only counted since the last one that was audited.
    pub fn denied(&self, credential: Uuid) -> Result<u64, ()> {
        self.tidy();
        let mut left_out = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        if self.denials.check_key(&credential).is_ok() {
            return Ok(left_out.remove(&credential).unwrap_or_default());
        }
        if left_out.len() < MOST_LEFT_OUT || left_out.contains_key(&credential) {
            *left_out.entry(credential).or_default() += 1;
        }
        Err(())
    }

    fn tidy(&self) {
        if self.checks.fetch_add(1, Ordering::Relaxed) % TIDY == TIDY - 1 {
            self.callers.retain_recent();
            self.failures.retain_recent();
            self.denials.retain_recent();
        }
    }
}

/// Whole seconds for `Retry-After`, one at least.
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + 1
}

/// Where a request comes from: the peer. When the peer is a trusted proxy, the last address in the
/// chain that no trusted proxy has: everything before it is the client's own word.
fn client_address<'a>(
    peer: Option<IpAddr>,
    forwarded: impl Iterator<Item = &'a str>,
    trusted: &[IpAddr],
) -> Option<IpAddr> {
    let peer = peer?.to_canonical();
    if !trusted.contains(&peer) {
        return Some(peer);
    }
    let chain: Vec<&str> = forwarded.flat_map(|line| line.split(',')).collect();
    let mut last = peer;
    for text in chain.iter().rev() {
        let Ok(address) = text.trim().parse::<IpAddr>() else {
            return Some(last);
        };
        last = address.to_canonical();
        if !trusted.contains(&last) {
            return Some(last);
        }
    }
    Some(last)
}

/// Whoever has one IPv6 address has a whole /64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn forwarded_addresses_are_believed_from_trusted_proxies_only() {
        let trusted = [ip("10.0.0.1"), ip("10.0.0.2")];
        let of = |peer: &str, lines: &[&str]| {
            client_address(Some(ip(peer)), lines.iter().copied(), &trusted).unwrap()
        };
        assert_eq!(of("198.51.100.7", &["1.2.3.4"]), ip("198.51.100.7"));
        assert_eq!(of("10.0.0.1", &["1.2.3.4"]), ip("1.2.3.4"));
        assert_eq!(
            of("10.0.0.1", &["6.6.6.6, 1.2.3.4, 10.0.0.2"]),
            ip("1.2.3.4")
        );
        assert_eq!(of("10.0.0.1", &["6.6.6.6", "1.2.3.4"]), ip("1.2.3.4"));
        assert_eq!(of("10.0.0.1", &["nonsense"]), ip("10.0.0.1"));
        assert_eq!(of("10.0.0.1", &[]), ip("10.0.0.1"));
        assert_eq!(of("::ffff:10.0.0.1", &["1.2.3.4"]), ip("1.2.3.4"));
    }

    #[test]
    fn a_network_is_one_neighbour() {
        assert_eq!(
            network(ip("2001:db8:1:2:3::9")),
            network(ip("2001:db8:1:2::1"))
        );
        assert_ne!(
            network(ip("2001:db8:1:2::1")),
            network(ip("2001:db8:1:3::1"))
        );
        assert_ne!(network(ip("192.0.2.1")), network(ip("192.0.2.2")));
    }

    #[test]
    fn one_caller_waits_and_another_does_not() {
        let few = NonZeroU32::new(2).unwrap();
        let limits = Limits::new(&LimitSettings {
            requests: Rate {
                per_second: few,
                burst: few,
            },
            ..LimitSettings::default()
        });
        let (busy, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert!(limits.admit(busy).is_ok() && limits.admit(busy).is_ok());
        let wait = limits.admit(busy).unwrap_err();
        assert!(wait <= Duration::from_secs(1) && whole_seconds(wait) >= 1);
        assert!(limits.admit(other).is_ok());
    }
}
