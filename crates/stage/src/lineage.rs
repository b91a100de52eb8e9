//! Checks that the inputs of a stage belong together, by the lineage in their footers and the hashes in the log of the run.
//! Equal numbers of rows are not sufficient.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use artifacts::{Error, Footer, Lineage};
use serde_json::Value;

use crate::{Files, Hint, Manifest, Progress, Record, Seed, Stage, Usage, explain, lock};

/// The flag that turns mismatches into warnings.
pub(crate) const ALLOW: &str = "allow-mismatch";

const EMBEDDINGS: &str = "embeddings";
const NEIGHBORS: &str = "neighbors";

/// Names of several files of one run: a layout is of kind `embeddings` too, and has its own neighbors.
const AMBIGUOUS: [&str; 2] = [EMBEDDINGS, NEIGHBORS];

/// A mismatch between inputs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Mismatch {
    /// An input was made from another file than the given one.
    #[error(
        "{} was made from other {name} than {}: it records SHA-256 {recorded}, that file has {found}",
        path.display(), other.display()
    )]
    MadeFromOther {
        /// The file with the record.
        path: PathBuf,
        /// The name of the other file in it.
        name: &'static str,
        /// The other file.
        other: PathBuf,
        /// The hash in the footer, shortened.
        recorded: String,
        /// The hash of the other file, shortened.
        found: String,
        /// Whether the other file is damaged.
        #[source]
        damage: Option<Error>,
    },
    /// Two inputs were made from different files of the same name.
    #[error(
        "{} and {} were made from different {name}: they record SHA-256 {recorded} and {found}",
        path.display(), other.display()
    )]
    MadeApart {
        /// One input.
        path: PathBuf,
        /// The other input.
        other: PathBuf,
        /// The name of the file that they were made from.
        name: String,
        /// The hash in the first, shortened.
        recorded: String,
        /// The hash in the second, shortened.
        found: String,
    },
    /// An input has another hash than in the log of its run.
    #[error(
        "{} has changed since it was written: {} records SHA-256 {recorded}, the file has {found}",
        path.display(), Manifest::FILE
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// The directory of the run.
        run: PathBuf,
        /// The hash in the log, shortened.
        recorded: String,
        /// The hash of the file, shortened.
        found: String,
        /// Whether it is damaged.
        #[source]
        damage: Option<Error>,
    },
}

impl Hint for Mismatch {
    fn hint(&self) -> Option<String> {
        Some(match self {
            _ if lock::in_a_run() => {
                "update all files with `skerry run`, without `--only` and `--from`".to_owned()
            }
            Self::Changed { run, .. } => format!(
                "write it again with `skerry run --out {}`; if it was replaced on purpose, accept it with `--{ALLOW}`",
                run.display()
            ),
            _ => format!(
                "give files of one run, or rerun the stages whose inputs have changed; `--{ALLOW}` accepts the files"
            ),
        })
    }
}

/// The log of the run in whose directory a stage is run alone. In `skerry run`, the run checks its files itself.
pub(crate) struct Log<'a> {
    run: &'a Path,
    manifest: Manifest,
}

impl<'a> Log<'a> {
    /// The log in directory `run`, if there is one that can be read.
    pub(crate) fn read(run: &'a Path, progress: &dyn Progress) -> Option<Self> {
        match Manifest::read(run) {
            Ok(manifest) => Some(Self { run, manifest }),
            Err(why) => {
                progress.warn(&format!(
                    "{} cannot be read ({why}): changed inputs are not detected",
                    run.join(Manifest::FILE).display()
                ));
                None
            }
        }
    }

    /// The hashes of `file` recorded by steps; several if a step that is no longer in the recipe wrote it too.
    fn hashes_of(&self, file: &str) -> impl Iterator<Item = &String> {
        let steps = self.manifest.steps.iter();
        steps.filter_map(move |record| record.outputs.get(file))
    }

    /// The name of the file at `path`, if it is directly in the directory. Only such names are looked up in the log, whose paths
    /// are untrusted.
    fn name_of(&self, path: &Path) -> Option<String> {
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new(".")).canonicalize().ok()?;
        let here = self.run.canonicalize().is_ok_and(|run| run == parent);
        here.then(|| path.file_name()?.to_str().map(str::to_owned))?
    }

    /// Records the outputs of `S` in the log, if it ran in place of a step.
    pub(crate) fn record<S: Stage>(
        &mut self,
        files: &Files,
        (options, local, seed): (&S::Options, &S::Local, Seed),
        (report, usage): (Value, Usage),
        progress: &dyn Progress,
    ) {
        let Some(at) = self.step_of::<S>(files) else {
            return;
        };
        let kept = self.outputs::<S>(files, options).and_then(|outputs| {
            let record = &mut self.manifest.steps[at];
            *record = Record {
                step: std::mem::take(&mut record.step),
                stage: S::NAME.to_owned(),
                status: "done".to_owned(),
                reason: Some("it was run alone".to_owned()),
                producer: S::PRODUCER.to_owned(),
                build: None,
                seed: seed.0,
                settings: crate::settings_of::<S>(options, local)
                    .into_iter()
                    .collect(),
                inputs: primary::<S>(files)
                    .and_then(|path| Footer::read(path).ok().flatten())
                    .unwrap_or_default()
                    .inputs,
                outputs,
                report,
                usage,
            };
            if S::SOURCES.is_some() {
                self.manifest.input = files
                    .sources()
                    .iter()
                    .map(|source| recorded(source))
                    .collect();
            }
            self.manifest.write(self.run)
        });
        if let Err(error) = kept {
            progress.warn(&format!(
                "{} could not be updated, so the files count as changed: {error}",
                Manifest::FILE
            ));
        }
    }

    /// The index of the step that writes the outputs of `S`.
    fn step_of<S: Stage>(&self, files: &Files) -> Option<usize> {
        let file = self.name_of(primary::<S>(files)?)?;
        let mut steps = self.manifest.steps.iter();
        steps.position(|record| record.outputs.contains_key(&file))
    }

    /// The hashes of the outputs of `S` with these options, by file.
    fn outputs<S: Stage>(
        &self,
        files: &Files,
        options: &S::Options,
    ) -> Result<BTreeMap<String, String>, Error> {
        let paths = S::writes(options).into_iter();
        paths
            .filter_map(|name| files.output(name))
            .filter_map(|path| Some((self.name_of(path)?, path)))
            .map(|(file, path)| Ok((file, artifacts::sha256(path)?)))
            .collect()
    }
}

/// The output that is written last.
fn primary<S: Stage>(files: &Files) -> Option<&Path> {
    files.output(S::OUTPUTS.first()?.name)
}

/// `source` in the form of the log.
fn recorded(source: &str) -> String {
    if source == "-" {
        return source.to_owned();
    }
    crate::absolute(source).unwrap_or_else(|_| source.to_owned())
}

/// Rejects inputs of `S` that do not belong together or differ from `log`; only warns if that is `allowed`.
pub(crate) fn check<S: Stage>(
    files: &Files,
    log: Option<&Log<'_>>,
    allowed: bool,
    progress: &dyn Progress,
) -> Result<(), String> {
    let found =
        mismatches::<S>(files, log).map_err(|error| explain(&error, error.hint().as_deref()))?;
    match found.first() {
        Some(fault) if !allowed => Err(explain(fault, fault.hint().as_deref())),
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

/// The first digits of a hash.
fn short(hash: &str) -> String {
    let end = hash.char_indices().nth(12).map_or(hash.len(), |(at, _)| at);
    format!("{}...", &hash[..end])
}

fn short_of(hashes: &BTreeSet<String>) -> String {
    let all: Vec<String> = hashes.iter().map(|hash| short(hash)).collect();
    all.join(" and ")
}

#[cfg(test)]
mod tests {
    use artifacts::{Clusters, Embeddings, Neighbors, Projection};
    use serde_json::json;

    use super::*;
    use crate::{File, NoLocal};

    /// A stage that takes whatever there is.
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
    struct Made {
        dir: tempfile::TempDir,
        /// As an older version, which knew the inputs alone.
        old: bool,
    }

    impl Made {
        fn new(old: bool) -> Self {
            let dir = tempfile::tempdir().unwrap();
            Self { dir, old }
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
            if self.old {
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

        /// What is told of the inputs `given`, as "name=file".
        fn told(&self, given: &str) -> Vec<String> {
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

    const FITTING: [&str; 7] = [
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
    fn files_of_one_run_fit_whichever_generation_they_are_of() {
        for old in [false, true] {
            let made = Made::new(old);
            made.topics("", 1);
            let fitting = if old { &FITTING[..6] } else { &FITTING };
            for given in fitting {
                assert_eq!(
                    made.told(given),
                    Vec::<String>::new(),
                    "{given}, old: {old}"
                );
            }
        }
    }

    #[test]
    fn files_of_two_runs_do_not() {
        let made = Made::new(false);
        made.topics("", 1);
        made.topics("o", 2);
        for given in [
            "neighbors=n embeddings=oe",
            "neighbors=rn embeddings=or",
            "neighbors=n embeddings=r",
            "clusters=c embeddings=oe",
            "clusters=c neighbors=on",
            "clusters=c projection=op",
            "clusters=oc projection=p neighbors=n",
        ] {
            let told = made.told(given);
            assert!(!told.is_empty(), "{given}");
            assert!(told.iter().all(|line| line.contains("SHA-256")), "{told:?}");
        }
    }

    #[test]
    fn of_older_files_what_they_tell_is_held_against_them() {
        let made = Made::new(true);
        made.topics("", 1);
        made.topics("o", 2);
        assert!(made.told("neighbors=n embeddings=oe")[0].contains("other embeddings"));
        assert!(made.told("neighbors=rn embeddings=or")[0].contains("other embeddings"));
        // These may have been clustered in a layout of those.
        assert_eq!(made.told("clusters=c embeddings=oe"), Vec::<String>::new());
    }

    #[test]
    fn other_neighbors_of_the_same_vectors_fit() {
        let made = Made::new(false);
        made.topics("", 1);
        let mut longer = made.footer(0, "embeddings=e");
        longer.set_facts(&artifacts::NeighborsFacts {
            isolated: Some(1),
            ..artifacts::NeighborsFacts::default()
        });
        let neighbors = Neighbors {
            k: 1,
            ids: vec![1, 0],
            distances: vec![1.0, 1.0],
        };
        neighbors.write(&made.path("n80"), &longer).unwrap();
        made.projection("p80", "neighbors=n80 embeddings=e");
        let given = "clusters=c projection=p80 neighbors=n80 embeddings=e";
        assert_eq!(made.told(given), Vec::<String>::new());
        assert_eq!(
            made.told("clusters=c projection=p80 neighbors=n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_cannot_be_read_is_left_to_the_stage() {
        let made = Made::new(false);
        made.topics("", 1);
        std::fs::write(made.path("junk"), b"junk").unwrap();
        assert_eq!(
            made.told("neighbors=n embeddings=junk"),
            Vec::<String>::new()
        );
        // Another kind: clusters where vectors should be.
        assert_eq!(made.told("neighbors=n embeddings=c"), Vec::<String>::new());
    }

    #[test]
    fn a_damaged_file_is_called_so() {
        let made = Made::new(false);
        made.topics("", 1);
        let mut bytes = std::fs::read(made.path("e")).unwrap();
        bytes[9] ^= 1;
        std::fs::write(made.path("e"), bytes).unwrap();
        let files = Files::default()
            .with("neighbors", made.path("n"))
            .with("embeddings", made.path("e"));
        let fault = check::<Any>(&files, None, false, &crate::Silent).unwrap_err();
        assert!(fault.contains("fail their checksum"), "{fault}");
        assert!(fault.contains("hint: "), "{fault}");
        check::<Any>(&files, None, true, &crate::Silent).unwrap();
    }
}
