//! Numbers that were computed by another program. They must never change: the bytes of all files that depend on a seed follow
//! from them.

use random_streams::Seed;

/// Seed, step and index, with the first two numbers of the stream.
const STREAMS: [(u64, &str, u64, [u64; 2]); 4] = [
    (0, "", 0, [0xcb9e_2486_1634_e99d, 0xd564_8c9c_0e28_52c9]),
    (
        42,
        "sample",
        0,
        [0x93fa_2294_9f76_81fe, 0x72b6_2aa4_83eb_f900],
    ),
    (
        42,
        "sample",
        1,
        [0x7ac2_7190_bb88_620f, 0x975f_412e_6dae_4bc8],
    ),
    (
        0xffff_ffff_ffff_ffff,
        "project/start",
        123_456_789,
        [0xcd6e_7d86_cdf7_26d6, 0x6111_a557_9779_fecf],
    ),
];

#[test]
fn streams_begin_with_the_known_numbers() {
    for (seed, step, index, expected) in STREAMS {
        let mut stream = Seed(seed).stream(step, index);
        let found = [stream.next_u64(), stream.next_u64()];
        assert_eq!(found, expected, "seed {seed}, step {step}, index {index}");
    }
}

#[test]
fn fractions_and_bounded_numbers_use_the_leading_bits() {
    let stream = Seed(42).stream("sample", 0);
    // 0.578035508...
    assert_eq!(stream.clone().next_f64().to_bits(), 0x3fe2_7f44_5293_eed0);
    assert_eq!(stream.clone().next_f32().to_bits(), 0x3f13_fa22);
    assert_eq!(stream.clone().below(1_000), 578);
}
