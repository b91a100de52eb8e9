//! The pipeline from the outside: programs, files and exit statuses.

mod again;
mod dropped;
mod interrupt;
mod notebook;
mod pipeline;
mod stages;
