//! Coarser layers are drawn above the clusters, and the clusters know where they belong.

use artifacts::Labels;

use super::fixture::{draw, footer, layered, text, topics_of_layers, write};

/// Eight clusters of two texts; four of two clusters each above them, and two of those.
const CLUSTER: [i32; 17] = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, -1];

fn above(finer: &[i32]) -> Vec<i32> {
    // Numbered from the other end, so that a number says nothing of where it belongs.
    let last = finer.iter().max().unwrap() / 2;
    let up = |&cluster: &i32| if cluster < 0 { -1 } else { last - cluster / 2 };
    finer.iter().map(up).collect()
}

/// The topics of the page: name and parent, of the clusters or a layer.
fn embedded(page: &str, key: &str) -> serde_json::Value {
    let start = page.find(&format!("\"{key}\":")).unwrap() + key.len() + 3;
    let mut values = serde_json::Deserializer::from_str(&page[start..]).into_iter();
    values.next().unwrap().unwrap()
}

#[test]
fn the_map_names_every_layer_and_knows_parents() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write(dir, &CLUSTER);
    let four = above(&CLUSTER);
    let two = above(&four);
    layered(dir, &CLUSTER, &[four, two]);
    let mut names: Vec<(i32, i32, i64, String)> = Vec::new();
    for (layer, count) in [(-1, 8), (0, 4), (1, 2)] {
        names.extend((0..count).map(|at| {
            (
                layer,
                at,
                16 / i64::from(count),
                format!("name {layer} {at}"),
            )
        }));
    }
    let rows: Vec<_> = names
        .iter()
        .map(|(layer, at, size, name)| (*layer, *at, *size, name.as_str()))
        .collect();
    topics_of_layers(dir, &footer(), &rows);
    draw(dir).unwrap();

    let page = text(dir, "map.html");
    let clusters = embedded(&page, "topics");
    for (at, cluster) in clusters.as_array().unwrap().iter().enumerate() {
        assert_eq!(cluster["name"], format!("name -1 {at}"));
        assert_eq!(cluster["parent"], 3 - at / 2, "{cluster}");
    }
    let layers = embedded(&page, "layers");
    assert_eq!(layers.as_array().unwrap().len(), 2);
    for (at, group) in layers[0].as_array().unwrap().iter().enumerate() {
        assert_eq!(group["name"], format!("name 0 {at}"));
        assert_eq!(group["parent"], 1 - at / 2);
    }
    assert!(
        layers[1]
            .as_array()
            .unwrap()
            .iter()
            .all(|group| group["parent"].is_null())
    );

    let labels = Labels::read(&dir.join("labels.parquet")).unwrap();
    let of_level = |level| labels.rows.iter().filter(|row| row.level == level).count();
    assert_eq!([of_level(0), of_level(1), of_level(2)], [8, 4, 2]);
}

#[test]
fn layers_without_names_or_with_nearly_as_many_topics_are_omitted() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    write(dir, &CLUSTER);
    let seven: Vec<i32> = CLUSTER.iter().map(|&cluster| cluster.min(6)).collect();
    let four = above(&CLUSTER);
    layered(dir, &CLUSTER, &[seven, four.clone(), above(&four)]);
    let size = |at: i32| if at == 6 { 4 } else { 2 };
    let seven: Vec<(i32, i32, i64, &str)> = (0..7).map(|at| (0, at, size(at), "finer")).collect();
    let two = [(2, 0, 8, "first"), (2, 1, 8, "second")];
    topics_of_layers(dir, &footer(), &[&seven[..], &two].concat());
    draw(dir).unwrap();
    let layers = embedded(&text(dir, "map.html"), "layers");
    assert_eq!(layers.as_array().unwrap().len(), 1, "{layers}");
    assert_eq!(layers[0][0]["name"], "first");
}
