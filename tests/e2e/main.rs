//! The pipeline from the outside: programs, files and exit statuses.

mod again;
mod dropped;
mod foreign;
mod help;
mod interrupt;
mod lineage;
mod notebook;
mod pipeline;
mod stages;
