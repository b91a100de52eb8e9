//! `docs/artifacts.md` is what the code says.

use std::path::Path;

#[test]
fn the_reference_page_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/artifacts.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        artifacts::write_bytes(&path, artifacts::page().as_bytes()).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        page == artifacts::page(),
        "docs/artifacts.md is old: UPDATE_DOCS=1 cargo test --release -p artifacts"
    );
}
