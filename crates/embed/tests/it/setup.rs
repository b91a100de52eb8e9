//! The set-up with a real pip. Needs a network, so it runs only when asked for:
//! `cargo test --release -p embed --test it setup -- --ignored`.

use std::time::Instant;

use stage::Silent;

#[test]
#[ignore = "downloads 45 MB"]
fn setup_downloads_each_file_once() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    let report = embed::setup::run(&cache, &Silent).unwrap();
    assert!(
        report.present.is_empty() && embed::setup::missing(&cache).is_empty(),
        "{report}"
    );
    let names: Vec<_> = std::fs::read_dir(&cache)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        names.iter().all(|name| name != "setup.unfinished"),
        "{names:?}"
    );

    // As if it had been interrupted, and as if a file had been damaged.
    std::fs::remove_file(report.onnxruntime.as_ref().unwrap()).unwrap();
    std::fs::write(report.model.join("vocab.txt"), "cut short").unwrap();
    let again = embed::setup::run(&cache, &Silent).unwrap();
    assert_eq!(
        (again.downloaded.len(), again.present.len()),
        (2, 1),
        "{again}"
    );

    let began = Instant::now();
    let full = embed::setup::run(&cache, &Silent).unwrap();
    assert!(full.downloaded.is_empty(), "{full}");
    eprintln!("a full cache is checked in {:?}", began.elapsed());
}

#[test]
#[ignore = "downloads 45 MB into this machine's cache"]
fn fill_this_machines_cache() {
    eprintln!(
        "{}",
        embed::setup::run(&stage::cache_dir().expect("a cache directory"), &Silent).unwrap()
    );
}

#[test]
#[ignore = "downloads 91 MB into this machine's cache"]
fn fill_this_machines_cache_with_the_multilingual_model() {
    let cache = stage::cache_dir().expect("a cache directory");
    let report = embed::setup::run_for(embed::setup::SetUpModel::Multilingual, &cache, &Silent);
    eprintln!("{}", report.unwrap());
}
