//! The memory estimate of the stage, before it starts, and the limit.
//!
//! Besides its weights, a session holds the memory of its largest batch, because the arena of ONNX Runtime does not shrink by
//! itself (without the arena, the same texts took up to twice the time). Two figures give its size:
//!
//! * Texts of up to [`LONG`] tokens: [`ARENA`] values per token and dimension, measured on the default model.
//! * Longer texts: the attention scores, heads x tokens x tokens, of which a graph holds one or two copies, depending on its
//!   export. The number of copies is measured with one text of the maximum length, up to [`PROBE`] tokens, if the system
//!   reports the memory of a process.
//!
//! ONNX Runtime computes all attention scores of a text at once, so a text whose scores do not fit cannot be embedded.

use std::collections::BTreeMap;

/// For texts with more tokens, attention is a considerable part of the memory.
pub(crate) const LONG: usize = 256;
/// Number of tokens of the text for measuring the memory of attention.
pub(crate) const PROBE: usize = 1024;
/// Values in the arena per token of a batch and dimension.
const ARENA: u64 = 66;
/// Minimum number of vectors per token that a layer holds besides the scores: input, queries, keys, values, output.
const LAYER_VECTORS: u64 = 6;
/// Copies of the scores, if they cannot be measured.
const COPIES: u64 = 2;
/// Minimum number of tokens per batch: smaller batches would spend most time in call overhead.
pub(crate) const MIN_BATCH_TOKENS: usize = 64;

/// The lengths of the texts to embed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lengths {
    /// For each number of tokens above [`LONG`]: the number of texts, and the first of them.
    long: BTreeMap<usize, (usize, u32)>,
    /// Total number of tokens of the other texts, and of the longest of them.
    short: usize,
    longest_short: usize,
}

impl Lengths {
    /// Texts of at most `tokens` tokens, at most [`LONG`].
    pub(crate) fn all_short(tokens: usize) -> Self {
        Self {
            long: BTreeMap::new(),
            short: usize::MAX,
            longest_short: tokens.min(LONG),
        }
    }

    pub(crate) fn push(&mut self, id: u32, tokens: usize) {
        if tokens > LONG {
            self.long.entry(tokens).or_insert((0, id)).0 += 1;
        } else {
            self.short = self.short.saturating_add(tokens);
            self.longest_short = self.longest_short.max(tokens);
        }
    }

    /// The number of tokens of the longest text, and its id if it has more than [`LONG`].
    pub(crate) fn longest(&self) -> Option<(usize, u32)> {
        let (&tokens, &(_, id)) = self.long.last_key_value()?;
        Some((tokens, id))
    }
}

/// Memory of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Bytes per token of short texts.
    short: u64,
    /// Bytes per token of long texts.
    linear: u64,
    /// Bytes per pair of tokens of long texts.
    square: u64,
}

impl Cost {
    /// For token vectors of `d` dimensions and `heads` attention heads; `measured` is a number of tokens and the bytes they took.
    pub(crate) fn new(d: usize, heads: usize, measured: Option<(usize, u64)>) -> Self {
        let (vector, scores) = (4 * d as u64, 4 * heads as u64);
        let mut cost = Self {
            short: ARENA * vector,
            linear: LAYER_VECTORS * vector,
            square: COPIES * scores,
        };
        if let Some((tokens, bytes)) = measured {
            let tokens = tokens as u64;
            let of_scores = bytes.saturating_sub(cost.linear * tokens);
            // To the nearest whole number of copies.
            let copies = (2 * of_scores / (scores * tokens * tokens))
                .div_ceil(2)
                .max(1);
            cost.square = copies * scores;
            let rest = bytes.saturating_sub(cost.square * tokens * tokens);
            cost.linear = cost.linear.max(rest / tokens);
        }
        cost
    }

    /// Bytes of one text.
    pub(crate) fn text(&self, tokens: usize) -> u64 {
        let n = tokens as u64;
        if tokens <= LONG {
            return self.short * n;
        }
        let long = (self.linear * n).saturating_add(self.square.saturating_mul(n * n));
        long.max(self.short * LONG as u64)
    }

    /// Maximum number of tokens of a text that takes at most `bytes`.
    fn tokens_within(&self, bytes: u64) -> usize {
        if bytes < self.short * LONG as u64 {
            return (bytes / self.short) as usize;
        }
        // linear n + square n^2 = bytes.
        let (linear, square) = (self.linear as f64, self.square as f64);
        let root = (linear * linear + 4.0 * square * bytes as f64).sqrt();
        (((root - linear) / (2.0 * square)) as usize).max(LONG)
    }

    /// Bytes of `sessions` sessions besides their weights, with batches of at most `budget` tokens.
    pub(crate) fn sessions(&self, sessions: usize, budget: usize, lengths: &Lengths) -> u64 {
        let usual = self.short * budget.max(lengths.longest_short).min(lengths.short) as u64;
        let mut idle = sessions;
        let mut held = 0_u64;
        // In the worst case, each session holds one of the largest batches.
        let mut largest: Vec<(u64, usize)> = lengths
            .long
            .iter()
            .map(|(&tokens, &(texts, _))| {
                let rows = (budget / tokens).clamp(1, texts);
                (
                    self.text(tokens).saturating_mul(rows as u64),
                    texts.div_ceil(rows),
                )
            })
            .filter(|(bytes, _)| *bytes > usual)
            .collect();
        largest.sort_unstable_by(|a, b| b.cmp(a));
        for (bytes, batches) in largest {
            let with = batches.min(idle);
            held = held.saturating_add(bytes.saturating_mul(with as u64));
            idle -= with;
        }
        held.saturating_add(usual * idle as u64)
    }
}

/// The parameters that the memory depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work<'a> {
    /// Bytes with one session loaded, including the vectors of all texts.
    pub(crate) held: u64,
    /// Bytes that loading one session took; at most as much for each further one.
    pub(crate) session: u64,
    /// Its threads.
    pub(crate) threads_each: usize,
    pub(crate) cost: Cost,
    pub(crate) lengths: &'a Lengths,
    /// Threads that the sessions share.
    pub(crate) threads: usize,
}

/// Number of sessions, threads and batch size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) sessions: usize,
    /// Threads per session.
    pub(crate) threads_each: usize,
    /// Maximum number of tokens per batch.
    pub(crate) budget: usize,
}

impl Share {
    /// `threads` divided among `sessions`, with batches of `batch_tokens` per thread.
    pub(crate) fn new(sessions: usize, threads: usize, batch_tokens: usize) -> Self {
        let threads_each = threads.div_ceil(sessions);
        Self {
            sessions,
            threads_each,
            budget: batch_tokens * threads_each,
        }
    }
}

impl Work<'_> {
    /// Peak memory in bytes.
    pub(crate) fn need(&self, share: Share) -> u64 {
        let batches = self
            .cost
            .sessions(share.sessions, share.budget, self.lengths);
        self.loaded(share).saturating_add(batches)
    }

    /// Bytes before the first batch.
    fn loaded(&self, share: Share) -> u64 {
        // Reloading a session leaves fragmented memory behind: measured at a fifth.
        let again = share.threads_each != self.threads_each;
        self.held
            .saturating_add(if again { self.session / 4 } else { 0 })
            .saturating_add(self.session * (share.sessions as u64 - 1))
    }

    /// Maximum number of tokens of a text within `limit`, with one session.
    pub(crate) fn fits(&self, limit: u64) -> usize {
        let alone = Share::new(1, self.threads, 1);
        self.cost
            .tokens_within(limit.saturating_sub(self.loaded(alone)))
    }

    /// The share with the most sessions, then the largest batches, within `limit`; else the bytes of the smallest one.
    pub(crate) fn within(
        &self,
        limit: u64,
        sessions: usize,
        batch_tokens: usize,
    ) -> Result<Share, u64> {
        let mut least = u64::MAX;
        for sessions in (1..=sessions).rev() {
            let mut tokens = batch_tokens;
            loop {
                let share = Share::new(sessions, self.threads, tokens);
                let need = self.need(share);
                if need <= limit {
                    return Ok(share);
                }
                least = least.min(need);
                if tokens / 2 < MIN_BATCH_TOKENS {
                    break;
                }
                tokens /= 2;
            }
        }
        Err(least)
    }
}

/// Resident memory of this process in bytes; only on Linux.
pub(crate) fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = (1 << 20) as f64;

    fn lengths(tokens: &[usize]) -> Lengths {
        let mut lengths = Lengths::default();
        for (id, &tokens) in tokens.iter().enumerate() {
            lengths.push(id as u32, tokens);
        }
        lengths
    }

    /// Bytes beside weights and vectors, in MiB.
    fn taken(cost: Cost, share: Share, lengths: &Lengths) -> f64 {
        let work = Work {
            held: 0,
            session: 0,
            threads_each: 1,
            cost,
            lengths,
            threads: 1,
        };
        work.need(share) as f64 / MIB
    }

    /// On the default model, on texts of its full length: 211 MiB loaded at one thread, 297 at two.
    #[test]
    fn the_estimate_fits_the_measurements() {
        for (loaded, sessions, tokens, measured) in [
            (211.0, 1, 512, 255.0),
            (297.0, 2, 512, 390.0),
            (297.0, 2, 4_096, 1_082.0),
        ] {
            let share = Share::new(sessions, sessions, tokens);
            let cost = Cost::new(384, 12, None);
            let vectors = f64::from(100 * 384 * 4) / MIB;
            let told = loaded + taken(cost, share, &Lengths::all_short(256)) + vectors;
            let ratio = told / measured;
            assert!((0.97..1.05).contains(&ratio), "{loaded} {tokens}: {ratio}");
        }
    }

    /// On graphs with random weights, with both copies of the scores: what one text took.
    #[test]
    fn the_estimate_includes_the_attention_matrix() {
        for (d, heads, probed, tokens, measured) in [
            (384, 12, 104.9, 2048, 404.0),
            (384, 12, 104.9, 4096, 1624.6),
            (1024, 16, 128.0, 2048, 528.7),
            (1024, 16, 128.0, 4096, 2152.0),
            (64, 16, 128.0, 8192, 8448.0),
        ] {
            let cost = Cost::new(d, heads, Some((1024, (probed * MIB) as u64)));
            let told = taken(cost, Share::new(1, 1, 512), &lengths(&[tokens]));
            let ratio = told / measured;
            assert!((0.9..1.15).contains(&ratio), "{d} {tokens}: {ratio}");
        }
    }

    #[test]
    fn copies_of_attention_scores_are_inferred_from_one_text() {
        let scores = 16 * 1024 * 1024 * 4;
        let beside = 6 * 4 * 1024 * 1024;
        for copies in 1..4 {
            for noise in [-(8 << 20), 0, 24 << 20] {
                let measured = (copies * scores + beside + noise) as u64;
                let cost = Cost::new(1024, 16, Some((1024, measured)));
                assert_eq!(cost.square, copies as u64 * 4 * 16, "{copies} {noise}");
            }
        }
        assert_eq!(Cost::new(1024, 16, Some((1024, 0))).square, 4 * 16);
        assert_eq!(Cost::new(1024, 16, None).square, 2 * 4 * 16);
    }

    #[test]
    fn the_estimate_counts_only_existing_long_texts() {
        let cost = Cost::new(384, 12, None);
        let at = |tokens| cost.text(tokens) as f64 / MIB;
        let four = Share::new(4, 4, 512);
        let short = cost.short as f64 * 512.0 / MIB;
        let near = |found: f64, expected: f64| {
            assert!((found / expected - 1.0).abs() < 1e-6, "{found} {expected}");
        };
        let many = |long: &[usize]| lengths(&[&[100; 50], long].concat());
        near(taken(cost, four, &many(&[])), 4.0 * short);
        near(taken(cost, four, &many(&[4096])), at(4096) + 3.0 * short);
        near(
            taken(cost, four, &many(&[4096, 4096, 2048])),
            2.0 * at(4096) + at(2048) + short,
        );
        near(taken(cost, four, &many(&[4096; 9])), 4.0 * at(4096));
        // Texts that share a batch, three a batch of at most 2,048 tokens.
        let wide = Share::new(1, 1, 2048);
        near(taken(cost, wide, &lengths(&[600; 20])), 3.0 * at(600));
        near(taken(cost, wide, &lengths(&[600; 2])), 2.0 * at(600));
        // Few texts fill no batch.
        near(
            taken(cost, four, &lengths(&[10])),
            4.0 * cost.short as f64 * 10.0 / MIB,
        );
    }

    #[test]
    fn a_memory_limit_reduces_batches_before_sessions() {
        let cost = Cost::new(384, 12, None);
        let mib = |mib: u64| mib << 20;
        let work = |lengths| Work {
            held: mib(200),
            session: mib(88),
            threads_each: 1,
            cost,
            lengths,
            threads: 4,
        };
        let short = Lengths::all_short(64);
        let short = work(&short);
        let all = short.need(Share::new(4, 4, 512));
        assert_eq!(short.within(all, 4, 512), Ok(Share::new(4, 4, 512)));
        assert_eq!(short.within(all - 1, 4, 512), Ok(Share::new(4, 4, 256)));
        let smallest = short.need(Share::new(4, 4, 64));
        assert_eq!(short.within(smallest, 4, 512), Ok(Share::new(4, 4, 64)));
        let fewer = short.within(smallest - 1, 4, 512).unwrap();
        assert_eq!((fewer.sessions, fewer.threads_each), (3, 2));
        assert_eq!(
            short.within(mib(100), 4, 512),
            Err(short.need(Share::new(1, 4, 64)))
        );
        // What was asked for is not exceeded.
        assert_eq!(short.within(u64::MAX, 2, 32), Ok(Share::new(2, 4, 32)));

        let two = lengths(&[4096, 4096]);
        let two = work(&two);
        let one_at_a_time = mib(222) + cost.text(4096);
        let share = two.within(one_at_a_time, 4, 512).unwrap();
        assert_eq!((share.sessions, share.threads_each), (1, 4));
        assert_eq!(two.within(one_at_a_time - 1, 4, 512), Err(one_at_a_time));
    }

    #[test]
    fn the_longest_text_that_fits_is_reported() {
        let cost = Cost::new(384, 12, None);
        for tokens in [1, 64, 200, 600, 2048, 4096, 8192] {
            let fits = cost.tokens_within(cost.text(tokens));
            assert!(fits == tokens || fits + 1 == tokens, "{tokens}: {fits}");
        }
        assert_eq!(cost.tokens_within(0), 0);
    }
}
