//! Checks that the inputs of a stage belong together, by the lineage in their footers and the hashes in the log of the run.
//! Equal numbers of rows are not sufficient.

mod log;
mod mismatch;

use std::path::Path;

use artifacts::{Error, Footer, Lineage};

pub(crate) use self::log::Log;
use self::mismatch::{Mismatch, short, short_of};
use crate::{Failure, Files, Progress, Stage};

/// The flag that turns mismatches into warnings.
pub(crate) const ALLOW: &str = "allow-mismatch";

const EMBEDDINGS: &str = "embeddings";
const NEIGHBORS: &str = "neighbors";

/// Names of several files of one run: a layout is of kind `embeddings` too, and has its own neighbors.
const AMBIGUOUS: [&str; 2] = [EMBEDDINGS, NEIGHBORS];

/// Rejects inputs of `S` that do not belong together or differ from `log`; only warns if that is `allowed`.
pub(crate) fn check<S: Stage>(
    files: &Files,
    log: Option<&Log<'_>>,
    allowed: bool,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let found = mismatches::<S>(files, log)?;
    match found.first() {
        Some(fault) if !allowed => Err(Failure::of(fault)),
        _ => {
            for fault in &found {
                progress.warn(&fault.to_string());
            }
            Ok(())
        }
    }
}

/// An input with its footer and hash.
struct Input<'a> {
    name: &'static str,
    path: &'a Path,
    footer: Footer,
    lineage: Lineage,
}

fn mismatches<S: Stage>(files: &Files, log: Option<&Log<'_>>) -> Result<Vec<Mismatch>, Error> {
    let mut inputs = Vec::new();
    for file in S::INPUTS {
        // Unreadable files and other kinds are reported by the stage. A kind is the name of its standard file.
        let path = files.optional(file.name);
        let Some((path, Ok(footer))) = path.map(|path| (path, Footer::read(path))) else {
            continue;
        };
        let footer = footer.unwrap_or_default();
        if footer.kind.is_empty() || file.file.strip_suffix(".parquet") == Some(&footer.kind) {
            inputs.push(Input {
                name: file.name,
                path,
                lineage: footer.lineage(),
                footer,
            });
        }
    }
    let mut found = Vec::new();
    for one in &inputs {
        for other in &inputs {
            found.extend(made_from_other(files, one, other)?);
        }
    }
    for (at, one) in inputs.iter().enumerate() {
        for other in &inputs[at + 1..] {
            found.extend(made_apart(files, one, other)?);
        }
    }
    if let Some(log) = log {
        for input in &inputs {
            found.extend(changed(files, input, log)?);
        }
    }
    Ok(found)
}

impl Input<'_> {
    /// Whether its complete lineage of files named `name` is known.
    fn knows_all(&self, name: &str) -> bool {
        self.footer.ancestors.is_some() || !AMBIGUOUS.contains(&name)
    }

    /// Whether both were made from the same file named `name`; then they belong to the same documents.
    fn shares(&self, other: &Self, name: &str) -> bool {
        let (own, others) = (self.lineage.get(name), other.lineage.get(name));
        own.zip(others)
            .is_some_and(|(own, others)| !own.is_disjoint(others))
    }

    /// Whether it was made from the file with the hash `hash`, directly or indirectly.
    fn is_made_from(&self, hash: &str) -> bool {
        self.lineage.values().any(|hashes| hashes.contains(hash))
    }
}

/// Whether `one` was made from another file than `other`, by the input name of `other`.
fn made_from_other(
    files: &Files,
    one: &Input<'_>,
    other: &Input<'_>,
) -> Result<Option<Mismatch>, Error> {
    let Some(recorded) = one.lineage.get(other.name) else {
        return Ok(None);
    };
    // Neighbors belong to the vectors that were searched, or to those from which these were made. That clusters were not
    // made from a layout of the vectors is certain only if their complete lineage is known.
    let neighbors = one.footer.kind == NEIGHBORS;
    if one.name == other.name || !(neighbors || one.knows_all(other.name)) {
        return Ok(None);
    }
    if other.name == NEIGHBORS && one.shares(other, EMBEDDINGS) {
        return Ok(None);
    }
    let hash = files.hash(other.name)?;
    // The neighbors that a layout was made from are not the neighbors within it.
    if one.is_made_from(&hash) || !neighbors && other.is_made_from(&files.hash(one.name)?) {
        return Ok(None);
    }
    let direct = one.footer.inputs.get(other.name);
    Ok(Some(Mismatch::MadeFromOther {
        path: one.path.to_owned(),
        name: other.name,
        other: other.path.to_owned(),
        recorded: direct.map_or_else(|| short_of(recorded), |hash| short(hash)),
        found: short(&hash),
        damage: artifacts::verify(other.path).err(),
    }))
}

/// Whether `one` and `other` were made from different files of the same name.
fn made_apart(
    files: &Files,
    one: &Input<'_>,
    other: &Input<'_>,
) -> Result<Option<Mismatch>, Error> {
    for (name, recorded) in &one.lineage {
        let Some(found) = other.lineage.get(name) else {
            continue;
        };
        if one.shares(other, name) || !one.knows_all(name) || !other.knows_all(name) {
            continue;
        }
        if name == NEIGHBORS && one.shares(other, EMBEDDINGS) {
            continue;
        }
        // Files that are inputs themselves are already checked.
        if files.is_given(name)
            || one.is_made_from(&files.hash(other.name)?)
            || other.is_made_from(&files.hash(one.name)?)
        {
            continue;
        }
        return Ok(Some(Mismatch::MadeApart {
            path: one.path.to_owned(),
            other: other.path.to_owned(),
            name: name.clone(),
            recorded: short_of(recorded),
            found: short_of(found),
        }));
    }
    Ok(None)
}

/// The mismatch if `log` has another hash for the file of `input`.
fn changed(files: &Files, input: &Input<'_>, log: &Log<'_>) -> Result<Option<Mismatch>, Error> {
    let Some(file) = log.name_of(input.path) else {
        return Ok(None);
    };
    let Some(recorded) = log.hashes_of(&file).next() else {
        return Ok(None);
    };
    let found = files.hash(input.name)?;
    if log.hashes_of(&file).any(|hash| *hash == found) {
        return Ok(None);
    }
    Ok(Some(Mismatch::Changed {
        path: input.path.to_owned(),
        run: log.run.to_owned(),
        recorded: short(recorded),
        found: short(&found),
        damage: artifacts::verify(input.path).err(),
    }))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use artifacts::{Clusters, Embeddings, Neighbors, Projection};
    use serde_json::json;

    use super::*;
    use crate::{File, Hint, NoLocal, Seed};

    /// A stage with optional inputs of four kinds.
    struct Any;

    #[derive(Debug, thiserror::Error)]
    #[error("it does nothing")]
    struct Nothing;

    impl Hint for Nothing {
        fn hint(&self) -> Option<String> {
            None
        }
    }

    const fn file(name: &'static str, file: &'static str) -> File {
        File {
            name,
            file,
            required: false,
            help: "",
        }
    }

    impl Stage for Any {
        const NAME: &'static str = "any";
        const ABOUT: &'static str = "";
        const PRODUCER: &'static str = "test 1.0";
        const INPUTS: &'static [File] = &[
            file("neighbors", "neighbors.parquet"),
            file("embeddings", "embeddings.parquet"),
            file("clusters", "clusters.parquet"),
            file("projection", "projection.parquet"),
        ];
        const OUTPUTS: &'static [File] = &[];
        type Options = NoLocal;
        type Local = NoLocal;
        type Report = String;
        type Error = Nothing;

        fn run(
            _: &Files,
            _: &NoLocal,
            _: &NoLocal,
            _: Seed,
            _: &dyn Progress,
        ) -> Result<String, Nothing> {
            Err(Nothing)
        }
    }

    /// A directory in which files are made from each other.
    struct Fixture {
        dir: tempfile::TempDir,
        /// Writes footers like an older version, without ancestors.
        without_ancestors: bool,
    }

    impl Fixture {
        fn new(without_ancestors: bool) -> Self {
            let dir = tempfile::tempdir().unwrap();
            Self {
                dir,
                without_ancestors,
            }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        /// A footer of a file made from `inputs`, given as "name=file".
        fn footer(&self, seed: u64, inputs: &str) -> Footer {
            let mut footer = Footer::new("test 1.0", json!({}), seed);
            for input in inputs.split_whitespace() {
                let (name, file) = input.split_once('=').unwrap();
                footer.reads(name, &self.path(file)).unwrap();
            }
            if self.without_ancestors {
                footer.ancestors = None;
            }
            footer
        }

        fn embeddings(&self, file: &str, seed: u64, inputs: &str) {
            Embeddings::new(1, vec![1.0, 2.0])
                .write(&self.path(file), &self.footer(seed, inputs))
                .unwrap();
        }

        fn neighbors(&self, file: &str, inputs: &str) {
            let neighbors = Neighbors {
                k: 1,
                ids: vec![1, 0],
                distances: vec![1.0, 1.0],
            };
            let footer = self.footer(0, inputs);
            neighbors.write(&self.path(file), &footer).unwrap();
        }

        fn clusters(&self, file: &str, inputs: &str) {
            let clusters = Clusters {
                cluster: vec![0, 0],
                probability: vec![1.0; 2],
                outlier_score: vec![0.0; 2],
                ..Clusters::default()
            };
            let footer = self.footer(0, inputs);
            clusters.write(&self.path(file), &footer).unwrap();
        }

        fn projection(&self, file: &str, inputs: &str) {
            let projection = Projection {
                x: vec![0.0; 2],
                y: vec![0.0; 2],
                preserved: None,
            };
            let footer = self.footer(0, inputs);
            projection.write(&self.path(file), &footer).unwrap();
        }

        /// Clusters in a layout of vectors, and a map of the vectors themselves.
        fn topics(&self, run: &str, seed: u64) {
            let of = |inputs: &str| inputs.replace('@', run);
            self.embeddings(&of("@e"), seed, "");
            self.neighbors(&of("@n"), &of("embeddings=@e"));
            self.embeddings(&of("@r"), seed, &of("neighbors=@n embeddings=@e"));
            self.neighbors(&of("@rn"), &of("embeddings=@r"));
            self.clusters(&of("@c"), &of("neighbors=@rn embeddings=@r"));
            self.projection(&of("@p"), &of("neighbors=@n embeddings=@e"));
        }

        /// The mismatches of the inputs `given`, as "name=file".
        fn mismatches_of(&self, given: &str) -> Vec<String> {
            let mut files = Files::default();
            for input in given.split_whitespace() {
                let (name, file) = input.split_once('=').unwrap();
                let known = Any::INPUTS.iter().find(|known| known.name == name);
                files = files.with(known.unwrap().name, self.path(file));
            }
            let found = mismatches::<Any>(&files, None).unwrap();
            found.iter().map(ToString::to_string).collect()
        }
    }

    const MATCHING: [&str; 7] = [
        "neighbors=n embeddings=e",
        "neighbors=rn embeddings=r",
        "clusters=c embeddings=e",
        "clusters=c embeddings=r neighbors=rn",
        "clusters=c projection=p neighbors=n",
        "clusters=c projection=p neighbors=n embeddings=e",
        // A map of the layout.
        "neighbors=rn embeddings=e",
    ];

    #[test]
    fn files_of_one_run_match_with_and_without_ancestors() {
        for without_ancestors in [false, true] {
            let fixture = Fixture::new(without_ancestors);
            fixture.topics("", 1);
            let matching = if without_ancestors {
                &MATCHING[..6]
            } else {
                &MATCHING
            };
            for given in matching {
                assert_eq!(
                    fixture.mismatches_of(given),
                    Vec::<String>::new(),
                    "{given}, without ancestors: {without_ancestors}"
                );
            }
        }
    }

    #[test]
    fn files_of_two_runs_do_not_match() {
        let fixture = Fixture::new(false);
        fixture.topics("", 1);
        fixture.topics("o", 2);
        for given in [
            "neighbors=n embeddings=oe",
            "neighbors=rn embeddings=or",
            "neighbors=n embeddings=r",
            "clusters=c embeddings=oe",
            "clusters=c neighbors=on",
            "clusters=c projection=op",
            "clusters=oc projection=p neighbors=n",
        ] {
            let found = fixture.mismatches_of(given);
            assert!(!found.is_empty(), "{given}");
            assert!(
                found.iter().all(|line| line.contains("SHA-256")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn files_without_ancestors_are_checked_by_their_inputs() {
        let fixture = Fixture::new(true);
        fixture.topics("", 1);
        fixture.topics("o", 2);
        assert!(fixture.mismatches_of("neighbors=n embeddings=oe")[0].contains("other embeddings"));
        assert!(
            fixture.mismatches_of("neighbors=rn embeddings=or")[0].contains("other embeddings")
        );
        // These may have been clustered in a layout of those.
        assert_eq!(
            fixture.mismatches_of("clusters=c embeddings=oe"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn other_neighbors_of_the_same_vectors_match() {
        let fixture = Fixture::new(false);
        fixture.topics("", 1);
        let mut longer = fixture.footer(0, "embeddings=e");
        longer.set_facts(&artifacts::NeighborsFacts {
            isolated: Some(1),
            ..artifacts::NeighborsFacts::default()
        });
        let neighbors = Neighbors {
            k: 1,
            ids: vec![1, 0],
            distances: vec![1.0, 1.0],
        };
        neighbors.write(&fixture.path("n80"), &longer).unwrap();
        fixture.projection("p80", "neighbors=n80 embeddings=e");
        let given = "clusters=c projection=p80 neighbors=n80 embeddings=e";
        assert_eq!(fixture.mismatches_of(given), Vec::<String>::new());
        assert_eq!(
            fixture.mismatches_of("clusters=c projection=p80 neighbors=n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn unreadable_files_are_left_to_the_stage() {
        let fixture = Fixture::new(false);
        fixture.topics("", 1);
        std::fs::write(fixture.path("junk"), b"junk").unwrap();
        assert_eq!(
            fixture.mismatches_of("neighbors=n embeddings=junk"),
            Vec::<String>::new()
        );
        // Another kind: clusters where vectors should be.
        assert_eq!(
            fixture.mismatches_of("neighbors=n embeddings=c"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_damaged_file_is_reported_as_damaged() {
        let fixture = Fixture::new(false);
        fixture.topics("", 1);
        let mut bytes = std::fs::read(fixture.path("e")).unwrap();
        bytes[9] ^= 1;
        std::fs::write(fixture.path("e"), bytes).unwrap();
        let files = Files::default()
            .with("neighbors", fixture.path("n"))
            .with("embeddings", fixture.path("e"));
        let fault = check::<Any>(&files, None, false, &crate::Silent).unwrap_err();
        let fault = fault.to_string();
        assert!(fault.contains("fail their checksum"), "{fault}");
        assert!(fault.contains("hint: "), "{fault}");
        check::<Any>(&files, None, true, &crate::Silent).unwrap();
    }
}
