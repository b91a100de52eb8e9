//! Column names: suggestions for mistyped names, and renaming of duplicates and reserved names.

/// The name in `names` most similar to `wanted`: equal except for case, or a small edit distance away.
pub fn nearest<'a>(wanted: &str, names: &'a [String]) -> Option<&'a str> {
    let wanted = wanted.trim().to_lowercase();
    names
        .iter()
        .map(|name| (distance(&wanted, &name.trim().to_lowercase()), name))
        .filter(|&(distance, _)| distance <= wanted.chars().count().max(3) / 3)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name.as_str())
}

/// The name that begins with `wanted` and a comma.
pub fn cut_at_comma<'a>(wanted: &str, names: &'a [String]) -> Option<&'a str> {
    let begins = |name: &&String| {
        name.strip_prefix(wanted)
            .is_some_and(|rest| rest.starts_with(','))
    };
    names.iter().find(begins).map(String::as_str)
}

/// `names` in one line; if there are many, the first dozen and the number of the others.
pub fn some(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| short(name.as_ref()))
        .collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} ... and {more} more"),
    }
}

/// A name truncated for messages: in a wrong encoding, a name may be as long as the file.
fn short(name: &str) -> String {
    const LONGEST: usize = 60;
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_owned(),
    }
}

/// Joins names that were split at commas inside double quotes: `"the`, ` title"` become `the, title`. Names that do not begin
/// with a quote are unchanged.
pub fn unquoted<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    let pieces = <Vec<String> as serde::Deserialize>::deserialize(deserializer)?;
    Ok(join_quoted(&pieces))
}

fn join_quoted(pieces: &[String]) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        // The name ends with the first piece that makes the number of quotes even.
        let closes = |&end: &usize| {
            let joined = pieces[at..end].join(",");
            joined.len() > 1
                && joined.ends_with('"')
                && joined.matches('"').count().is_multiple_of(2)
        };
        let quoted = pieces[at].starts_with('"');
        if let Some(end) = (at + 1..=pieces.len()).filter(|_| quoted).find(closes) {
            let joined = pieces[at..end].join(",");
            names.push(joined[1..joined.len() - 1].replace("\"\"", "\""));
            at = end;
        } else {
            names.push(pieces[at].clone());
            at += 1;
        }
    }
    names
}

/// Levenshtein distance; quadratic in the lengths, which are truncated.
fn distance(a: &str, b: &str) -> usize {
    const LONGEST: usize = 100;
    let (a, b): (Vec<char>, Vec<char>) = (
        a.chars().take(LONGEST).collect(),
        b.chars().take(LONGEST).collect(),
    );
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

/// A renamed column.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Renamed {
    /// The name in the source.
    pub from: String,
    /// The new name.
    pub to: String,
}

/// Makes `names` distinct and not empty: `column_3` for the third without a name, `title_2` for the second `title`.
pub fn distinct(names: &[String]) -> (Vec<String>, Vec<Renamed>) {
    let mut taken: std::collections::HashSet<String> = names.iter().cloned().collect();
    let mut seen = std::collections::HashSet::new();
    let mut renamed = Vec::new();
    let mut result = Vec::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        let base = if name.is_empty() {
            format!("column_{}", i + 1)
        } else {
            name.clone()
        };
        let fits = !name.is_empty() && seen.insert(name.clone());
        let to = if fits {
            base
        } else {
            free(&base, name.is_empty(), &mut taken)
        };
        if to != *name {
            renamed.push(Renamed {
                from: name.clone(),
                to: to.clone(),
            });
        }
        result.push(to);
    }
    (result, renamed)
}

/// Gives each column whose name is `reserved` the name `source_<name>`.
pub fn unreserved(
    names: &[String],
    reserved: impl Fn(&str) -> bool,
) -> (Vec<String>, Vec<Renamed>) {
    let mut taken: std::collections::HashSet<String> = names.iter().cloned().collect();
    let mut renamed = Vec::new();
    let result = names
        .iter()
        .map(|name| {
            if !reserved(name) {
                return name.clone();
            }
            let to = free(&format!("source_{name}"), true, &mut taken);
            renamed.push(Renamed {
                from: name.clone(),
                to: to.clone(),
            });
            to
        })
        .collect();
    (result, renamed)
}

/// The first unused name of `base`, `base_2`, `base_3` ...; `bare` allows `base` itself.
fn free(base: &str, bare: bool, taken: &mut std::collections::HashSet<String>) -> String {
    let mut name = base.to_owned();
    let mut count = 2;
    if !bare {
        name = format!("{base}_{count}");
    }
    while !taken.insert(name.clone()) {
        name = format!("{base}_{count}");
        count += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_suggested_name_is_similar() {
        let there = names(&["Title", "description", "label"]);
        assert_eq!(nearest("title", &there), Some("Title"));
        assert_eq!(nearest("descripton", &there), Some("description"));
        assert_eq!(nearest("author", &there), None);
    }

    #[test]
    fn quoted_names_may_hold_commas() {
        let joined = |pieces: &[&str]| join_quoted(&names(pieces));
        assert_eq!(joined(&["\"the", " title\"", "n"]), ["the, title", "n"]);
        assert_eq!(joined(&["\"a", "b", "c\"", "\"d\""]), ["a,b,c", "d"]);
        assert_eq!(joined(&["\"a\"\"q\""]), ["a\"q"]);
        assert_eq!(joined(&["the, title", "a\"q"]), ["the, title", "a\"q"]);
        assert_eq!(joined(&["\"open", "n"]), ["\"open", "n"]);
        assert_eq!(joined(&["\"", ""]), ["\"", ""]);
    }

    #[test]
    fn long_lists_of_names_are_shortened() {
        let many: Vec<String> = (0..5_000).map(|i| format!("c{i}")).collect();
        assert_eq!(some(&many[..2]), "c0, c1");
        assert_eq!(some(&["漢".repeat(61)]), format!("{}...", "漢".repeat(60)));
        assert!(some(&many).ends_with("c11 ... and 4988 more"));
    }

    #[test]
    fn column_names_are_unique() {
        let (result, renamed) = distinct(&names(&["a", "", "a", "a_2", "a"]));
        assert_eq!(result, ["a", "column_2", "a_3", "a_2", "a_4"]);
        assert_eq!(renamed.len(), 3);
        let (result, renamed) = unreserved(&names(&["label", "source_label", "title"]), |name| {
            name == "label"
        });
        assert_eq!(result, ["source_label_2", "source_label", "title"]);
        assert_eq!(
            renamed,
            [Renamed {
                from: "label".into(),
                to: "source_label_2".into()
            }]
        );
    }
}
