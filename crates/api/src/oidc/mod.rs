//! Access tokens of the configured identity provider: whose they are, if they are anybody's.
//!
//! Decides which signatures and claims are taken. It must not know users: what an identity is
//! allowed is in the database, and an address in a token means nothing here. Every refusal is the
//! same; why is nobody's business but the log's, at debug level.

mod keys;
mod provider;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use store::identities::Identity;
use tokio::sync::{Mutex, Notify, watch};

use self::keys::{KeySet, TokenHeader};
use self::provider::Provider;

/// Longer than any access token.
const LONGEST_TOKEN: usize = 16 * 1024;
/// Clocks of the provider and of this host may differ by this many seconds.
const LEEWAY: u32 = 10;
/// How often the keys are read anew while all is well.
const REFRESH: Duration = Duration::from_mins(5);
/// How long keys are used that cannot be read anew. What the provider took back while it could not
/// be reached must not be good forever.
const LONGEST_USE: Duration = Duration::from_hours(24);
/// Unknown key ids make us ask the provider at once this often in a row, then once per
/// [`ASK_AGAIN`]: everybody can make up a key id.
const ASK_AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(2);
/// See [`ASK_AT_ONCE`].
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// Who asks in vain is not forgotten: the keys are read anew so long after the read before, whoever
/// used up the asking. So a new key is known that soon, however many ids are made up.
const CATCH_UP: Duration = Duration::from_secs(3);
/// No access token that is taken lives longer from now on.
const LONGEST_LIFE: f64 = 24.0 * 3600.0;
/// The first wait after a failed read; doubles up to [`REFRESH`].
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Whose tokens are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcSettings {
    /// The provider, exactly as it names itself.
    pub issuer: String,
    /// What its tokens must be meant for.
    pub audience: String,
}

/// The identity provider as this process knows it.
pub struct Oidc {
    settings: OidcSettings,
    provider: Provider,
    known: RwLock<Known>,
    /// One read at a time; whoever waits for it finds its result.
    reading: Mutex<()>,
    asks: DefaultDirectRateLimiter,
    /// Somebody asked in vain.
    wanted: Notify,
    failing: AtomicBool,
}

#[derive(Default)]
struct Known {
    keys: KeySet,
    read_at: Option<Instant>,
    /// Raised by every read.
    generation: u64,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    /// Read only to insist on one text: a list with ours in it is not ours.
    #[serde(rename = "iss")]
    _iss: String,
    /// Read only to insist on a number: a text would be passed over.
    #[serde(rename = "nbf")]
    _nbf: Option<f64>,
}

impl Oidc {
    /// Nothing is asked of the provider yet.
    pub fn new(settings: OidcSettings) -> Result<Self, &'static str> {
        let provider = Provider::new(&settings.issuer)?;
        let quota = Quota::with_period(ASK_AGAIN)
            .unwrap_or(Quota::per_minute(ASK_AT_ONCE))
            .allow_burst(ASK_AT_ONCE);
        Ok(Self {
            settings,
            provider,
            known: RwLock::default(),
            reading: Mutex::new(()),
            asks: RateLimiter::direct(quota),
            wanted: Notify::new(),
            failing: AtomicBool::new(false),
        })
    }

    /// Whom a token is about; `None` for one that is not to be trusted, whatever the reason.
    pub async fn verify(self: &Arc<Self>, token: &str) -> Option<Identity> {
        if token.len() > LONGEST_TOKEN {
            return None;
        }
        let header = TokenHeader::read(token)?;
        let (found, generation) = self.check(token, &header);
        match found {
            Found::Key(subject) => return subject,
            Found::NoKey => {}
        }
        self.ask_for_unknown(generation).await;
        match self.check(token, &header).0 {
            Found::Key(subject) => subject,
            Found::NoKey => None,
        }
    }

    /// Reads the keys now and then until the process stops. Never fails: without the provider API
    /// tokens work, and so do access tokens under keys that are known.
    pub async fn keep_current(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let mut retry = FIRST_RETRY;
        loop {
            let read = {
                let _one = self.reading.lock().await;
                self.read().await
            };
            let wait = if read {
                retry = FIRST_RETRY;
                REFRESH
            } else {
                let wait = retry;
                retry = (retry * 2).min(REFRESH);
                wait
            };
            let read_at = tokio::time::Instant::now();
            tokio::select! {
                () = tokio::time::sleep(wait) => continue,
                () = self.wanted.notified() => {}
                _ = stopping.changed() => return,
            }
            tokio::select! {
                () = tokio::time::sleep_until(read_at + CATCH_UP) => {}
                _ = stopping.changed() => return,
            }
        }
    }

    async fn ask_for_unknown(self: &Arc<Self>, seen: u64) {
        let _one = self.reading.lock().await;
        // Somebody else asked while this call waited.
        if self.generation() != seen {
            return;
        }
        if self.asks.check().is_err() {
            self.wanted.notify_one();
            return;
        }
        self.read().await;
    }

    /// One read; keys that are known stay when it fails.
    async fn read(self: &Arc<Self>) -> bool {
        let this = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || this.provider.read_keys()).await;
        let failure = match read {
            Ok(Ok(keys)) => {
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                known.keys = keys;
                known.read_at = Some(Instant::now());
                known.generation += 1;
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the identity provider's keys can be read again");
                }
                return true;
            }
            Ok(Err(failure)) => failure.to_string(),
            Err(join) => join.to_string(),
        };
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(%failure, "the identity provider's keys cannot be read; known ones stay in use");
        }
        false
    }

    fn generation(&self) -> u64 {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.generation
    }

    /// Checks under the keys that are known, and says which read they are of.
    fn check(&self, token: &str, header: &TokenHeader) -> (Found, u64) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let fresh = known.read_at.is_some_and(|at| at.elapsed() < LONGEST_USE);
        let key = known.keys.find(header).filter(|_| fresh);
        let Some(key) = key else {
            return (Found::NoKey, known.generation);
        };
        let validation = self.validation(header.algorithm);
        let subject = jsonwebtoken::decode::<Claims>(token, key, &validation)
            .inspect_err(|error| tracing::debug!(%error, "an access token is refused"))
            .ok()
            .map(|data| data.claims)
            .filter(|claims| claims.exp <= seconds_now() + LONGEST_LIFE + f64::from(LEEWAY))
            .map(|claims| claims.sub)
            .filter(|subject| {
                (1..=255).contains(&subject.chars().count())
                    && !subject.chars().any(char::is_control)
            });
        let identity = subject.map(|subject| Identity {
            issuer: self.settings.issuer.clone(),
            subject,
        });
        (Found::Key(identity), known.generation)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = u64::from(LEEWAY);
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
fn seconds_now() -> f64 {
    chrono::Utc::now().timestamp() as f64
}

/// What a look under the known keys found.
enum Found {
    /// The key; and the identity, if the token is good.
    Key(Option<Identity>),
    /// No key of this id: perhaps it is new.
    NoKey,
}
