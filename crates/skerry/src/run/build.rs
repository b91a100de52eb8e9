//! The build id of the program.

use std::path::Path;
use std::sync::LazyLock;

/// The build id of a development build: 16 hexadecimal digits of the SHA-256 of the program. `None` for an installed program,
/// which is identified by its version.
///
/// A development build is a program in Cargo's target directory. Hashing it takes some tenths of a second, once.
pub(crate) fn build_id() -> Option<String> {
    static ID: LazyLock<Option<String>> = LazyLock::new(|| of(&std::env::current_exe().ok()?));
    ID.clone()
}

fn of(program: &Path) -> Option<String> {
    // Cargo keeps its fingerprints beside the programs.
    if !program.with_file_name(".fingerprint").is_dir() {
        return None;
    }
    let hash = artifacts::sha256(program).ok()?;
    hash.get(..16).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn builds_differ_and_installed_programs_have_none() {
        let dir = tempfile::tempdir().expect("a directory");
        let program = dir.path().join("skerry");
        std::fs::write(&program, "one").expect("it can be written");
        assert_eq!(of(&program), None);
        std::fs::create_dir(dir.path().join(".fingerprint")).expect("it can be made");
        let one = of(&program).expect("it is a development build");
        assert_eq!(one.len(), 16);
        std::fs::write(&program, "two").expect("it can be written");
        assert_ne!(of(&program), Some(one));
    }
}
