//! What the stage says of its run.

use std::fmt;

use serde::Serialize;

use stage::thousands;

/// What was drawn.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Texts on the map.
    pub rows: usize,
    /// Topics.
    pub topics: usize,
    /// Texts in no topic.
    pub noise: usize,
    /// Where the page is.
    pub page: String,
    /// Its size.
    pub page_bytes: u64,
    /// Neighbors held a text.
    pub neighbors_held: usize,
    /// Source columns that the page shows.
    pub columns: Vec<String>,
    /// Source columns that it does not show, and why.
    pub columns_left_out: Vec<(String, String)>,
    /// Topics named in the picture.
    pub names_in_picture: usize,
    /// Points too far out to be in the picture.
    pub outside_picture: usize,
    /// Names that map.png leaves out, since it cannot draw their letters.
    pub names_not_drawn: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "drew {} texts in {} topics, {} in none; {} topics are named in the picture",
            thousands(self.rows),
            thousands(self.topics),
            thousands(self.noise),
            thousands(self.names_in_picture)
        )?;
        if self.names_not_drawn > 0 {
            write!(
                f,
                ", {} are not for their letters",
                thousands(self.names_not_drawn)
            )?;
        }
        if self.outside_picture > 0 {
            write!(
                f,
                ", {} texts lie outside of it",
                thousands(self.outside_picture)
            )?;
        }
        if !self.columns_left_out.is_empty() {
            let names = self
                .columns_left_out
                .iter()
                .map(|(name, why)| format!("{name} ({why})"))
                .collect::<Vec<_>>();
            write!(f, "\ncolumns not shown: {}", names.join(", "))?;
        }
        if !self.page.is_empty() {
            write!(
                f,
                "\nmap: {} ({:.1} MB)",
                self.page,
                self.page_bytes as f64 / 1e6
            )?;
        }
        Ok(())
    }
}
