use super::*;

/// A directory of vectors, with its lock beside it.
struct Place {
    _dir: tempfile::TempDir,
    vectors: PathBuf,
}

const LIMIT: u64 = 1 << 30;

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let vectors = dir.path().join("vectors");
        Self { _dir: dir, vectors }
    }

    /// The cache of `model`, for these texts.
    fn open(&self, model: &str, d: usize, texts: &[&str]) -> VectorCache {
        self.within(LIMIT, model, d, texts)
    }

    fn within(&self, limit: u64, model: &str, d: usize, texts: &[&str]) -> VectorCache {
        VectorCache::open(&self.vectors, model, d, limit, &keys(texts)).unwrap()
    }

    /// The files of the only segment.
    fn files(&self) -> (PathBuf, PathBuf) {
        let names = self.names(".index");
        assert_eq!(names.len(), 1);
        let index = self.vectors.join(&names[0]);
        let vectors = index.with_extension("vectors");
        (index, vectors)
    }

    fn names(&self, end: &str) -> Vec<String> {
        let entries = std::fs::read_dir(&self.vectors).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(end))
            .collect();
        names.sort();
        names
    }
}

fn keys(texts: &[&str]) -> Vec<Key> {
    texts.iter().map(|text| key(text)).collect()
}

fn set_len(path: &Path, bytes: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_len(bytes).unwrap();
}

#[test]
fn appended_vectors_are_read_back() {
    let place = Place::new();
    let mut one = place.open("model", 2, &[]);
    one.append(&keys(&["a", "b"]), &[0, 7], &[1.0, 2.0, 3.0, 4.0])
        .unwrap();
    let mut two = place.open("model", 2, &["b", "c"]);
    assert_eq!(
        two.get(&key("b")),
        Some(Cached {
            vector: vec![3.0, 4.0],
            lost: 7
        })
    );
    assert_eq!(two.get(&key("c")), None);
    let mut other = place.open("another model", 2, &["a"]);
    assert_eq!(other.get(&key("a")), None);
}

#[test]
fn a_truncated_append_loses_only_the_last_vectors() {
    for cut in 0..2 * RECORD {
        let place = Place::new();
        let mut one = place.open("model", 2, &[]);
        one.append(&keys(&["a", "b"]), &[0, 0], &[1.0, 2.0, 3.0, 4.0])
            .unwrap();
        let (index, vectors) = place.files();
        set_len(&index, cut as u64);
        // Half a row more than there are records.
        set_len(&vectors, (cut / RECORD * 8 + 4) as u64);
        let mut two = place.open("model", 2, &["a"]);
        assert_eq!(two.get(&key("a")).is_some(), cut >= RECORD);
        two.append(&[key("c")], &[0], &[5.0, 6.0]).unwrap();
        let mut three = place.open("model", 2, &["a", "b", "c"]);
        assert_eq!(three.get(&key("a")).is_some(), cut >= RECORD);
        assert_eq!(three.get(&key("b")), None);
        assert_eq!(three.get(&key("c")).unwrap().vector, [5.0, 6.0]);
    }
}

#[test]
fn damaged_rows_are_ignored_and_replaced() {
    let place = Place::new();
    let mut one = place.open("model", 2, &["a"]);
    one.append(&[key("a")], &[0], &[1.0, 2.0]).unwrap();
    let (_, vectors) = place.files();
    std::fs::write(vectors, [0; 8]).unwrap();
    let claimed = one.claim(&keys(&["a"])).unwrap();
    assert_eq!((claimed.cached, claimed.mine), (vec![], vec![0]));
    one.append(&[key("a")], &[0], &[1.0, 2.0]).unwrap();
    assert_eq!(one.claim(&keys(&["a"])).unwrap().cached, [0]);
    assert_eq!(one.get(&key("a")).unwrap().vector, [1.0, 2.0]);
}

#[cfg(unix)]
#[test]
fn a_read_only_cache_is_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let mut one = place.open("model", 2, &[]);
    one.append(&[key("a")], &[0], &[1.0, 2.0]).unwrap();
    let (index, vectors) = place.files();
    for file in [&index, &vectors] {
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o444)).unwrap();
    }
    let mut two = place.open("model", 2, &["a", "b"]);
    // Permissions do not bind the administrator, who reads and writes all the same.
    assert_eq!(
        two.read_only,
        File::options().write(true).open(&index).is_err()
    );
    assert_eq!(two.get(&key("a")).unwrap().vector, [1.0, 2.0]);
    two.append(&[key("b")], &[0], &[3.0, 4.0]).unwrap();
    two.read_only = true;
    assert_eq!(two.claim(&keys(&["a", "b"])).unwrap().mine, [0, 1]);
    // What stands in its way as a directory can be neither read nor written.
    std::fs::remove_file(&index).unwrap();
    std::fs::create_dir(&index).unwrap();
    let error = VectorCache::open(&place.vectors, "model", 2, LIMIT, &[]);
    let error = error.err().unwrap();
    assert!(error.starts_with("cannot open the vector cache"), "{error}");
}

#[test]
fn writers_lock_the_cache() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let place = &place;
            scope.spawn(move || {
                let mut cache = place.open("model", 1, &[]);
                for i in 0..50 {
                    let key = key(&format!("{writer} {i}"));
                    let value = (writer * 100 + i) as f32;
                    cache.append(&[key], &[0], &[value]).unwrap();
                }
            });
        }
    });
    for writer in 0..4 {
        for i in 0..50 {
            let text = format!("{writer} {i}");
            let mut cache = place.open("model", 1, &[&text]);
            let found = cache.get(&key(&text)).unwrap();
            assert_eq!(found.vector, [(writer * 100 + i) as f32]);
        }
    }
}

#[test]
fn texts_that_another_claimed_are_left_to_it_until_it_ends() {
    let place = Place::new();
    let all = ["a", "b", "c", "d"];
    let claim = |cache: &mut VectorCache, texts: &[&str]| {
        let claimed = cache.claim(&keys(texts)).unwrap();
        [claimed.cached, claimed.mine, claimed.theirs]
    };
    let mut one = place.open("model", 1, &all);
    let mut two = place.open("model", 1, &all);
    let mut other = place.open("another model", 1, &all);
    assert_eq!(claim(&mut one, &["a", "b"]), [vec![], vec![0, 1], vec![]]);
    assert_eq!(claim(&mut two, &all), [vec![], vec![2, 3], vec![0, 1]]);
    assert_eq!(claim(&mut other, &["a"]), [vec![], vec![0], vec![]]);
    // What is done is seen at once, and what is not is taken over.
    one.append(&[key("b")], &[0], &[2.0]).unwrap();
    two.append(&keys(&["c", "d"]), &[0, 0], &[3.0, 4.0])
        .unwrap();
    assert_eq!(claim(&mut two, &["a", "b"]), [vec![1], vec![], vec![0]]);
    drop(one);
    assert_eq!(claim(&mut two, &["a", "b"]), [vec![1], vec![0], vec![]]);
    two.release();
    assert_eq!(place.names(".claim").len(), 1);
    drop(other);
    assert_eq!(place.names(".claim").len(), 0);
    // A killed process leaves its file, but no lock.
    let name = place.names(".index")[0].replace("index", "killed.claim");
    std::fs::write(place.vectors.join(name), key("a")).unwrap();
    let (mut one, mut other) = (
        place.open("model", 1, &all),
        place.open("another model", 1, &all),
    );
    for cache in [&mut one, &mut other] {
        assert_eq!(claim(cache, &["a"]), [vec![], vec![0], vec![]]);
    }
    assert_eq!(place.names("killed.claim").len(), 0);
}

#[test]
fn the_least_recently_used_segments_go_first() {
    const D: usize = 1 << 16;
    let place = Place::new();
    // Each vector has 256 KiB, a segment 1 MiB: four of them. The limit is 3 MiB.
    let limit = 3 << 20;
    let texts: Vec<String> = (0..16).map(|at| at.to_string()).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let append = |cache: &mut VectorCache, range: std::ops::Range<usize>| {
        for at in range {
            let values = vec![at as f32; D];
            cache.append(&[key(texts[at])], &[0], &values).unwrap();
        }
    };
    let cached = || -> Vec<usize> {
        let mut cache = place.within(limit, "model", D, &texts);
        (0..texts.len())
            .filter(|&at| cache.get(&key(texts[at])).is_some())
            .collect()
    };
    let age = |number: usize, seconds: u64| {
        let index = place.vectors.join(&place.names(".index")[number]);
        let file = File::options().write(true).open(index).unwrap();
        let then = SystemTime::now() - std::time::Duration::from_secs(seconds);
        file.set_modified(then).unwrap();
    };
    let mut cache = place.within(limit, "model", D, &texts);
    append(&mut cache, 0..12);
    // `NAME.1`, `NAME.2` and `NAME`.
    assert_eq!(place.names(".index").len(), 3);
    assert_eq!(cached(), (0..12).collect::<Vec<_>>());
    for (number, seconds) in [(0, 20), (1, 10), (2, 30)] {
        age(number, seconds);
    }
    // The oldest is the first segment, unless a text of it is found.
    let mut user = place.within(limit, "model", D, &texts);
    assert!(user.get(&key("3")).is_some());
    user.touch();
    append(&mut cache, 12..13);
    cache.finish();
    assert_eq!(cached(), [0, 1, 2, 3, 8, 9, 10, 11, 12]);
    // Those of other models count, too.
    age(0, 40);
    place.within(1 << 20, "another model", 1, &[]).finish();
    assert_eq!(cached(), [12]);
}
