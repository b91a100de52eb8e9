//! Names that are too long, or of letters that the font of the pictures lacks.

use std::path::Path;
use std::sync::Mutex;

use stage::{Files, Progress, Seed, Stage};
use viz::{Local, Options, Report, Viz};

use super::fixture::{footer, text, topics, write};

/// Keeps the warnings.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Progress for Warnings {
    fn begin(&self, _task: &str, _total: Option<u64>, _unit: &'static str) {}
    fn advance(&self, _by: u64) {}
    fn end(&self) {}
    fn note(&self, _message: &str) {}
    fn warn(&self, message: &str) {
        self.0.lock().unwrap().push(message.to_owned());
    }
}

/// Draws four topics of these names, the largest first, under `title`.
fn draw(dir: &Path, names: [&str; 4], title: &str) -> (Report, Vec<String>) {
    let sizes = [13, 11, 9, 7];
    let cluster: Vec<i32> = (0..4).flat_map(|at| vec![at; sizes[at as usize]]).collect();
    write(dir, &cluster);
    let rows: Vec<(i32, i64, &str)> = (0..4)
        .map(|at| (at as i32, sizes[at] as i64, names[at]))
        .collect();
    topics(dir, &footer(), &rows);
    let files = Files::standard(dir, Viz::INPUTS.iter().chain(Viz::OUTPUTS));
    let options = Options {
        title: title.to_owned(),
        ..Options::default()
    };
    let warnings = Warnings::default();
    let report = Viz::run(&files, &options, &Local::default(), Seed(42), &warnings).unwrap();
    (report, warnings.0.into_inner().unwrap())
}

const JAPANESE: &str = "night, \u{65e5}\u{672c}\u{8a9e}";
const ARABIC: &str = "world, \u{627}\u{644}\u{639}\u{627}\u{644}\u{645}";

#[test]
fn names_that_the_png_cannot_draw_are_omitted_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (report, warnings) = draw(dir, ["ferries", JAPANESE, ARABIC, "huts"], "Coast");
    assert_eq!((report.names_in_picture, report.names_not_drawn), (2, 2));
    assert!(
        report
            .to_string()
            .contains("2 topics are named in the picture, 2 names left out"),
        "{report}"
    );
    let [lacking, shaped] = &warnings[..] else {
        panic!("{warnings:?}")
    };
    assert!(
        lacking.contains(JAPANESE) && lacking.contains("--font"),
        "{lacking}"
    );
    assert!(
        shaped.contains(ARABIC) && !shaped.contains("--font"),
        "{shaped}"
    );
    // The viewer of an SVG has its own fonts.
    let svg = text(dir, "map.svg");
    assert!(svg.contains("4 of them named here"));
    for words in [
        "\u{65e5}\u{672c}\u{8a9e}",
        "\u{627}\u{644}\u{639}\u{627}\u{644}\u{645}",
    ] {
        let line = svg.lines().find(|line| line.contains(words)).unwrap();
        assert!(!line.contains("textLength"), "{line}");
    }

    // Not a letter of the names is in the picture: other such names give the same one.
    let first = std::fs::read(dir.join("map.png")).unwrap();
    let pure = ["ferries", "\u{65e5}", "\u{627}", "huts"];
    draw(dir, pure, "Coast");
    assert!(first == std::fs::read(dir.join("map.png")).unwrap());
}

#[test]
fn long_names_are_shortened_in_pictures_only() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let long = "neu".repeat(70);
    let title = "A title of many words that says it all ".repeat(8);
    let (_, warnings) = draw(dir, [&long, "ferries", "huts", "trains"], &title);
    assert!(warnings.is_empty(), "{warnings:?}");
    let svg = text(dir, "map.svg");
    let line = svg.lines().find(|line| line.contains("neuneu")).unwrap();
    let whole = format!("<title>{long}</title>");
    assert!(line.contains(&whole), "{line}");
    let shown = line.replace(&whole, "");
    assert!(
        shown.matches("neu").count() < 15 && shown.contains('\u{2026}'),
        "{shown}"
    );
    let heading = svg
        .lines()
        .find(|line| line.contains("font-size=\"24\""))
        .unwrap();
    assert!(
        heading.contains('\u{2026}') && heading.len() < 400,
        "{heading}"
    );

    let figure: serde_json::Value = serde_json::from_str(&text(dir, "figure.json")).unwrap();
    let names = figure["layout"]["annotations"].as_array().unwrap();
    let cut = names
        .iter()
        .find(|name| !name["hovertext"].is_null())
        .unwrap();
    assert_eq!(cut["hovertext"], long);
    assert!(cut["text"].as_str().unwrap().len() < 60, "{cut}");
    let heading = figure["layout"]["title"]["text"].as_str().unwrap();
    assert!(
        heading
            .split_once("\u{2026}<br>")
            .is_some_and(|(title, _)| title.len() == 80),
        "{heading}"
    );
    assert!(text(dir, "map.html").contains(&long));
}
