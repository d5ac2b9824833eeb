//! How the source misbehaves.

use fastrand::Rng;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// One way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    Status(u16),
    /// 429 or 503 with `Retry-After` of so many seconds.
    RetryAfter(u16, u32),
    RedirectToACopy,
    RedirectToItself,
    RedirectToAnother,
    RedirectToAForm,
    Html,
    NoBytes,
    NotModified,
    /// An answer for another article.
    Another,
    WrongType,
    Null,
    LoneSurrogate,
    EmptySlug,
    TwistedSlug,
    EndlessList,
    ByteOrderMark,
    Gzip,
    Half,
    CutChunks,
    Drip,
    DripForEver,
    Hang,
    Close,
    CloseInHead,
    NoHttp,
    Oversized,
    OversizedChunks,
}

use Fault::*;

const ALL: [Fault; 37] = [
    Status(204),
    Status(400),
    Status(401),
    Status(403),
    Status(418),
    Status(500),
    Status(502),
    Status(503),
    RetryAfter(429, 1),
    RetryAfter(503, 1),
    RedirectToACopy,
    RedirectToItself,
    RedirectToAnother,
    RedirectToAForm,
    Html,
    NoBytes,
    NotModified,
    Another,
    WrongType,
    Null,
    LoneSurrogate,
    EmptySlug,
    TwistedSlug,
    EndlessList,
    ByteOrderMark,
    Gzip,
    Half,
    CutChunks,
    Drip,
    DripForEver,
    Hang,
    Close,
    CloseInHead,
    NoHttp,
    Oversized,
    OversizedChunks,
    // Twice as often as the others: what sources do most.
    Status(500),
];

/// The article whose limit is a day. Only one is: if a second asks for more than a few seconds,
/// the whole origin is left alone for minutes, and so would be the rest of the attack.
pub(super) const LIMITED: &str = "/articles/snow1";

/// What the source is like for a while.
#[derive(Clone, Copy, Debug)]
pub(super) enum Weather {
    Calm,
    /// So many requests of a hundred meet a fault of any kind.
    Gusts(u8),
    /// One fault for all.
    Steady(Fault),
}

/// The source's mood in one phase of a run. Equal seeds give equal answers to the n-th request
/// for an address in a phase.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mood {
    pub(super) weather: Weather,
    /// Whether it finds articles in any case of letters.
    pub(super) ignores_case: bool,
    seed: u64,
}

impl Mood {
    pub(super) const CALM: Self = Self { weather: Weather::Calm, ignores_case: false, seed: 0 };

    /// Every third phase is calm: the source recovers.
    pub(super) fn of_phase(seed: u64, phase: usize) -> Self {
        let seed = xxh3_64_with_seed(&phase.to_le_bytes(), seed);
        let mut rng = Rng::with_seed(seed);
        let weather = match phase % 3 {
            0 => Weather::Calm,
            1 => Weather::Gusts(rng.u8(20..=100)),
            _ => Weather::Steady(ALL[rng.usize(..ALL.len())]),
        };
        Self { weather, ignores_case: rng.bool(), seed }
    }

    /// What the n-th request for `address` meets, and the choices within.
    pub(super) fn answer(&self, address: &str, nth: u64) -> (Option<Fault>, Rng) {
        let mut rng = Rng::with_seed(xxh3_64_with_seed(address.as_bytes(), self.seed ^ nth));
        let fault = match self.weather {
            Weather::Calm => None,
            Weather::Gusts(_) if address == LIMITED => Some(RetryAfter(429, 86_400)),
            Weather::Gusts(percent) => {
                (rng.u8(..100) < percent).then(|| ALL[rng.usize(..ALL.len())])
            }
            Weather::Steady(fault) => Some(fault),
        };
        (fault, rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_faults() {
        let faults = |seed| {
            let of = |nth| Mood::of_phase(seed, 1).answer("/articles/a", nth).0;
            (0..50).map(of).collect::<Vec<_>>()
        };
        assert_eq!(faults(3), faults(3));
        assert_ne!(faults(3), faults(4));
    }
}
