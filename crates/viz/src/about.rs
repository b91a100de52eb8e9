//! The section "About this map" of the page: quality figures, then the footer facts of each stage.
//!
//! Nothing here depends on the date or the machine, so that equal runs give equal bytes.

use artifacts::{
    ClusterFacts, DocumentsFacts, EmbeddingsFacts, Facts, Footer, Intake, NeighborsFacts,
    ProjectionFacts, TopicsFacts, facts_object,
};
use serde_json::Value;

use crate::scene::{Section, Topic};
use stage::thousands;

/// Maximum number of characters shown of one value.
const MAX_VALUE_CHARS: usize = 160;

/// Figures of the whole run, from the columns of the map.
#[derive(Debug)]
pub struct RunFigures<'a> {
    /// Number of documents.
    pub n: usize,
    /// Number of documents in no cluster.
    pub noise: usize,
    /// The clusters.
    pub topics: &'a [Topic],
    /// Per document, the share of its true neighbors kept on the map.
    pub preserved: Option<&'a [f32]>,
}

/// The footers of the files; `None` for foreign files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Footers<'a> {
    /// Of `documents.parquet`.
    pub documents: Option<&'a Footer>,
    /// Of `embeddings.parquet`.
    pub embeddings: Option<&'a Footer>,
    /// Of `neighbors.parquet`.
    pub neighbors: Option<&'a Footer>,
    /// Of `clusters.parquet`.
    pub clusters: Option<&'a Footer>,
    /// Of `projection.parquet`.
    pub projection: Option<&'a Footer>,
    /// Of `topics.parquet`.
    pub topics: Option<&'a Footer>,
}

/// Facts that the stages measured.
#[derive(Default)]
struct Measured {
    neighbors: NeighborsFacts,
    clusters: ClusterFacts,
    projection: ProjectionFacts,
}

/// The sections of the page: quality, then the files in the order of the pipeline.
pub fn about(figures: &RunFigures<'_>, footers: &Footers<'_>) -> Vec<Section> {
    let measured = Measured {
        neighbors: facts(footers.neighbors),
        clusters: facts(footers.clusters),
        projection: facts(footers.projection),
    };
    let documents: DocumentsFacts = facts(footers.documents);
    let mut intake: Vec<_> = documents.intake.iter().flat_map(rows).collect();
    let text = DocumentsFacts {
        intake: None,
        ..documents
    };
    let embeddings: EmbeddingsFacts = facts(footers.embeddings);
    let topics: TopicsFacts = facts(footers.topics);
    let mut sections = vec![quality(figures, &measured)];
    // The parent lists of the layers are not readable as text.
    let clusters = ClusterFacts {
        layers: None,
        ..measured.clusters
    };
    let parts = [
        ("Texts", footers.documents, facts_object(&text)),
        ("Vectors", footers.embeddings, facts_object(&embeddings)),
        (
            "Neighbors",
            footers.neighbors,
            facts_object(&measured.neighbors),
        ),
        ("Clusters", footers.clusters, facts_object(&clusters)),
        (
            "Layout",
            footers.projection,
            facts_object(&measured.projection),
        ),
        ("Names", footers.topics, facts_object(&topics)),
    ];
    for (title, footer, measured_facts) in parts {
        let Some(footer) = footer else { continue };
        let mut facts = vec![("Program".to_owned(), footer.producer.clone())];
        if let Some(metric) = &footer.metric {
            facts.push(("Metric".to_owned(), metric.clone()));
        }
        // Only documents.parquet has counts of rows.
        facts.append(&mut intake);
        flatten("", &Value::Object(measured_facts), &mut facts);
        flatten("", &footer.options, &mut facts);
        facts.dedup_by(|later, first| later.0 == first.0 && later.1 == first.1);
        sections.push(Section {
            title: title.to_owned(),
            facts,
        });
    }
    sections
}

fn facts<F: Facts>(footer: Option<&Footer>) -> F {
    footer.map(Footer::facts).unwrap_or_default()
}

/// The number of rows read, kept, and left out by reason.
fn rows(intake: &Intake) -> Vec<(String, String)> {
    let mut facts = vec![
        ("Rows read".to_owned(), thousands(intake.rows)),
        ("Rows kept".to_owned(), thousands(intake.documents)),
    ];
    for (reason, rows) in intake.left_out() {
        facts.push((format!("Left out {reason}"), thousands(rows)));
    }
    if intake.repeated() > 0 {
        let repeated = thousands(intake.repeated());
        facts.push(("Kept, with the text of an earlier row".to_owned(), repeated));
    }
    facts
}

fn quality(figures: &RunFigures<'_>, measured: &Measured) -> Section {
    let RunFigures {
        n,
        noise,
        topics,
        preserved,
    } = *figures;
    let percent = |part: f64| {
        let rounded = (1000.0 * part).round() / 10.0;
        // A share below 1 is never rounded up to 100 %.
        let shown = if part < 1.0 {
            rounded.min(99.9)
        } else {
            rounded
        };
        format!("{shown:.1} %")
    };
    let mut sizes: Vec<usize> = topics.iter().map(|topic| topic.size).collect();
    sizes.sort_unstable();
    let mut facts = vec![
        ("Texts".to_owned(), thousands(n)),
        ("Topics".to_owned(), thousands(topics.len())),
        (
            "In no topic".to_owned(),
            format!(
                "{} ({})",
                thousands(noise),
                percent(noise as f64 / n.max(1) as f64)
            ),
        ),
    ];
    if let (Some(smallest), Some(largest)) = (sizes.first(), sizes.last()) {
        let middle = sizes[sizes.len() / 2];
        let text = format!(
            "{} to {}, median {}",
            thousands(*smallest),
            thousands(*largest),
            thousands(middle)
        );
        facts.push(("Texts per topic".to_owned(), text));
    }
    // Fewer measured rows than documents mean a sample.
    let sampled = |rows: Option<usize>| match rows {
        Some(rows) if rows < n => format!(" (from a sample of {} texts)", thousands(rows)),
        _ => String::new(),
    };
    let Measured {
        neighbors,
        clusters,
        projection,
    } = measured;
    if let Some(recall) = &neighbors.recall {
        facts.push((
            "Nearest neighbors found".to_owned(),
            percent(recall.recall) + &sampled(Some(recall.sample)),
        ));
    } else if neighbors.certified == Some(true) {
        facts.push((
            "Nearest neighbors found".to_owned(),
            "all (exact search)".to_owned(),
        ));
    }
    if let Some(value) = projection.trustworthiness {
        let sample = sampled(projection.trustworthiness_rows);
        facts.push(("Trustworthiness".to_owned(), format!("{value:.3}{sample}")));
    }
    if let Some(preserved) = preserved.filter(|preserved| !preserved.is_empty()) {
        let mean = preserved.iter().copied().map(f64::from).sum::<f64>() / preserved.len() as f64;
        let k = projection.quality_k;
        let of = k.map_or(String::new(), |k| format!(" of the {k} nearest"));
        facts.push(("Neighbors kept on the map".to_owned(), percent(mean) + &of));
    }
    if let Some(value) = clusters.relative_validity {
        facts.push(("Relative validity".to_owned(), format!("{value:.3}")));
    }
    if let Some(stability) = &clusters.stability {
        facts.push(("Stability".to_owned(), stability.sentence.clone()));
    }
    Section {
        title: "Quality".to_owned(),
        facts,
    }
}

fn flatten(name: &str, value: &Value, facts: &mut Vec<(String, String)>) {
    if let Value::Object(inner) = value {
        for (key, value) in inner {
            let joined = if name.is_empty() {
                key.clone()
            } else {
                format!("{name} {key}")
            };
            flatten(&joined, value, facts);
        }
    } else if let Some(shown) = show(value) {
        facts.push((name.replace('_', " "), shown));
    }
}

fn show(value: &Value) -> Option<String> {
    let shown = match value {
        Value::Null | Value::Object(_) => return None,
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(whole), _) => thousands(usize::try_from(whole).unwrap_or(usize::MAX)),
            (None, Some(value)) if value.fract() == 0.0 => format!("{value:.0}"),
            (None, Some(value)) if (0.0001..1e6).contains(&value.abs()) => {
                let digits = (3 - value.abs().log10().floor() as i32).clamp(0, 8) as usize;
                let text = format!("{value:.digits$}");
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            (None, value) => format!("{:.3e}", value.unwrap_or(f64::NAN)),
        },
        Value::String(text) if text.trim().is_empty() => return None,
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => return None,
        Value::Array(items) => items.iter().filter_map(show).collect::<Vec<_>>().join(", "),
    };
    if shown.chars().nth(MAX_VALUE_CHARS).is_none() {
        return Some(shown);
    }
    Some(
        shown
            .chars()
            .take(MAX_VALUE_CHARS)
            .chain(['\u{2026}'])
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use artifacts::{Recall, Stability};
    use serde_json::json;

    use super::*;

    const FIGURES: RunFigures<'_> = RunFigures {
        n: 10,
        noise: 3,
        topics: &[],
        preserved: Some(&[0.5, 1.0]),
    };

    #[test]
    fn numbers_are_short_and_empty_values_are_left_out() {
        let shown = |value: Value| show(&value).unwrap_or_default();
        assert_eq!(shown(json!(12_340)), "12,340");
        assert_eq!(shown(json!(0.987_654_321)), "0.9877");
        assert_eq!(shown(json!(1.576_943)), "1.577");
        assert_eq!(shown(json!(0.05)), "0.05");
        assert_eq!(shown(json!(-1)), "-1");
        assert_eq!(shown(json!(1.0)), "1");
        assert_eq!(shown(json!([1, "a"])), "1, a");
        assert_eq!([json!(null), json!(""), json!([])].map(shown), ["", "", ""]);
    }

    #[test]
    fn the_rows_left_out_are_shown_with_their_reasons() {
        let shown = |intake: Intake| {
            let mut footer = Footer::new("ingest 1", json!({}), 42);
            footer.set_facts(&DocumentsFacts {
                intake: Some(intake),
                text: Some(vec!["title".to_owned()]),
            });
            let footers = Footers {
                documents: Some(&footer),
                ..Footers::default()
            };
            let sections = about(&FIGURES, &footers);
            let facts = sections[1].facts.iter().skip(1);
            facts
                .map(|(name, value)| format!("{name}: {value}"))
                .collect::<Vec<_>>()
        };
        let intake = Intake {
            rows: 2_021,
            documents: 2_006,
            bad: 1,
            filtered: 2,
            without_text: 3,
            not_drawn: 4,
            duplicates: 5,
            collapsed: true,
        };
        assert_eq!(
            shown(intake),
            [
                "Rows read: 2,021",
                "Rows kept: 2,006",
                "Left out as unreadable: 1",
                "Left out by --where: 2",
                "Left out for lack of a text: 3",
                "Left out by --sample or --limit: 4",
                "Left out as duplicates by --dedup: 5",
                "text: title"
            ]
        );
        let whole = Intake {
            rows: 9,
            documents: 9,
            duplicates: 5,
            ..Intake::default()
        };
        assert_eq!(
            shown(whole),
            [
                "Rows read: 9",
                "Rows kept: 9",
                "Kept, with the text of an earlier row: 5",
                "text: title"
            ]
        );
    }

    #[test]
    fn measured_facts_are_among_the_quality_figures() {
        let mut knn = Footer::new("knn 1", json!({ "k": 15 }), 42);
        knn.set_facts(&NeighborsFacts {
            recall: Some(Recall {
                sample: 8,
                recall: 0.9999,
                ..Recall::default()
            }),
            ..NeighborsFacts::default()
        });
        let mut project = Footer::new("project 1", json!({ "min_dist": 0.1 }), 42);
        project.set_facts(&ProjectionFacts {
            trustworthiness: Some(0.949_351_6),
            trustworthiness_rows: Some(5),
            quality_k: Some(15),
            ..ProjectionFacts::default()
        });
        let mut cluster = Footer::new("cluster 1", json!({}), 42);
        cluster.set_facts(&ClusterFacts {
            relative_validity: Some(0.4),
            stability: Some(Stability {
                sentence: "all stay".to_owned(),
                ..Stability::default()
            }),
            ..ClusterFacts::default()
        });
        let sections = about(
            &FIGURES,
            &Footers {
                neighbors: Some(&knn),
                clusters: Some(&cluster),
                projection: Some(&project),
                ..Footers::default()
            },
        );
        assert_eq!(sections.len(), 4);
        let shown: Vec<String> = sections[0]
            .facts
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        assert_eq!(
            shown,
            [
                "Texts: 10",
                "Topics: 0",
                "In no topic: 3 (30.0 %)",
                "Nearest neighbors found: 99.9 % (from a sample of 8 texts)",
                "Trustworthiness: 0.949 (from a sample of 5 texts)",
                "Neighbors kept on the map: 75.0 % of the 15 nearest",
                "Relative validity: 0.400",
                "Stability: all stay"
            ]
        );
        let figure = |measured: &Measured| {
            let all = quality(&FIGURES, measured).facts;
            all.into_iter().nth(3).unwrap_or_default().1
        };
        let mut measured = Measured::default();
        measured.projection.trustworthiness = Some(0.95);
        assert_eq!(figure(&measured), "0.950");
        measured.neighbors.certified = Some(true);
        assert_eq!(figure(&measured), "all (exact search)");
        assert!(
            sections[1]
                .facts
                .contains(&("k".to_owned(), "15".to_owned()))
        );
    }
}
