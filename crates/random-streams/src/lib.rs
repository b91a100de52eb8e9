//! Random numbers that do not depend on the number of threads: one stream per item, never one per thread.
//!
//! A stream is named by a seed, the name of a step and the index of an item, and starts at a hash of the three. So an item
//! draws the same numbers whichever thread handles it and in whatever order, on every machine. Starting a stream costs a
//! few multiplications.
//!
//! The generator is `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014); the
//! name is hashed by FNV-1a. It is for sampling and initialization, not for cryptography.
//!
//! ```
//! use random_streams::Seed;
//!
//! let seed = Seed(42);
//! let third = seed.stream("sample", 3).next_u64();
//! assert_eq!(third, seed.stream("sample", 3).next_u64());
//! assert_ne!(third, seed.stream("sample", 4).next_u64());
//! assert!((0.0..1.0).contains(&seed.stream("jitter", 3).next_f32()));
//! ```

use serde::{Deserialize, Serialize};

/// The seed from which all streams of a run are derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed(pub u64);

impl Seed {
    /// The random numbers of item `index` in the step named `step`: the same on every machine.
    pub fn stream(self, step: &str, index: u64) -> Stream {
        // FNV-1a over the name, then mixed with seed and index: neighboring indices have unrelated streams.
        let name = step.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Stream {
            state: mix(mix(mix(self.0).wrapping_add(name)).wrapping_add(index)),
        }
    }
}

/// A stream of random numbers: a part of the one cycle of all 2^64 states. Of m streams of L numbers each, any two overlap
/// with a probability of about m^2 L / 2^64.
#[derive(Debug, Clone)]
pub struct Stream {
    state: u64,
}

impl Stream {
    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        finish(self.state)
    }

    /// A number from 0 (inclusive) to 1 (exclusive).
    pub fn next_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number from 0 (inclusive) to 1 (exclusive).
    pub fn next_f32(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 / (1u32 << 24) as f32
    }

    /// A number from 0 to `n` - 1, uniformly distributed up to a bias of n / 2^64.
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "there is no number below 0");
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// `count` different numbers from 0 to `n` - 1, ascending, each subset equally likely; all `n` numbers if `count` is larger.
    /// Draws min(`count`, `n`) numbers; O(count log count).
    pub fn sample(&mut self, n: usize, count: usize) -> Vec<usize> {
        let count = count.min(n);
        // Floyd's algorithm: memory for the sample alone.
        let mut chosen = std::collections::BTreeSet::new();
        for last in n - count..n {
            let at = self.below(last + 1);
            if !chosen.insert(at) {
                chosen.insert(last);
            }
        }
        chosen.into_iter().collect()
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(value: u64) -> u64 {
    finish(value.wrapping_add(GOLDEN))
}

fn finish(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
