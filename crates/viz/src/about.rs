//! What the page tells of the run: quality figures first, then what each stage said in its footer.
//!
//! Nothing here depends on the day or the machine: the page is compared byte by byte.

use artifacts::{Footer, Intake};
use serde_json::Value;

use crate::scene::{Group, Section};
use stage::thousands;

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
        let intake = Intake::of(footer);
        facts.extend(intake.iter().flat_map(rows));
        for (name, value) in &footer.facts {
            if intake.is_none() || !Intake::holds(name) {
                flatten(name, value, &mut facts);
            }
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

/// The rows that were read, those that are texts of the map, and those that are not, by reason.
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

fn quality(known: &Known<'_>, footers: &[(&str, Option<&Footer>)]) -> Section {
    let Known {
        n,
        noise,
        topics,
        preserved,
    } = *known;
    let percent = |part: f64| {
        let rounded = (1000.0 * part).round() / 10.0;
        // What is not quite all is not called all.
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
        facts.push(("Texts a topic".to_owned(), text));
    }
    let fact = |wanted: &str| {
        let footers = footers.iter().filter_map(|(_, footer)| footer.as_ref());
        footers.map(|footer| &footer.facts).find_map(|facts| {
            let value = facts.get(wanted).filter(|value| !value.is_null())?;
            Some((value, facts))
        })
    };
    // A figure of fewer rows than there are is one of a sample.
    let sampled =
        |rows: Option<&Value>| match rows.and_then(Value::as_u64).map(|rows| rows as usize) {
            Some(rows) if rows < n => format!(" (from a sample of {} texts)", thousands(rows)),
            _ => String::new(),
        };
    if let Some((recall, _)) = fact("recall")
        && let Some(found) = recall["recall"].as_f64()
    {
        let sample = sampled(recall.get("sample"));
        facts.push((
            "Nearest neighbors found".to_owned(),
            percent(found) + &sample,
        ));
    } else if fact("certified").is_some_and(|(certified, _)| *certified == Value::Bool(true)) {
        facts.push((
            "Nearest neighbors found".to_owned(),
            "all (exact search)".to_owned(),
        ));
    }
    if let Some((value, others)) = fact("trustworthiness")
        && let Some(value) = value.as_f64()
    {
        let sample = sampled(others.get("trustworthiness_rows"));
        facts.push(("Trustworthiness".to_owned(), format!("{value:.3}{sample}")));
    }
    if let Some(preserved) = preserved.filter(|preserved| !preserved.is_empty()) {
        let mean = preserved.iter().copied().map(f64::from).sum::<f64>() / preserved.len() as f64;
        let k = fact("quality_k").and_then(|(k, _)| k.as_u64());
        let of = k.map_or(String::new(), |k| format!(" of the {k} nearest"));
        facts.push(("Neighbors kept on the map".to_owned(), percent(mean) + &of));
    }
    if let Some(value) = fact("relative_validity").and_then(|(value, _)| value.as_f64()) {
        facts.push(("Relative validity".to_owned(), format!("{value:.3}")));
    }
    if let Some(said) = fact("stability").and_then(|(value, _)| value["sentence"].as_str()) {
        facts.push(("Stability".to_owned(), said.to_owned()));
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
    if shown.chars().nth(LONGEST).is_none() {
        return Some(shown);
    }
    Some(shown.chars().take(LONGEST).chain(['\u{2026}']).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KNOWN: Known<'_> = Known {
        n: 10,
        noise: 3,
        topics: &[],
        preserved: Some(&[0.5, 1.0]),
    };

    #[test]
    fn numbers_are_short_and_nothing_is_said_of_nothing() {
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
    fn the_rows_that_were_left_out_are_told_with_their_reasons() {
        let shown = |intake: Intake| {
            let mut footer = Footer::new("ingest 1", json!({}), 42);
            intake.record(&mut footer);
            footer.fact("text", "title");
            let sections = about(&KNOWN, &[("Texts", Some(&footer))]);
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
    fn what_the_stages_measured_is_among_the_quality_figures() {
        let mut knn = Footer::new("knn 1", json!({ "k": 15 }), 42);
        knn.fact("recall", json!({ "sample": 8, "recall": 0.9999 }));
        let mut project = Footer::new("project 1", json!({ "min_dist": 0.1 }), 42);
        project.fact("trustworthiness", json!(0.949_351_6));
        project.fact("trustworthiness_rows", json!(5));
        project.fact("quality_k", json!(15));
        project.fact("relative_validity", json!(0.4));
        project.fact("stability", json!({ "sentence": "all stay" }));
        let sections = about(
            &KNOWN,
            &[
                ("Neighbors", Some(&knn)),
                ("Map", Some(&project)),
                ("Names", None),
            ],
        );
        assert_eq!(sections.len(), 3);
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
        let figures = |fact: (&str, Value)| {
            let mut footer = Footer::new("any 1", json!({}), 42);
            footer.fact(fact.0, fact.1);
            let all = quality(&KNOWN, &[("Any", Some(&footer))]).facts;
            all.into_iter().nth(3).unwrap_or_default().1
        };
        assert_eq!(figures(("certified", json!(true))), "all (exact search)");
        assert_eq!(figures(("trustworthiness", json!(0.95))), "0.950");
        assert!(
            sections[1]
                .facts
                .contains(&("k".to_owned(), "15".to_owned()))
        );
    }
}
