//! The static picture: points, and the names of as many topics as fit.
//!
//! The layout is computed once; `svg` and `png` draw it. Takes O(n), a fraction of a second for 100,000 points.

pub mod font;
pub mod labels;
mod layout;
mod png;
mod svg;
mod view;

pub use self::layout::layout;
pub use self::png::png;
pub use self::svg::svg;
pub use self::view::View;
