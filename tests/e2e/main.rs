//! The pipeline from the outside: programs, files and exit statuses.

mod interrupt;
mod pipeline;
mod stages;
