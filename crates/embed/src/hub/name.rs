//! Names of repositories: `owner/name`, optionally `owner/name@revision`.

use std::fmt;

/// A repository of the hub, at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repo {
    /// `owner/name`.
    pub(crate) id: String,
    /// A branch, a tag or a commit; `None`: the branch `main`.
    revision: Option<String>,
}

/// The branch that is meant without a revision.
const MAIN: &str = "main";
/// The longest name that the hub accepts.
const MAX_NAME: usize = 96;

impl Repo {
    /// Parses a name; `None` if `text` is not the name of a repository.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (id, revision) = match text.split_once('@') {
            Some((id, revision)) => (id, Some(revision)),
            None => (text, None),
        };
        let (owner, name) = id.split_once('/')?;
        let known = [owner, name].into_iter().all(is_name);
        let revision_known = revision.is_none_or(|revision| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
            revision.chars().all(plain)
                && revision
                    .split('/')
                    .all(|part| !part.is_empty() && !part.starts_with('.'))
        });
        // The hub and its cache write commits in lower case.
        let written = |revision: &str| {
            if is_commit(revision) {
                revision.to_ascii_lowercase()
            } else {
                revision.to_owned()
            }
        };
        (known && revision_known && id.len() <= MAX_NAME).then(|| Self {
            id: id.to_owned(),
            revision: revision.map(written),
        })
    }

    /// The repository of a folder of the cache, such as `models--owner--name`.
    pub(crate) fn of_folder(folder: &str) -> Option<Self> {
        let repo = Self::parse(&folder.strip_prefix("models--")?.replacen("--", "/", 1))?;
        repo.revision.is_none().then_some(repo)
    }

    /// Its folder in the cache of the hub.
    pub(crate) fn folder(&self) -> String {
        format!("models--{}", self.id.replace('/', "--"))
    }

    pub(crate) fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or(MAIN)
    }

    /// The commit, if the revision is one.
    pub(crate) fn commit(&self) -> Option<&str> {
        self.revision.as_deref().filter(|text| is_commit(text))
    }
}

impl fmt::Display for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        match &self.revision {
            Some(revision) => write!(f, "@{revision}"),
            None => Ok(()),
        }
    }
}

/// Whether `text` is the SHA-1 of a commit.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// The rule of the hub: letters, digits, `-`, `_` and `.`, no `--` or `..`, and none of `-` and `.` at the ends.
fn is_name(text: &str) -> bool {
    let end = |c: char| c == '-' || c == '.';
    !text.is_empty()
        && !text.starts_with(end)
        && !text.ends_with(end)
        && !text.contains("--")
        && !text.contains("..")
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_repositories_are_told_from_paths() {
        for (text, revision, folder) in [
            ("BAAI/bge-m3", "main", "models--BAAI--bge-m3"),
            ("a/b_c.d@v1.0", "v1.0", "models--a--b_c.d"),
            ("a/b@refs/pr/7", "refs/pr/7", "models--a--b"),
        ] {
            let repo = Repo::parse(text).unwrap();
            assert_eq!(
                (repo.revision(), repo.folder().as_str()),
                (revision, folder)
            );
            assert_eq!(repo.to_string(), text);
            assert_eq!(Repo::of_folder(folder).unwrap().id, repo.id);
        }
        assert_eq!(Repo::of_folder("models--a--b@main"), None);
        for text in [
            "bge-m3",
            "/a/b",
            "a/b/c",
            "./a",
            "../b",
            "a/..",
            "a/",
            "/b",
            "a\\b/c",
            "a/b@",
            "a/b@../x",
            "a--b/c",
            "a/b c",
            "~/b",
            "a/b.",
            "a/b@/etc",
            "C:/models",
            "a/b@x//y",
        ] {
            assert_eq!(Repo::parse(text), None, "{text}");
        }
        assert_eq!(Repo::parse(&format!("a/{}", "b".repeat(100))), None);
    }

    #[test]
    fn a_revision_may_be_a_commit() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let at = |revision: &str| Repo::parse(&format!("a/b@{revision}")).unwrap();
        assert_eq!(at(commit).commit(), Some(commit));
        assert_eq!(at(&commit.to_uppercase()).commit(), Some(commit));
        assert_eq!(at("v1").commit(), None);
        assert_eq!(Repo::parse("a/b").unwrap().commit(), None);
    }
}
