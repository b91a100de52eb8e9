//! The pipeline from the outside: programs, files and exit statuses.

mod again;
mod dropped;
mod endpoint;
#[cfg(unix)]
mod errors;
mod foreign;
mod help;
mod interrupt;
mod lineage;
mod notebook;
mod pipeline;
mod preview;
#[cfg(unix)]
mod reports;
mod stages;
mod store;
