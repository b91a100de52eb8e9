//! The stage: reads neighbors (and embeddings), writes clusters and trees. The only module with paths.

use artifacts::{
    ClusterFacts, ClusterInfo, ClusterRow, Clusters, CondensedTree, Footer, Mst, SingleLinkage,
};
use hdbscan_graph::{
    Clustered, FlatClustering, FullRun, Hierarchy, HierarchyOptions, Layer, Membership,
    MembershipInput, adjusted_rand_index, assign_nearest, assign_soft, cluster_sizes, exemplars,
    flat_clustering, hierarchy, layer_exemplars, layers, membership, relative_validity, stability,
};
use knn_graph::KnnView;
use stage::{File, Files, Progress, Seed, Stage};

use crate::options::{Assign, Engine};
use crate::source::{self, NeighborProvenance, Vectors, file, others, view, warn_of_few};
use crate::{Error, Options, Report, Verdict, engine};

/// The `cluster` stage.
#[derive(Debug)]
pub struct Cluster;

impl Stage for Cluster {
    const NAME: &'static str = "cluster";
    const ABOUT: &'static str =
        "Cluster the neighbor graph with HDBSCAN*: clusters of any shape, and noise";
    const PRODUCER: &'static str = concat!("skerry-cluster ", env!("CARGO_PKG_VERSION"));
    const INPUTS: &'static [File] = &source::INPUTS;
    const OUTPUTS: &'static [File] = &[
        file(
            "clusters",
            "clusters.parquet",
            true,
            "the cluster of each document",
        ),
        file(
            "cluster_info",
            "cluster_info.parquet",
            true,
            "one row per cluster: size, persistence, exemplars",
        ),
        file(
            "condensed_tree",
            "condensed_tree.parquet",
            true,
            "the condensed tree",
        ),
        file(
            "single_linkage",
            "single_linkage.parquet",
            true,
            "the single linkage tree",
        ),
        file("mst", "mst.parquet", true, "the minimum spanning tree"),
        file(
            "soft_membership",
            "membership.parquet",
            false,
            "the soft membership, with --membership",
        ),
    ];
    const LAZY: &'static [&'static str] = &["embeddings"];
    const SHORT_HELP: &'static [&'static str] = &[
        "min_cluster_size",
        "min_samples",
        "layers",
        "membership",
        "selection",
        "tree",
    ];

    type Options = Options;
    type Local = stage::NoLocal;
    type Report = Report;
    type Error = Error;

    fn writes(options: &Options) -> Vec<&'static str> {
        if options.engine == Engine::Hdbscan {
            return vec!["clusters", "cluster_info"];
        }
        let required = Self::OUTPUTS.iter().filter(|file| {
            file.required || (file.name == "soft_membership" && options.membership > 0)
        });
        required.map(|file| file.name).collect()
    }

    fn check(options: &Options, _local: &stage::NoLocal) -> Result<(), Error> {
        options.check()
    }

    fn run(
        files: &Files,
        options: &Options,
        local: &stage::NoLocal,
        seed: Seed,
        progress: &dyn Progress,
    ) -> Result<Report, Error> {
        Self::check(options, local)?;
        let path = files.input("neighbors");
        let (neighbors, metric) = source::neighbors(path, options.metric, progress)?;
        let graph = view(path, &neighbors, options.use_k)?;
        let (n, k) = (graph.n(), graph.k());
        // The footer records the options as given; its facts record the resolved values.
        let (asked, options) = (options, &options.for_documents(n));
        let min_samples = others(&graph, options)?;
        warn_of_few(min_samples, options, n, progress);
        if options.engine == Engine::Hdbscan {
            engine::check(n)?;
        }

        let vectors = Vectors::new(files, path, graph, metric);
        let provenance = NeighborProvenance::new(neighbors.footer.as_ref());
        provenance.warn(options.tree, progress);
        let tree = HierarchyOptions {
            min_samples,
            tree: options.tree.into(),
            isolated: provenance.isolated,
        };
        progress.begin("building the tree", None, "rows");
        let built = hierarchy(&graph, &tree, &vectors.index(progress), &|rows| {
            progress.advance(rows);
        });
        progress.end();
        let built = built?;
        let found = flat_clustering(&built.linkage, &options.flat());
        let mut footer = stage::footer::<Self>(asked, seed);
        if options.engine == Engine::Hdbscan {
            let (points, metric) =
                vectors.points("the hdbscan engine needs the full matrix", progress)?;
            let labels = engine::labels(points, metric, min_samples, &options.flat())?;
            vectors.record(&mut footer, Some(metric))?;
            return cross_check(
                files,
                footer,
                &labels,
                &built,
                &found,
                report(&built, &found, &provenance, options, k, min_samples),
            );
        }
        vectors.record(&mut footer, metric)?;
        drop(vectors);
        let mut report = report(&built, &found, &provenance, options, k, min_samples);
        let full = FullRun {
            graph,
            min_samples,
            tree: &built.tree,
            labels: &found.labels,
            clusters: found.count(),
        };
        let stability = (options.bootstrap > 0)
            .then(|| stability(&full, &options.flat(), options.bootstrap, seed));
        report.stability = stability
            .as_deref()
            .map(|of| Verdict::new(of, options.bootstrap));
        let layers = if options.layers > 0 {
            let least = options.min_cluster_size;
            layers(&built.linkage, &built.tree, &found, least, options.layers)
        } else {
            Vec::new()
        };
        report.layers = layers.iter().map(Layer::count).collect();
        let membership = (options.membership > 0 || options.assign_noise == Some(Assign::Soft))
            .then(|| soft_membership(graph, &built, &found, options.membership.max(1)));
        let clustered = Clustered {
            tree: &built.tree,
            labels: &found.labels,
            isolated: &built.isolated,
        };
        let assigned = options.assign_noise.map(|how| match (how, &membership) {
            (Assign::Soft, Some(membership)) => assign_soft(membership, clustered),
            _ => assign_nearest(&graph, &built.core, clustered),
        });
        report.assigned = assigned.as_ref().map(|assigned| assigned.assigned);
        report.along_tree = assigned.as_ref().map(|assigned| assigned.along_tree);

        footer.set_facts(&facts(&report, &layers));
        write_trees(files, &footer, &built, &found)?;
        if let (Some(path), Some(membership), true) = (
            files.output("soft_membership"),
            membership,
            options.membership > 0,
        ) {
            let file = artifacts::Membership {
                clusters: membership.clusters,
                memberships: membership.shares,
            };
            file.write(path, &footer)?;
        }
        if let Some(path) = files.output("cluster_info") {
            cluster_info(&built, &found, &layers, stability.as_deref(), options)
                .write(path, &footer)?;
        }
        if let Some(path) = files.output("clusters") {
            let clusters = Clusters {
                cluster: found.labels,
                probability: narrow(&found.probability),
                outlier_score: narrow(&found.outlier_score),
                assigned: assigned.map(|assigned| assigned.labels),
                layers: layers.into_iter().map(|layer| layer.labels).collect(),
            };
            clusters.write(path, &footer)?;
        }
        if report.clusters == 0 {
            progress.warn(&format!(
                "no cluster of at least {} documents was found among {n}",
                options.min_cluster_size
            ));
        }
        Ok(report)
    }
}

/// Writes the labels of the engine `hdbscan`, and reports their agreement with ours. It has no scores and no trees, so
/// probabilities are 1 in clusters, all other scores are 0, and no tree is written.
fn cross_check(
    files: &Files,
    mut footer: Footer,
    labels: &[i32],
    built: &Hierarchy,
    ours: &FlatClustering,
    mut report: Report,
) -> Result<Report, Error> {
    let clusters = labels.iter().max().map_or(0, |&last| (last + 1) as usize);
    let sizes = cluster_sizes(labels, clusters);
    report.agreement = Some(adjusted_rand_index(labels, &ours.labels));
    report.clusters = clusters;
    report.noise = labels.iter().filter(|&&label| label < 0).count();
    report.noise_share = report.noise as f64 / labels.len() as f64;
    report.largest = sizes.iter().copied().max().unwrap_or(0);
    report.validity = relative_validity(&built.tree, labels, clusters);
    footer.set_facts(&facts(&report, &[]));
    if let Some(path) = files.output("cluster_info") {
        let row = |(cluster, &size): (usize, &usize)| ClusterRow {
            layer: -1,
            cluster: cluster as i32,
            parent: -1,
            size: size as i64,
            persistence: 0.0,
            stability: None,
            exemplar_ids: Vec::new(),
        };
        ClusterInfo {
            rows: sizes.iter().enumerate().map(row).collect(),
        }
        .write(path, &footer)?;
    }
    if let Some(path) = files.output("clusters") {
        let clusters = Clusters {
            cluster: labels.to_vec(),
            probability: labels
                .iter()
                .map(|&label| if label < 0 { 0.0 } else { 1.0 })
                .collect(),
            outlier_score: vec![0.0; labels.len()],
            assigned: None,
            layers: Vec::new(),
        };
        clusters.write(path, &footer)?;
    }
    Ok(report)
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&value| value as f32).collect()
}

fn soft_membership(
    graph: KnnView<'_>,
    built: &Hierarchy,
    found: &FlatClustering,
    most: usize,
) -> Membership {
    let input = MembershipInput {
        graph,
        core: &built.core,
        condensed: &found.condensed,
        tree: &found.tree,
        selected: &found.selected,
        labels: &found.labels,
        isolated: &built.isolated,
    };
    membership(&input, most)
}

fn report(
    built: &Hierarchy,
    found: &FlatClustering,
    provenance: &NeighborProvenance,
    options: &Options,
    k: usize,
    min_samples: usize,
) -> Report {
    let rows = found.labels.len();
    let noise = found.noise();
    Report {
        rows,
        clusters: found.count(),
        noise,
        noise_share: noise as f64 / rows as f64,
        largest: cluster_sizes(&found.labels, found.count())
            .into_iter()
            .max()
            .unwrap_or(0),
        validity: relative_validity(&built.tree, &found.labels, found.count()),
        tree: options.tree,
        certified: provenance.unproven.is_none(),
        k,
        min_samples,
        min_cluster_size: options.min_cluster_size,
        components: built.components,
        copies: built.copies,
        layers: Vec::new(),
        assigned: None,
        along_tree: None,
        stability: None,
        agreement: None,
        searched: built.searched,
        added: built.added,
        tied_edges: built.ties,
    }
}

/// The facts for the footers.
fn facts(report: &Report, layers: &[Layer]) -> ClusterFacts {
    let stability = report.stability.as_ref();
    let layer = |(at, layer): (usize, &Layer)| artifacts::Layer {
        column: Clusters::layer_column(at),
        clusters: layer.count(),
        parent: layer.parent.clone(),
    };
    ClusterFacts {
        min_samples_others: Some(report.min_samples),
        min_cluster_size: Some(report.min_cluster_size),
        k: Some(report.k),
        components: Some(report.components),
        edges_added: Some(report.added),
        tied_edges: Some(report.tied_edges),
        relative_validity: report.validity,
        stability: stability.map(|verdict| artifacts::Stability {
            subsamples: verdict.subsamples,
            stable: verdict.stable,
            doubtful: verdict.doubtful,
            unstable: verdict.unstable,
            sentence: verdict.sentence.clone(),
        }),
        layers: Some(layers.iter().enumerate().map(layer).collect()),
    }
}

fn write_trees(
    files: &Files,
    footer: &Footer,
    built: &Hierarchy,
    found: &FlatClustering,
) -> Result<(), Error> {
    let ids = |ids: &[u32]| ids.iter().map(|&id| i64::from(id)).collect::<Vec<_>>();
    if let Some(path) = files.output("mst") {
        let mst = Mst {
            from: built.tree.iter().map(|edge| i64::from(edge.a)).collect(),
            to: built.tree.iter().map(|edge| i64::from(edge.b)).collect(),
            distance: built
                .tree
                .iter()
                .map(|edge| f64::from(edge.weight))
                .collect(),
        };
        mst.write(path, footer)?;
    }
    if let Some(path) = files.output("single_linkage") {
        let linkage = &built.linkage;
        let file = SingleLinkage {
            left: ids(&linkage.left),
            right: ids(&linkage.right),
            distance: linkage.distance.clone(),
            size: ids(&linkage.size),
        };
        file.write(path, footer)?;
    }
    if let Some(path) = files.output("condensed_tree") {
        let tree = &found.condensed;
        let file = CondensedTree {
            parent: ids(&tree.parent),
            child: ids(&tree.child),
            lambda: tree.lambda.clone(),
            child_size: ids(&tree.size),
        };
        file.write(path, footer)?;
    }
    Ok(())
}

/// One row per cluster: those of the flat clustering, then those of each layer.
fn cluster_info(
    built: &Hierarchy,
    found: &FlatClustering,
    layers: &[Layer],
    stability: Option<&[f32]>,
    options: &Options,
) -> ClusterInfo {
    let (core, most) = (&built.core, options.exemplars);
    let mut exemplars = exemplars(&found.condensed, &found.tree, &found.selected, core, most);
    let mut rows = rows_of(
        -1,
        &found.labels,
        &found.cluster_persistence,
        layers.first(),
        &exemplars,
    );
    for (row, &of) in rows.iter_mut().zip(stability.unwrap_or_default()) {
        row.stability = Some(of);
    }
    for (at, layer) in layers.iter().enumerate() {
        exemplars = layer_exemplars(&exemplars, layer, core, most);
        let above = layers.get(at + 1);
        rows.extend(rows_of(
            at as i32,
            &layer.labels,
            &layer.persistence,
            above,
            &exemplars,
        ));
    }
    ClusterInfo { rows }
}

fn rows_of(
    layer: i32,
    labels: &[i32],
    persistence: &[f64],
    above: Option<&Layer>,
    exemplars: &[Vec<u32>],
) -> Vec<ClusterRow> {
    let sizes = cluster_sizes(labels, persistence.len());
    let row = |(cluster, exemplars): (usize, &Vec<u32>)| ClusterRow {
        layer,
        cluster: cluster as i32,
        parent: above.map_or(-1, |above| above.parent[cluster]),
        size: sizes[cluster] as i64,
        persistence: persistence[cluster] as f32,
        stability: None,
        exemplar_ids: exemplars.iter().map(|&id| i64::from(id)).collect(),
    };
    exemplars.iter().enumerate().map(row).collect()
}
