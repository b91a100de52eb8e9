//! Names are drawn on the clusters that they were made for, and on no others.

use stage::Hint;

use super::fixture::{clusters, draw, footer, text, topics, write};

const CLUSTER: [i32; 8] = [0, 0, 0, 1, 1, -1, 0, 1];

fn refused(dir: &std::path::Path) -> String {
    let error = draw(dir).unwrap_err();
    let hint = error.hint().unwrap_or_default();
    assert!(hint.contains("skerry run --from label"), "{hint}");
    let error = error.to_string();
    for file in ["topics.parquet", "clusters.parquet"] {
        assert!(error.contains(file), "{error}");
    }
    error
}

#[test]
fn names_of_other_clusters_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write(dir, &CLUSTER);
    let mut made = footer();
    made.reads("clusters", &dir.join("clusters.parquet"))
        .unwrap();
    topics(dir, &made, &[(0, 4, "ferries"), (1, 3, "huts")]);
    draw(dir).unwrap();
    assert!(text(dir, "map.svg").contains("ferries"));

    // Another clustering of as many texts: the footer knows.
    clusters(dir, &[0, 0, 0, 0, 0, 1, 1, 1]);
    let error = refused(dir);
    assert!(
        error.contains("cluster 0 has 4 texts in the one and 5 in the other"),
        "{error}"
    );
    // Even one that has the same sizes.
    clusters(dir, &[1, 1, 1, 0, 0, -1, 0, 0]);
    assert!(refused(dir).contains("SHA-256"));
}

#[test]
fn topics_and_clusters_have_to_agree_in_size() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write(dir, &CLUSTER);
    topics(dir, &footer(), &[(0, 4, "ferries")]);
    draw(dir).unwrap();
    let page = text(dir, "map.html");
    // A cluster without a name is called by its number.
    assert!(page.contains("\"ferries\"") && page.contains("\"Topic 1\""));

    topics(dir, &footer(), &[(0, 4, "ferries"), (1, 17, "huts")]);
    let error = refused(dir);
    assert!(
        error.contains("cluster 1 has 17 texts in the one and 3 in the other"),
        "{error}"
    );
    topics(dir, &footer(), &[(0, 4, "ferries"), (9, 2, "huts")]);
    assert!(refused(dir).contains("cluster 9 has 2 texts in the one and 0"));
}
