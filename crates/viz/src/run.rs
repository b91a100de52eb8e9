//! The stage: reads the files of a run, draws, writes.

use std::fmt;
use std::path::Path;

use artifacts::{
    Clusters, Documents, Footer, Label, Labels, Map, Neighbors, Projection, Stored, Topics,
};
use serde::Serialize;
use stage::{File, Files, Progress, Seed, Stage};

use crate::about::{self, Known};
use crate::picture::font::Font;
use crate::scene::{Group, Name, Scene};
use crate::{
    Error, Local, Options, Renderer, Theme, columns, figure, html, payload, picture, plotly_page,
    scene,
};

/// Above so many texts the page holds no neighbors.
const MOST_WITH_NEIGHBORS: usize = 200_000;

/// The stage.
#[derive(Debug)]
pub struct Viz;

const fn input(name: &'static str, file: &'static str, required: bool, help: &'static str) -> File {
    File {
        name,
        file,
        required,
        help,
    }
}

impl Stage for Viz {
    const NAME: &'static str = "viz";
    const ABOUT: &'static str =
        "Draw the map: an offline page, pictures, a Plotly figure, and tables for other tools";
    const PRODUCER: &'static str = concat!("skerry-viz ", env!("CARGO_PKG_VERSION"));
    const INPUTS: &'static [File] = &[
        input("documents", "documents.parquet", true, "the texts"),
        input(
            "clusters",
            "clusters.parquet",
            true,
            "the cluster of each text",
        ),
        input(
            "projection",
            "projection.parquet",
            true,
            "where each text lies",
        ),
        input(
            "topics",
            "topics.parquet",
            false,
            "the names of the clusters",
        ),
        input(
            "neighbors",
            "neighbors.parquet",
            false,
            "the neighbors of each text",
        ),
        input(
            "embeddings",
            "embeddings.parquet",
            false,
            "the vectors, of which just the footer is read",
        ),
    ];
    const OUTPUTS: &'static [File] = &[
        input(
            "map",
            "map.parquet",
            true,
            "everything of a text in one row",
        ),
        input(
            "html",
            "map.html",
            true,
            "the map, one page that needs no network",
        ),
        input(
            "labels",
            "labels.parquet",
            true,
            "names at their places, for Embedding Atlas",
        ),
        input("figure", "figure.json", true, "a figure for Plotly"),
        input("svg", "map.svg", true, "a picture of the map"),
        input("png", "map.png", true, "a picture of the map"),
    ];
    const LAZY: &'static [&'static str] = &["embeddings"];

    type Options = Options;
    type Local = Local;
    type Report = Report;
    type Error = Error;

    fn run(
        files: &Files,
        options: &Options,
        local: &Local,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Report, Error> {
        let (width, height) = (options.picture_width, options.picture_height);
        let sides = 200..=20_000;
        if !sides.contains(&width)
            || !sides.contains(&height)
            || u64::from(width) * u64::from(height) > 200_000_000
        {
            return Err(Error::PictureSize { width, height });
        }
        let mut footer = stage::footer::<Self>(options, seed);
        let sources = Sources::read(files, &mut footer)?;
        let mut report = Report {
            rows: sources.documents.len(),
            ..Report::default()
        };
        let scene = scene(&sources, options, &mut report)?;
        for (name, reason) in &report.columns_left_out {
            if reason != "part of the text" && reason != "not asked for" {
                progress.note(&format!("column `{name}` is {reason}, and not on the map"));
            }
        }

        if let Some(path) = files.output("html") {
            progress.begin("writing the page", None, "");
            report.page_bytes = match options.renderer {
                Renderer::Skerry => {
                    let payload = payload::payload(&scene)?;
                    write(path, |out| html::write(&scene.title, &payload, out))?
                }
                Renderer::Plotly => {
                    let page = plotly_page::page(&scene.title, &figure::figure(&scene))?;
                    write(path, |out| out.write_all(page.as_bytes()))?
                }
            };
            report.page = path.display().to_string();
            progress.end();
        }
        if let Some(path) = files.output("figure") {
            let figure = figure::figure(&scene);
            write(path, |out| {
                serde_json::to_writer(out, &figure).map_err(std::io::Error::from)
            })?;
        }
        pictures(files, &scene, options, local, &mut report, progress)?;
        if let Some(path) = files.output("labels") {
            labels(&scene).write(path, &footer)?;
        }
        if let Some(path) = files.output("map") {
            map(&sources, &scene).write(path, &footer)?;
        }
        Ok(report)
    }
}

/// The files of the run.
struct Sources {
    documents: Stored<Documents>,
    clusters: Stored<Clusters>,
    projection: Stored<Projection>,
    topics: Option<Stored<Topics>>,
    neighbors: Option<Stored<Neighbors>>,
    embeddings: Option<Footer>,
}

impl Sources {
    fn read(files: &Files, footer: &mut Footer) -> Result<Self, Error> {
        for name in ["documents", "clusters", "projection"] {
            footer.reads(name, files.input(name))?;
        }
        for name in ["topics", "neighbors"] {
            if let Some(path) = files.optional(name) {
                footer.reads(name, path)?;
            }
        }
        let sources = Self {
            documents: Documents::read(files.input("documents"))?,
            clusters: Clusters::read(files.input("clusters"))?,
            projection: Projection::read(files.input("projection"))?,
            topics: files.optional("topics").map(Topics::read).transpose()?,
            neighbors: files
                .optional("neighbors")
                .map(Neighbors::read)
                .transpose()?,
            embeddings: files
                .optional("embeddings")
                .and_then(|path| Footer::read(path).ok().flatten()),
        };
        let rows = sources.documents.len();
        let neighbors = sources
            .neighbors
            .as_ref()
            .map_or(rows, |neighbors| neighbors.len());
        let others = [
            ("clusters", sources.clusters.len()),
            ("projection", sources.projection.len()),
            ("neighbors", neighbors),
        ];
        for (second, others) in others {
            if others != rows {
                return Err(Error::RowCounts {
                    first: "documents",
                    rows,
                    second,
                    others,
                });
            }
        }
        Ok(sources)
    }

    /// The names of a layer's clusters, by cluster; -1 is the column `cluster`.
    fn names(&self, layer: i32) -> Vec<Name> {
        let rows = self.topics.as_ref().map_or(&[][..], |topics| &topics.rows);
        let mut names = Vec::new();
        for topic in rows.iter().filter(|topic| topic.layer == layer) {
            let Ok(at) = usize::try_from(topic.cluster) else {
                continue;
            };
            // A foreign file may number its clusters as it likes: no more names than documents are kept.
            if at > self.documents.len() {
                continue;
            }
            if names.len() <= at {
                names.resize(at + 1, Name::default());
            }
            names[at] = Name {
                label: topic.label.clone(),
                keywords: topic.keywords.clone(),
            };
        }
        names
    }
}

fn scene<'a>(
    sources: &'a Sources,
    options: &Options,
    report: &mut Report,
) -> Result<Scene<'a>, Error> {
    let Sources {
        documents,
        clusters,
        projection,
        ..
    } = sources;
    let n = documents.len();
    let (x, y) = (&projection.x, &projection.y);
    let schema = documents.columns.schema();
    if let Some(name) = options
        .columns
        .iter()
        .find(|name| schema.index_of(name).is_err())
    {
        let found = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect::<Vec<_>>()
            .join(", ");
        return Err(Error::NoSuchColumn {
            name: name.clone(),
            found,
        });
    }
    let (columns, left_out) =
        columns::columns(&documents.columns, &documents.text, &options.columns);
    report.columns = columns.iter().map(|column| column.name.clone()).collect();
    report.columns_left_out = left_out
        .into_iter()
        .map(|(name, reason)| (name, reason.to_owned()))
        .collect();

    let topics = scene::groups(x, y, &clusters.cluster, &sources.names(-1));
    let coarse = coarse(sources, topics.len());
    let (neighbors, neighbors_note) = held_neighbors(
        sources.neighbors.as_deref(),
        n,
        options.map_neighbors as usize,
    );
    report.neighbors_held = neighbors.as_ref().map_or(0, |(k, _)| *k);
    let noise = clusters
        .cluster
        .iter()
        .filter(|&&cluster| cluster < 0)
        .count();
    report.topics = topics.len();
    report.noise = noise;
    let known = Known {
        n,
        noise,
        topics: &topics,
        preserved: projection.preserved.as_deref(),
    };
    let footers = [
        ("Texts", documents.footer.as_ref()),
        ("Vectors", sources.embeddings.as_ref()),
        (
            "Neighbors",
            sources
                .neighbors
                .as_ref()
                .and_then(|file| file.footer.as_ref()),
        ),
        ("Clusters", clusters.footer.as_ref()),
        ("Layout", projection.footer.as_ref()),
        (
            "Names",
            sources
                .topics
                .as_ref()
                .and_then(|file| file.footer.as_ref()),
        ),
    ];
    let about = about::about(&known, &footers);
    let mut notes = Vec::new();
    if noise > 0 {
        notes.push("Grey points are texts that belong to no topic. They stay on the map unless you hide them.".to_owned());
    }
    notes.push("Distances on the map are a guide: near points are alike, far ones may be more alike than they look.".to_owned());
    if neighbors.is_none() {
        notes.push(neighbors_note.clone());
    }
    let title = if options.title.trim().is_empty() {
        format!("A map of {} texts", picture::thousands(n))
    } else {
        options.title.clone()
    };
    Ok(Scene {
        title,
        x,
        y,
        cluster: &clusters.cluster,
        probability: &clusters.probability,
        text: &documents.text,
        topics,
        coarse,
        columns,
        neighbors,
        neighbors_note,
        about,
        notes,
    })
}

/// The coarsest layer that says more than nothing and less than the clusters themselves.
fn coarse(sources: &Sources, topics: usize) -> Vec<Group> {
    let Sources {
        clusters,
        projection,
        ..
    } = sources;
    for (number, layer) in clusters.layers.iter().enumerate().rev() {
        let names = sources.names(number as i32);
        let count = layer
            .iter()
            .max()
            .map_or(0, |&last| (last + 1).max(0) as usize);
        if count >= 2 && 2 * count <= topics && !names.is_empty() {
            return scene::groups(&projection.x, &projection.y, layer, &names);
        }
    }
    Vec::new()
}

fn held_neighbors(
    neighbors: Option<&Neighbors>,
    n: usize,
    wanted: usize,
) -> (Option<(usize, Vec<u32>)>, String) {
    let Some(neighbors) = neighbors else {
        return (
            None,
            "This page holds no neighbors: the stage that draws it was given none.".to_owned(),
        );
    };
    if n > MOST_WITH_NEIGHBORS {
        let note = format!(
            "This page holds no neighbors, since there are more than {} texts; they are in neighbors.parquet.",
            picture::thousands(MOST_WITH_NEIGHBORS)
        );
        return (None, note);
    }
    let k = wanted.min(neighbors.k);
    if k == 0 {
        return (
            None,
            "This page holds no neighbors, as was asked for.".to_owned(),
        );
    }
    let ids = (0..n)
        .flat_map(|row| neighbors.row(row).0[..k].iter().copied())
        .collect();
    (Some((k, ids)), String::new())
}

fn pictures(
    files: &Files,
    scene: &Scene<'_>,
    options: &Options,
    local: &Local,
    report: &mut Report,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let (svg, png) = (files.output("svg"), files.output("png"));
    if svg.is_none() && png.is_none() {
        return Ok(());
    }
    progress.begin("drawing the picture", None, "");
    let bytes = local
        .font
        .as_ref()
        .map(|path| {
            std::fs::read(path).map_err(|source| Error::Read {
                path: path.display().to_string(),
                source,
            })
        })
        .transpose()?;
    let font = Font::new(bytes)?;
    let dark = options.picture_theme == Theme::Dark;
    let drawn = picture::layout(
        scene,
        options.picture_width,
        options.picture_height,
        dark,
        &font,
    );
    report.names_in_picture = drawn.names();
    report.outside_picture = drawn.outside();
    if let Some(path) = svg {
        let text = picture::svg(&drawn)?;
        write(path, |out| out.write_all(text.as_bytes()))?;
    }
    if let Some(path) = png {
        report.names_without_letters = scene
            .topics
            .iter()
            .filter(|topic| !font.covers(&topic.name))
            .count();
        if report.names_without_letters > 0 {
            progress.warn(&format!(
                "{} names have letters that the font of map.png lacks: give it one with `--font FILE`",
                report.names_without_letters
            ));
        }
        let bytes = picture::png(&drawn, &font)?;
        write(path, |out| out.write_all(&bytes))?;
    }
    progress.end();
    Ok(())
}

fn labels(scene: &Scene<'_>) -> Labels {
    let label = |topic: &Group, level: i32| Label {
        x: topic.x,
        y: topic.y,
        text: topic.name.clone(),
        level,
        priority: i32::try_from(topic.size).unwrap_or(i32::MAX),
    };
    let fine = scene.topics.iter().map(|topic| label(topic, 0));
    Labels {
        rows: fine
            .chain(scene.coarse.iter().map(|topic| label(topic, 1)))
            .collect(),
    }
}

fn map<'a>(sources: &'a Sources, scene: &'a Scene<'a>) -> Map<'a> {
    let name = |&cluster: &i32| {
        usize::try_from(cluster)
            .ok()
            .and_then(|at| scene.topics.get(at))
            .map_or("", |topic| topic.name.as_str())
    };
    Map {
        x: scene.x,
        y: scene.y,
        text: scene.text,
        cluster: scene.cluster,
        label: scene.cluster.iter().map(name).collect(),
        probability: &sources.clusters.probability,
        outlier_score: &sources.clusters.outlier_score,
        neighbors: sources.neighbors.as_deref(),
        columns: &sources.documents.columns,
    }
}

/// Writes a file whole or not at all, and says how many bytes it has.
fn write(
    path: &Path,
    fill: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>,
) -> Result<u64, Error> {
    artifacts::write_atomic(path, |out| {
        let mut counted = Counted { out, bytes: 0 };
        fill(&mut counted).map_err(|source| artifacts::Error::Io {
            action: "write",
            path: path.to_owned(),
            source,
        })?;
        Ok(counted.bytes)
    })
}

struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: std::io::Write> std::io::Write for Counted<W> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(buffer)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

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
    /// Names with letters that the font of the picture lacks.
    pub names_without_letters: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousands = picture::thousands;
        write!(
            f,
            "drew {} texts in {} topics, {} in none; {} topics are named in the picture",
            thousands(self.rows),
            thousands(self.topics),
            thousands(self.noise),
            thousands(self.names_in_picture)
        )?;
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
