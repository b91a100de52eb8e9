//! What the page tells of the run: quality figures first, then what each stage said in its footer.
//!
//! Nothing here depends on the day or the machine: the page is compared byte by byte.

use artifacts::Footer;
use serde_json::Value;

use crate::picture::thousands;
use crate::scene::{Group, Section};

/// The most that is told of one value.
const LONGEST: usize = 160;

/// What is known of the run as a whole, from the map's own columns.
#[derive(Debug)]
pub struct Known<'a> {
    /// Documents.
    pub n: usize,
    /// Documents in no cluster.
    pub noise: usize,
    /// The clusters.
    pub topics: &'a [Group],
    /// Per document, the share of its true neighbors kept on the map.
    pub preserved: Option<&'a [f32]>,
}

/// The sections of the page: `footers` are of the files in the order of the pipeline, by what they hold.
pub fn about(known: &Known<'_>, footers: &[(&str, Option<&Footer>)]) -> Vec<Section> {
    let mut sections = vec![quality(known, footers)];
    for (title, footer) in footers {
        let Some(footer) = footer else { continue };
        let mut facts = vec![("Program".to_owned(), footer.producer.clone())];
        if let Some(metric) = &footer.metric {
            facts.push(("Metric".to_owned(), metric.clone()));
        }
        for (name, value) in &footer.facts {
            flatten(name, value, &mut facts);
        }
        flatten("", &footer.options, &mut facts);
        facts.dedup_by(|later, first| later.0 == first.0 && later.1 == first.1);
        sections.push(Section {
            title: (*title).to_owned(),
            facts,
        });
    }
    sections
}

fn quality(known: &Known<'_>, footers: &[(&str, Option<&Footer>)]) -> Section {
    let Known {
        n,
        noise,
        topics,
        preserved,
    } = *known;
    let percent = |part: f64| format!("{:.1} %", 100.0 * part);
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
        facts.push(("Texts a topic".to_owned(), text));
    }
    // Whatever the stages measured of these, under whatever name it stands in their footers.
    for (wanted, shown) in [
        ("recall", "Recall of neighbors"),
        ("trustworthiness", "Trustworthiness"),
        ("validity", "Validity"),
    ] {
        let found = footers
            .iter()
            .filter_map(|(_, footer)| footer.as_ref())
            .flat_map(|footer| &footer.facts)
            .find_map(|(name, value)| measured(wanted, name, value));
        if let Some(value) = found {
            facts.push((shown.to_owned(), value));
        }
    }
    if let Some(preserved) = preserved.filter(|preserved| !preserved.is_empty()) {
        let mean = preserved.iter().copied().map(f64::from).sum::<f64>() / preserved.len() as f64;
        facts.push(("Neighbors kept on the map".to_owned(), percent(mean)));
    }
    Section {
        title: "Quality".to_owned(),
        facts,
    }
}

/// The number under a name that begins with `wanted`, here or one level down.
fn measured(wanted: &str, name: &str, value: &Value) -> Option<String> {
    match value {
        Value::Number(_) if name.starts_with(wanted) => show(value),
        Value::Object(inner) if name.starts_with(wanted) => inner
            .iter()
            .find(|(name, value)| {
                value.is_number() && ["recall", "mean", "value"].contains(&name.as_str())
            })
            .and_then(|(_, value)| show(value)),
        Value::Object(inner) => inner
            .iter()
            .find_map(|(name, value)| measured(wanted, name, value)),
        _ => None,
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
                let digits = (4 - value.abs().log10().floor() as i32).clamp(0, 8) as usize;
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
    if shown.chars().nth(LONGEST).is_none() {
        return Some(shown);
    }
    Some(shown.chars().take(LONGEST).chain(['\u{2026}']).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_short_and_nothing_is_said_of_nothing() {
        let shown = |value: Value| show(&value).unwrap_or_default();
        assert_eq!(shown(json!(12_340)), "12,340");
        assert_eq!(shown(json!(0.987_654_321)), "0.98765");
        assert_eq!(shown(json!(0.05)), "0.05");
        assert_eq!(shown(json!(-1)), "-1");
        assert_eq!(shown(json!(1.0)), "1");
        assert_eq!(shown(json!([1, "a"])), "1, a");
        assert_eq!([json!(null), json!(""), json!([])].map(shown), ["", "", ""]);
    }

    #[test]
    fn what_the_stages_measured_is_among_the_quality_figures() {
        let mut knn = Footer::new("knn 1", json!({ "k": 15 }), 42);
        knn.fact("recall", json!({ "sample": 100, "recall": 1.0 }));
        let mut project = Footer::new("project 1", json!({ "min_dist": 0.1 }), 42);
        project.fact("trustworthiness_15", json!(0.981_25));
        let known = Known {
            n: 10,
            noise: 3,
            topics: &[],
            preserved: Some(&[0.5, 1.0]),
        };
        let sections = about(
            &known,
            &[
                ("Neighbors", Some(&knn)),
                ("Map", Some(&project)),
                ("Names", None),
            ],
        );
        assert_eq!(sections.len(), 3);
        let quality: Vec<String> = sections[0]
            .facts
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        assert_eq!(
            quality,
            [
                "Texts: 10",
                "Topics: 0",
                "In no topic: 3 (30.0 %)",
                "Recall of neighbors: 1",
                "Trustworthiness: 0.98125",
                "Neighbors kept on the map: 75.0 %"
            ]
        );
        assert!(
            sections[1]
                .facts
                .contains(&("k".to_owned(), "15".to_owned()))
        );
    }
}
