//! The real service's request limits, for tenants that switched them on.

use std::time::{Duration, Instant};

use crate::answer::{Family, Refusal};
use crate::state::Tenant;

const WRITES: usize = 100;
const WINDOW: Duration = Duration::from_secs(20);

/// Counts a request; answers the refusal when it is one too many.
pub(crate) fn check(tenant: &mut Tenant, family: Family, writes: bool) -> Option<Refusal> {
    let now = Instant::now();
    if family == Family::ConditionalAccess && tenant.options.conditional_access_limit {
        let early = tenant
            .last_conditional_access
            .is_some_and(|last| now.duration_since(last) < Duration::from_secs(1));
        tenant.last_conditional_access = Some(now);
        if early {
            // This service never says how long to wait.
            return Some(Refusal::new(429, "TooManyRequests", "Too many requests."));
        }
    }
    if family == Family::Intune && writes && tenant.options.write_limit {
        while tenant
            .recent_writes
            .front()
            .is_some_and(|at| now.duration_since(*at) >= WINDOW)
        {
            tenant.recent_writes.pop_front();
        }
        tenant.recent_writes.push_back(now);
        if tenant.recent_writes.len() > WRITES {
            let mut refusal = Refusal::new(429, "TooManyRequests", "Too many requests.");
            refusal.nested = true;
            refusal
                .headers
                .push(("Retry-After".to_owned(), "5".to_owned()));
            return Some(refusal);
        }
    }
    None
}
