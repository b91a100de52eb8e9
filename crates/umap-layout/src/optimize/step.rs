//! One epoch of a block of points: each is pulled along its due edges, and pushed away from points drawn at random.
//!
//! A point is moved as in umap-learn: along one edge, then away from its negative samples, each move starting where the
//! previous one ended. The quality of the layout depends on that order (summing the forces first keeps up to a fifth fewer
//! neighbors), so the lanes hold sixteen different points, not sixteen forces on one point. A lane whose point has no due
//! edge left takes the next point of the block. No lane reads what another one writes, so a point's moves do not depend on its
//! lane: the result is the same at any number of lanes and threads.
//!
//! Cost: O(due edges x negative samples).

#![expect(
    clippy::inline_always,
    reason = "vector registers stay registers only across inlined calls"
)]

use super::schedule::Schedule;
use super::{Epoch, Forces};
use crate::kernels::{LANES, Lanes, Task};

/// Independent sets of lanes: while one waits for the result of a long chain of operations, another goes on.
const SETS: usize = 4;
/// No distance counts as less: the force at 0 has no direction.
const NEAREST: f32 = 1e-12;
/// ... or as more: keeps powers of distances finite.
const FARTHEST: f32 = 1e12;
/// No component of one force is stronger, as in umap-learn.
const STRONGEST: f32 = 4.0;
/// Added to the squared distance of a repelling pair, as in umap-learn.
const SOFTENING: f32 = 0.001;

/// The input of a block: the schedule, and the positions at the start of the batch.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) schedule: &'a Schedule,
    /// Shape (n, components), row-major.
    pub(crate) positions: &'a [f32],
    pub(crate) components: usize,
    pub(crate) forces: &'a Forces,
    pub(crate) epoch: &'a Epoch,
}

/// `x^b` of each lane, to some 1e-5 relative; x must be normal and `|b log2 x|` below 126.
#[inline(always)]
fn power<L: Lanes>(l: L, x: L::F, b: L::F) -> L::F {
    // x = 2^exponent * mantissa with the mantissa within sqrt(1/2) .. sqrt(2).
    let offset = l.sub_int(l.bits(x), l.splat_int(0x3f35_04f3));
    let exponent = l.shift_signed::<23>(offset);
    let mantissa = l.of_bits(l.sub_int(l.bits(x), l.shift_left::<23>(exponent)));
    let t = l.sub(mantissa, l.splat(1.0));
    let mut log = l.splat(-0.206_605_09);
    for coefficient in [
        0.322_142_93,
        -0.367_483_73,
        0.479_349_67,
        -0.721_132_3,
        1.442_713_4,
    ] {
        log = l.add(l.mul(log, t), l.splat(coefficient));
    }
    let log = l.add(l.mul(log, t), l.to_float(exponent));
    let y = l.mul(log, b);
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits.
    let magic = l.splat(12_582_912.0);
    let shifted = l.add(y, magic);
    let f = l.sub(y, l.sub(shifted, magic));
    let mut two_to = l.splat(0.009_570_101);
    for coefficient in [0.055_917_86, 0.240_247_44, 0.693_121_8, 0.999_999_3] {
        two_to = l.add(l.mul(two_to, f), l.splat(coefficient));
    }
    l.of_bits(l.add_int(l.bits(two_to), l.shift_left::<23>(l.bits(shifted))))
}

/// What multiplies the difference of two positions at squared distance `d2`: negative, it pulls them together.
#[inline(always)]
fn attraction<L: Lanes>(l: L, forces: &Forces, d2: L::F) -> L::F {
    let d2 = l.min(l.max(d2, l.splat(NEAREST)), l.splat(FARTHEST));
    let p = power(l, d2, l.splat(forces.b));
    let below = l.mul(d2, l.add(l.mul(l.splat(forces.a), p), l.splat(1.0)));
    l.div(l.mul(l.splat(-2.0 * forces.a * forces.b), p), below)
}

/// The same for a pair that is no edge: positive, it pushes.
#[inline(always)]
fn repulsion<L: Lanes>(l: L, forces: &Forces, d2: L::F) -> L::F {
    let d2 = l.min(l.max(d2, l.splat(NEAREST)), l.splat(FARTHEST));
    let p = power(l, d2, l.splat(forces.b));
    let below = l.mul(
        l.add(d2, l.splat(SOFTENING)),
        l.add(l.mul(l.splat(forces.a), p), l.splat(1.0)),
    );
    l.div(l.splat(2.0 * forces.repulsion * forces.b), below)
}

#[inline(always)]
fn clip<L: Lanes>(l: L, force: L::F) -> L::F {
    l.max(l.min(force, l.splat(STRONGEST)), l.splat(-STRONGEST))
}

/// An id below n per lane, from a hash of the lane's key and counter (the finalizer of `MurmurHash3`).
#[inline(always)]
fn draw<L: Lanes>(l: L, keys: L::I, counters: L::I, n: u32) -> L::I {
    let mut h = l.add_int(l.mul_int(counters, l.splat_int(0x9e37_79b1)), keys);
    h = l.xor(h, l.shift_right::<16>(h));
    h = l.mul_int(h, l.splat_int(0x85eb_ca6b));
    h = l.xor(h, l.shift_right::<13>(h));
    h = l.mul_int(h, l.splat_int(0xc2b2_ae35));
    h = l.xor(h, l.shift_right::<16>(h));
    l.mul_high(h, l.splat_int(n))
}

/// A set of lanes and the points they hold.
struct Set<const COMPONENTS: usize> {
    /// Where the points are by now; lane l of each component.
    at: [[f32; LANES]; COMPONENTS],
    ids: [u32; LANES],
    keys: [u32; LANES],
    counters: [u32; LANES],
    /// The other ends of the edges of this round.
    targets: [u32; LANES],
    /// The due edges still to come, as a range of [`Scratch::due`].
    next: [u32; LANES],
    end: [u32; LANES],
}

/// Buffers of one thread, reused for every block.
#[derive(Default)]
pub(crate) struct Scratch {
    due: Vec<u32>,
    /// (point within the block, begin, end) of those that have due edges.
    points: Vec<[u32; 3]>,
}

impl Scratch {
    /// Lists the due edges of the points `first..first + count`.
    #[inline(always)]
    fn collect<L: Lanes>(&mut self, l: L, view: &View<'_>, first: usize, count: usize) {
        self.points.clear();
        let most = view.schedule.starts[first + count] - view.schedule.starts[first];
        if self.due.len() < most + LANES {
            self.due.resize(most + LANES, 0);
        }
        let mut filled = 0;
        for point in 0..count {
            let begin = filled;
            let (start, end) = (
                view.schedule.starts[first + point],
                view.schedule.starts[first + point + 1],
            );
            for at in (start..end).step_by(LANES) {
                let rates = view.schedule.rates[at..]
                    .first_chunk()
                    .expect("the arrays end in a block of padding");
                let ids = view.schedule.neighbors[at..]
                    .first_chunk()
                    .expect("the arrays end in a block of padding");
                let mut mask = l.passed(rates, view.epoch.number, view.epoch.number + 1.0);
                if end - at < LANES {
                    mask &= (1 << (end - at)) - 1;
                }
                let room = self.due[filled..]
                    .first_chunk_mut()
                    .expect("room for all edges and a block");
                filled += l.select(ids, mask, room);
            }
            if filled > begin {
                self.points
                    .push([point as u32, begin as u32, filled as u32]);
            }
        }
    }
}

/// Moves the points from `first` on by one epoch; their new positions are written to `moved`, row-major.
pub(crate) struct Sweep<'a> {
    pub(crate) view: &'a View<'a>,
    pub(crate) first: usize,
    pub(crate) moved: &'a mut [f32],
    pub(crate) scratch: &'a mut Scratch,
}

impl Task for Sweep<'_> {
    /// Calls a sweep for which the number of components is a constant where that matters.
    #[inline(always)]
    fn run<L: Lanes>(self, l: L) {
        let Self {
            view,
            first,
            moved,
            scratch,
        } = self;
        match view.components {
            2 => sweep::<L, 2, true>(l, view, first, moved, scratch),
            3 => sweep::<L, 3, true>(l, view, first, moved, scratch),
            ..=16 => sweep::<L, 16, false>(l, view, first, moved, scratch),
            _ => sweep::<L, 100, false>(l, view, first, moved, scratch),
        }
    }
}

/// `COMPONENTS` is the number of components if `EXACT`, otherwise an upper bound of it.
#[inline(always)]
fn sweep<L: Lanes, const COMPONENTS: usize, const EXACT: bool>(
    l: L,
    view: &View<'_>,
    first: usize,
    moved: &mut [f32],
    scratch: &mut Scratch,
) {
    let components = if EXACT { COMPONENTS } else { view.components };
    let count = moved.len() / components;
    moved.copy_from_slice(&view.positions[first * components..(first + count) * components]);
    scratch.collect(l, view, first, count);
    let mut waiting = scratch.points.iter();
    let mut sets: [Set<COMPONENTS>; SETS] = std::array::from_fn(|_| Set::new());
    let mut busy = 0;
    for set in &mut sets {
        for lane in 0..LANES {
            if let Some(&point) = waiting.next() {
                set.take(lane, point, view, first, components, &scratch.due);
                busy += 1;
            }
        }
    }
    while busy > 0 {
        // Once for each of umap-learn's two directed edges.
        for _ in 0..2 {
            for set in &mut sets {
                set.pull::<L, EXACT>(l, view, components);
            }
        }
        for _ in 0..view.forces.negatives {
            for set in &mut sets {
                set.push::<L, EXACT>(l, view, components);
            }
        }
        for set in &mut sets {
            for lane in 0..LANES {
                if set.next[lane] < set.end[lane] {
                    set.targets[lane] = scratch.due[set.next[lane] as usize];
                    set.next[lane] += 1;
                } else if set.next[lane] == set.end[lane] {
                    let point = set.ids[lane] as usize - first;
                    for component in 0..components {
                        moved[point * components + component] = set.at[component][lane];
                    }
                    if let Some(&point) = waiting.next() {
                        set.take(lane, point, view, first, components, &scratch.due);
                    } else {
                        set.next[lane] = IDLE;
                        busy -= 1;
                    }
                }
            }
        }
    }
}

/// The `next` of a lane without a point: larger than every `end`. The lane is still moved, and its result ignored.
const IDLE: u32 = u32::MAX;

impl<const COMPONENTS: usize> Set<COMPONENTS> {
    fn new() -> Self {
        let zeros = [0; LANES];
        Self {
            at: [[0.0; LANES]; COMPONENTS],
            ids: zeros,
            keys: zeros,
            counters: zeros,
            targets: zeros,
            next: [IDLE; LANES],
            end: zeros,
        }
    }

    #[inline(always)]
    fn take(
        &mut self,
        lane: usize,
        point: [u32; 3],
        view: &View<'_>,
        first: usize,
        components: usize,
        due: &[u32],
    ) {
        let id = first + point[0] as usize;
        for component in 0..components {
            self.at[component][lane] = view.positions[id * components + component];
        }
        self.ids[lane] = id as u32;
        self.keys[lane] = view.epoch.key(id);
        self.counters[lane] = 0;
        self.targets[lane] = due[point[1] as usize];
        self.next[lane] = point[1] + 1;
        self.end[lane] = point[2];
    }

    /// Every lane's point moves along its edge.
    #[inline(always)]
    fn pull<L: Lanes, const EXACT: bool>(&mut self, l: L, view: &View<'_>, components: usize) {
        let targets = l.load_int(&self.targets);
        let (differences, d2) = self.differences::<L, EXACT>(l, view, targets, components);
        let strength = attraction(l, view.forces, d2);
        let rate = l.splat(view.epoch.alpha);
        for (component, difference) in differences.into_iter().enumerate().take(components) {
            let force = clip(l, l.mul(strength, difference));
            let at = l.add(l.load(&self.at[component]), l.mul(rate, force));
            l.store(at, &mut self.at[component]);
        }
    }

    /// Every lane's point moves away from another one.
    #[inline(always)]
    fn push<L: Lanes, const EXACT: bool>(&mut self, l: L, view: &View<'_>, components: usize) {
        let counters = l.load_int(&self.counters);
        let targets = draw(
            l,
            l.load_int(&self.keys),
            counters,
            view.schedule.len() as u32,
        );
        l.store_int(l.add_int(counters, l.splat_int(1)), &mut self.counters);
        let (differences, d2) = self.differences::<L, EXACT>(l, view, targets, components);
        // A point that draws itself stays where it is.
        let strength = l.unless_equal(
            repulsion(l, view.forces, d2),
            targets,
            l.load_int(&self.ids),
        );
        let rate = l.splat(view.epoch.alpha);
        for (component, difference) in differences.into_iter().enumerate().take(components) {
            let force = clip(l, l.mul(strength, difference));
            let at = l.add(l.load(&self.at[component]), l.mul(rate, force));
            l.store(at, &mut self.at[component]);
        }
    }

    /// From the targets to the points, and the squared distances.
    #[inline(always)]
    fn differences<L: Lanes, const EXACT: bool>(
        &self,
        l: L,
        view: &View<'_>,
        targets: L::I,
        components: usize,
    ) -> ([L::F; COMPONENTS], L::F) {
        let mut differences = [l.splat(0.0); COMPONENTS];
        if EXACT && COMPONENTS == 2 {
            let (x, y) = l.gather_pairs(view.positions.as_chunks().0, targets);
            differences[0] = l.sub(l.load(&self.at[0]), x);
            differences[1] = l.sub(l.load(&self.at[1]), y);
        } else {
            for (component, difference) in differences.iter_mut().enumerate().take(components) {
                let target = l.gather(view.positions, targets, components, component);
                *difference = l.sub(l.load(&self.at[component]), target);
            }
        }
        let mut d2 = l.mul(differences[0], differences[0]);
        for difference in &differences[1..components] {
            d2 = l.add(d2, l.mul(*difference, *difference));
        }
        (differences, d2)
    }
}
