//! The stage: reads embeddings and writes neighbors. The only module that knows paths.

use std::path::Path;

use artifacts::{Documents, Embeddings, Neighbors, ScalarColumn, VectorFile};
use clap::ArgMatches;
use stage::{File, Files, Progress, Reach, Seed, Stage};

use crate::size::Size;
use crate::{Error, Local, Options, Report, Table, Token, backends, memory, search, search_file};

/// The `knn` stage.
#[derive(Debug)]
pub struct Knn;

impl Stage for Knn {
    const NAME: &'static str = "knn";
    const ABOUT: &'static str = "Find the k nearest neighbors of every row";
    const PRODUCER: &'static str = concat!("skerry-knn ", env!("CARGO_PKG_VERSION"));
    const INPUTS: &'static [File] = &[
        File {
            name: "embeddings",
            file: "embeddings.parquet",
            required: true,
            help: "the vectors, one per row (Parquet, or Arrow IPC by file extension)",
        },
        File {
            name: "documents",
            file: "documents.parquet",
            required: false,
            help: "the texts and columns that `--store-texts` stores",
        },
    ];
    const OUTPUTS: &'static [File] = &[File {
        name: "neighbors",
        file: "neighbors.parquet",
        required: true,
        help: "the k nearest neighbors of each row",
    }];
    const LAZY: &'static [&'static str] = &["documents"];
    const EXTERNAL: &'static [(&'static str, Reach)] = &[("uri", Reach::Network)];
    const SENDS: &'static str = "the vectors";
    const SECRETS: &'static [&'static str] = &["token"];
    const SHORT_HELP: &'static [&'static str] =
        &["k", "metric", "backend", "target_recall", "memory_limit"];

    type Options = Options;
    type Local = Local;
    type Report = Report;
    type Error = Error;

    fn unread(options: &Options) -> &'static [&'static str] {
        if options.store_texts {
            &[]
        } else {
            &["documents"]
        }
    }

    fn check(options: &Options, local: &Local) -> Result<(), Error> {
        options.check()?;
        backends::open(options.backend)?;
        #[cfg(feature = "milvus")]
        backends::milvus::check(options, local)?;
        let _ = local;
        Ok(())
    }

    fn take_secrets(local: &mut Local, flags: &ArgMatches) {
        local.token = flags.get_one::<Token>("token").cloned();
    }

    fn run(
        files: &Files,
        options: &Options,
        local: &Local,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Report, Error> {
        Self::check(options, local)?;
        let path = files.input("embeddings");
        if local.memory_limit.is_some()
            && let Some(shape) = Embeddings::shape(path)?
        {
            // The vectors alone may be too large, so check before reading them.
            let (n, d) = (shape.rows, shape.dimensions);
            let k = options.k.min(n.saturating_sub(1));
            memory::check_limit(
                local.memory_limit,
                options.backend,
                Size { n, d, k },
                shape.reading,
                options,
            )?;
        }
        let mut footer = stage::footer::<Self>(options, seed);
        files.record("embeddings", &mut footer)?;
        let fingerprint = footer.inputs.get("embeddings").cloned().unwrap_or_default();
        // The search refuses or isolates rows that are not finite, with the other rows that cannot be searched.
        let found = if backends::open(options.backend)?.streams() {
            let scratch = files.output("neighbors").and_then(Path::parent);
            let scratch = scratch.filter(|dir| !dir.as_os_str().is_empty());
            let file = VectorFile::open(path, scratch.unwrap_or(Path::new(".")))?;
            let documents = options.store_texts.then(|| files.optional("documents"));
            let documents = documents.map(|given| given.ok_or(Error::NoDocuments));
            let stored = match documents.transpose()? {
                None => None,
                Some(path) => {
                    files.record("documents", &mut footer)?;
                    let columns = columns(path, file.len())?;
                    Some((columns, files.hash("documents")?))
                }
            };
            let table = stored.as_ref().map(|(columns, fingerprint)| Table {
                columns,
                fingerprint,
            });
            search_file(&file, &fingerprint, table, options, local, seed, progress)
        } else {
            let embeddings = Embeddings::read_any(path)?.value;
            let d = embeddings.dim();
            let values = embeddings.into_values();
            search(values, d, &fingerprint, options, local, seed, progress)
        };
        let (knn, report) = found.map_err(|error| match error {
            // A fault of the machine or of the settings, not of the file.
            Error::Search(
                exact_knn::Error::UnknownKernel { .. } | exact_knn::Error::KernelMissing { .. },
            ) => error,
            Error::Search(fault) => Error::Rows {
                path: path.to_owned(),
                fault,
            },
            other => other,
        })?;
        footer.metric = Some(options.metric.to_string());
        footer.set_facts(&report.facts());
        if let Some(path) = files.output("neighbors") {
            let neighbors = Neighbors {
                k: knn.k,
                ids: knn.ids,
                distances: knn.distances,
            };
            neighbors.write(path, &footer)?;
        }
        Ok(report)
    }
}

/// The columns of the table at `path`, which has to have `n` rows.
fn columns(path: &Path, n: usize) -> Result<Vec<ScalarColumn>, Error> {
    let documents = Documents::read(path)?;
    if documents.len() != n {
        let fault = format!("{} texts do not belong to {n} vectors", documents.len());
        return Err(artifacts::Error::shape(path, fault).into());
    }
    Ok(documents.scalars(path)?)
}
