//! The stage: reads the files of a run, draws, writes.

use std::path::Path;

use artifacts::{Label, Labels, Map};
use stage::{File, Files, Progress, Reach, Seed, Stage};

use crate::load::{Sources, scene};
use crate::options::MAX_PIXELS;
use crate::picture::font::{Font, Support};
use crate::scene::{Scene, Topic};
use crate::{
    Error, Local, Options, Renderer, Report, Theme, figure, page_bundle, payload, picture,
    plotly_page,
};

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
            "the position of each text",
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
            "the footer of the vectors",
        ),
    ];
    const OUTPUTS: &'static [File] = &[
        input(
            "map",
            "map.parquet",
            true,
            "all data of each text in one row",
        ),
        input(
            "html",
            "map.html",
            true,
            "the map as one page that needs no network",
        ),
        input(
            "labels",
            "labels.parquet",
            true,
            "the names with their positions, for Embedding Atlas",
        ),
        input("figure", "figure.json", true, "the map as a Plotly figure"),
        input("svg", "map.svg", true, "the map as an SVG picture"),
        input("png", "map.png", true, "the map as a PNG picture"),
    ];
    const LAZY: &'static [&'static str] = &["embeddings"];
    const EXTERNAL: &'static [(&'static str, Reach)] = &[("font", Reach::File)];
    const SHORT_HELP: &'static [&'static str] = &["title", "columns", "renderer"];

    type Options = Options;
    type Local = Local;
    type Report = Report;
    type Error = Error;

    fn check(options: &Options, local: &Local) -> Result<(), Error> {
        let (width, height) = (options.picture_width, options.picture_height);
        let sides = 200..=20_000;
        if !sides.contains(&width)
            || !sides.contains(&height)
            || u64::from(width) * u64::from(height) > MAX_PIXELS
        {
            return Err(Error::PictureSize { width, height });
        }
        match &local.font {
            Some(path) if !path.is_file() => Err(Error::Read {
                path: path.display().to_string(),
                source: std::io::Error::new(std::io::ErrorKind::NotFound, "there is no such file"),
            }),
            _ => Ok(()),
        }
    }

    fn run(
        files: &Files,
        options: &Options,
        local: &Local,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Report, Error> {
        Self::check(options, local)?;
        let mut footer = stage::footer::<Self>(options, seed);
        let sources = Sources::read(files, &mut footer)?;
        let mut report = Report {
            rows: sources.documents.len(),
            ..Report::default()
        };
        let scene = scene(&sources, options, &mut report)?;
        for (name, reason) in &report.columns_left_out {
            if reason != "part of the text" && reason != "not selected by --columns" {
                progress.note(&format!("column `{name}` is {reason}, and not on the map"));
            }
        }

        let (html, figure) = (files.output("html"), files.output("figure"));
        let plotly = options.renderer == Renderer::Plotly;
        let drawn = (figure.is_some() || plotly && html.is_some())
            .then(|| Font::new(None).map(|font| figure::figure(&scene, &font)))
            .transpose()?;
        if let Some(path) = html {
            progress.begin("writing the page", None, "");
            report.page_bytes = match drawn.as_ref().filter(|_| plotly) {
                None => {
                    let payload = payload::payload(&scene)?;
                    write(path, |out| page_bundle::write(&scene.title, &payload, out))?
                }
                Some(figure) => {
                    let page = plotly_page::page(&scene.title, figure)?;
                    write(path, |out| out.write_all(page.as_bytes()))?
                }
            };
            report.page = path.display().to_string();
            progress.end();
        }
        if let (Some(path), Some(figure)) = (figure, &drawn) {
            write(path, |out| {
                serde_json::to_writer(out, figure).map_err(std::io::Error::from)
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
    let font = Font::new(bytes).map_err(|error| match &local.font {
        Some(path) => Error::Read {
            path: path.display().to_string(),
            source: std::io::Error::other(error),
        },
        None => error,
    })?;
    let dark = options.picture_theme == Theme::Dark;
    let mut drawn = picture::layout(
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
        report.names_not_drawn = drawn.keep_drawable(scene, &font);
        report.names_in_picture = drawn.names();
        warn_of_letters(scene, &font, progress);
        let bytes = picture::png(&drawn, &font)?;
        write(path, |out| out.write_all(&bytes))?;
    }
    progress.end();
    Ok(())
}

/// Warns about names that map.png leaves out because of missing glyphs.
fn warn_of_letters(scene: &Scene<'_>, font: &Font, progress: &dyn Progress) {
    const ELSEWHERE: &str = "map.html and map.svg show them";
    let left_out = |why: Support| {
        let names = scene.by_size().map(|topic| topic.name.as_str());
        let found: Vec<&str> = names.filter(|name| font.support(name) == why).collect();
        let first = found.first()?;
        Some(match found.len() {
            1 => format!("the name `{first}`"),
            many => format!("{many} names (`{first}` and others)"),
        })
    };
    if let Some(names) = left_out(Support::MissingGlyph) {
        progress.warn(&format!(
            "map.png leaves out {names}: its font lacks glyphs; give a font that has them with `--font FILE`, \
             say NotoSansSC-Bold.otf; {ELSEWHERE}"
        ));
    }
    if let Some(names) = left_out(Support::NeedsShaping) {
        progress.warn(&format!(
            "map.png leaves out {names}: it cannot draw joined or right-to-left scripts; {ELSEWHERE}"
        ));
    }
    if font.support(&scene.title) != Support::Full {
        progress.warn("map.png leaves out the title, because its font lacks glyphs; set another title with `--title`");
    }
}

fn labels(scene: &Scene<'_>) -> Labels {
    let label = |topic: &Topic, level: i32| Label {
        x: topic.x,
        y: topic.y,
        text: topic.name.clone(),
        level,
        priority: i32::try_from(topic.size).unwrap_or(i32::MAX),
    };
    let levels = std::iter::once(&scene.topics).chain(&scene.layers);
    let rows = levels
        .zip(0..)
        .flat_map(|(topics, level)| topics.iter().map(move |topic| label(topic, level)));
    Labels {
        rows: rows.collect(),
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
        cluster: &sources.clusters.cluster,
        name: scene.cluster.iter().map(name).collect(),
        probability: &sources.clusters.probability,
        outlier_score: &sources.clusters.outlier_score,
        neighbors: sources.neighbors.as_deref(),
        columns: &sources.documents.columns,
    }
}

/// Writes a file atomically; returns its size in bytes.
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
