//! The pipeline from the outside: programs, files and exit statuses.

mod again;
mod foreign;
mod dropped;
mod interrupt;
mod notebook;
mod pipeline;
mod stages;
