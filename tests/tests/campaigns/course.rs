//! The course of a campaign: a seeded stream of numbers, and how long it shall be. Independent of
//! any library's generator, so that a seed means the same for ever.

/// A stream of numbers from a seed (splitmix64).
#[derive(Clone, Debug)]
pub struct Course {
    /// Where it began; printed with the figures.
    pub seed: u64,
    state: u64,
}

impl Course {
    /// The stream of `CAMPAIGN_SEED`, or of `default`.
    pub fn new(default: u64) -> Self {
        let seed = std::env::var("CAMPAIGN_SEED")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default);
        Self { seed, state: seed }
    }

    /// The stream of one lane of a campaign.
    pub fn lane(&self, lane: usize) -> Self {
        let mut own = Self {
            seed: self.seed,
            state: self.seed ^ ((lane as u64 + 1) << 48),
        };
        own.number();
        own
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number of `from..to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.number() % (to - from).max(1)
    }

    /// `count` different elements, in any order.
    pub fn pick<T: Clone>(&mut self, from: &[T], count: usize) -> Vec<T> {
        let mut rest = from.to_vec();
        let mut picked = Vec::new();
        while picked.len() < count && !rest.is_empty() {
            let at = usize::try_from(self.number() % rest.len() as u64).unwrap_or(0);
            picked.push(rest.swap_remove(at));
        }
        picked
    }
}

/// A figure of a campaign: a taste of it in `cargo test --workspace`, the figure of CI with the
/// feature `campaigns`, many with `CAMPAIGN_SCALE=long`. `CAMPAIGN_SCALE` may name any of the three.
pub fn figure(taste: usize, ci: usize, long: usize) -> usize {
    match std::env::var("CAMPAIGN_SCALE").as_deref() {
        Ok("taste") => taste,
        Ok("ci") => ci,
        Ok("long") => long,
        _ if cfg!(feature = "campaigns") => ci,
        _ => taste,
    }
}
