//! Settings: presets, the steps of a recipe and a settings file, and the settings file that a run writes.

mod page;
mod preset;
mod run_table;
mod step;

pub(crate) use page::{command, page, print};
pub(crate) use preset::{Preset, preset_arg};
pub(crate) use run_table::RunTable;
pub(crate) use step::{Step, StepTable};
