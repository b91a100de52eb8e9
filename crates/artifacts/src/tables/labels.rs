//! `labels.parquet`: names with their positions on the map.

use crate::declare::row_table;

row_table! {
    /// Names with their positions on the map, in the form that Embedding Atlas reads with `--labels`.
    Labels: "labels", version 1, by "viz", "names with their positions, as Embedding Atlas reads them";
    /// In the order of `topics`.
    rows;
    /// A name with its position on the map.
    Label {
        /// Position, to the right.
        x: f32,
        /// Position, upwards.
        y: f32,
        /// Name.
        text: String,
        /// 0 for the finest layer.
        level: i32,
        /// Priority: names with a larger one are shown first.
        priority: i32,
    }
}
