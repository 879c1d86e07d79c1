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

/// Rounds of a campaign: few in CI, many with `CAMPAIGN_SCALE=long`.
pub fn rounds(ci: usize, long: usize) -> usize {
    if std::env::var("CAMPAIGN_SCALE").as_deref() == Ok("long") {
        long
    } else {
        ci
    }
}
