//! The build id of the program.

use std::path::Path;
use std::sync::LazyLock;

/// The program that carries out runs. The programs of single stages have other bytes.
const PROGRAM: &str = "skerry";

/// The build id of a development build of `skerry`: 16 hexadecimal digits of the SHA-256 of the program. `None` for an
/// installed program and for the program of a single stage, which are identified by their version.
///
/// A development build is a program in Cargo's target directory. Hashing it takes some tenths of a second, once.
pub fn build_id() -> Option<String> {
    static ID: LazyLock<Option<String>> = LazyLock::new(|| of(&std::env::current_exe().ok()?));
    ID.clone()
}

fn of(program: &Path) -> Option<String> {
    // Cargo keeps its fingerprints beside the programs.
    let is_ours = program.file_stem().is_some_and(|name| name == PROGRAM);
    if !is_ours || !program.with_file_name(".fingerprint").is_dir() {
        return None;
    }
    let hash = artifacts::sha256(program).ok()?;
    hash.get(..16).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn only_development_builds_of_skerry_have_a_build_id() {
        let dir = tempfile::tempdir().expect("a directory");
        let program = dir.path().join("skerry");
        std::fs::write(&program, "one").expect("it can be written");
        assert_eq!(of(&program), None);
        std::fs::create_dir(dir.path().join(".fingerprint")).expect("it can be made");
        let one = of(&program).expect("it is a development build");
        assert_eq!(one.len(), 16);
        std::fs::write(&program, "two").expect("it can be written");
        assert_ne!(of(&program), Some(one));
        let of_stage = dir.path().join("skerry-knn");
        std::fs::write(&of_stage, "one").expect("it can be written");
        assert_eq!(of(&of_stage), None);
    }
}
