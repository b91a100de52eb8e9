//! The report of the stage.

use std::fmt;

use serde::Serialize;

use stage::thousands;

/// Figures of the map.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Number of texts.
    pub rows: usize,
    /// Number of topics.
    pub topics: usize,
    /// Number of texts in no topic.
    pub noise: usize,
    /// Path of the page.
    pub page: String,
    /// Size of the page, in bytes.
    pub page_bytes: u64,
    /// Number of neighbors per text in the page.
    pub neighbors_held: usize,
    /// Source columns shown on the page.
    pub columns: Vec<String>,
    /// Source columns not shown, with the reason.
    pub columns_left_out: Vec<(String, String)>,
    /// Number of topics named in the picture.
    pub names_in_picture: usize,
    /// Number of points outside the frame of the picture.
    pub outside_picture: usize,
    /// Number of names that map.png leaves out because its font cannot draw them.
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
                ", {} names left out because the font cannot draw them",
                thousands(self.names_not_drawn)
            )?;
        }
        if self.outside_picture > 0 {
            write!(
                f,
                ", {} texts outside its frame",
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
