//! Processes that share the vector cache: each text is embedded once, whichever starts first or is killed.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use sha2::{Digest as _, Sha256};

use super::own_encoder::{NORMALIZE, OWN, POOL, files, own_place};
use super::{BGE_M3, Place, names_in, report, said};
use crate::support::{Bench, WORDS};

/// As many different texts of five words.
fn texts(count: usize) -> Vec<String> {
    let word = |at: usize, place: u32| WORDS[at / 8_usize.pow(place) % 8];
    (0..count)
        .map(|at| [0, 1, 2, 3, 4].map(|place| word(at, place)).join(" "))
        .collect()
}

/// A run directory with these texts.
fn bench(texts: &[String]) -> Bench {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    Bench::new(&texts)
}

/// A place whose model is downloaded and calibrated, with a cache that holds three other texts.
fn warm_place() -> Place {
    let place = own_place(files(&[POOL, NORMALIZE]));
    place.report(BGE_M3, &OWN);
    place
}

impl Place {
    fn start(&self, bench: &Bench) -> Child {
        let mut command = self.command_in(bench.dir.path(), BGE_M3, &OWN);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    fn vectors_dir(&self) -> PathBuf {
        self.bench.cache.join("vectors")
    }

    fn claims(&self) -> Vec<String> {
        let names = names_in(&self.vectors_dir()).into_iter();
        names.filter(|name| ends(name, "claim")).collect()
    }
}

/// Whether a file has this extension.
fn ends(name: &str, extension: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|found| found == extension)
}

fn finish(child: Child) -> serde_json::Value {
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn count(report: &serde_json::Value, name: &str) -> usize {
    report[name].as_u64().unwrap() as usize
}

#[test]
fn two_processes_embed_each_text_once() {
    let place = warm_place();
    let all = texts(20_000);
    // Half of their texts are the same.
    let benches = [bench(&all[..15_000]), bench(&all[5_000..])];
    let reports = benches
        .each_ref()
        .map(|bench| place.start(bench))
        .map(finish);
    let embedded = reports.each_ref().map(|report| count(report, "embedded"));
    assert_eq!(embedded.iter().sum::<usize>(), 20_000, "{reports:?}");
    for report in &reports {
        assert_eq!(count(report, "embedded") + count(report, "cached"), 15_000);
    }
    assert!(place.claims().is_empty());
    let found = benches.each_ref().map(Bench::embeddings);
    for row in 5_000..15_000 {
        assert_eq!(found[0].row(row), found[1].row(row - 5_000));
    }
    // The bytes are those of a process that shares nothing.
    for bench in &benches {
        let shared = bench.bytes();
        let alone = report(place.command_in(
            bench.dir.path(),
            BGE_M3,
            &[&OWN[..], &["--no-cache"]].concat(),
        ));
        assert_eq!(count(&alone, "embedded"), 15_000);
        assert!(bench.bytes() == shared, "sharing changes bytes");
    }
}

#[test]
fn the_texts_of_a_killed_process_are_taken_over() {
    let place = warm_place();
    let all = texts(20_000);
    let benches = [bench(&all), bench(&all)];
    let mut first = place.start(&benches[0]);
    while place.claims().is_empty() && first.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let second = place.start(&benches[1]);
    first.kill().unwrap();
    first.wait().unwrap();
    let second = finish(second);
    assert_eq!(
        count(&second, "embedded") + count(&second, "cached"),
        20_000
    );
    assert!(place.claims().is_empty());
    let again = report(place.command_in(benches[0].dir.path(), BGE_M3, &OWN));
    assert_eq!(count(&again, "cached"), 20_000);
    assert!(benches[0].bytes() == benches[1].bytes());
}

#[test]
fn a_process_waits_for_the_texts_that_another_embeds() {
    let place = warm_place();
    let texts = ["red red".to_owned(), "blue blue".to_owned()];
    let claimed = claim(&place.vectors_dir(), &texts[1]);
    let bench = bench(&texts);
    let mut child = place.start(&bench);
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("waiting for another process, which embeds 1 of the texts") {
        line.clear();
        assert!(errors.read_line(&mut line).unwrap() > 0, "it did not wait");
    }
    // The other ends without the text.
    drop(claimed);
    std::io::copy(&mut errors, &mut std::io::sink()).unwrap();
    let mut output = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut output)
        .unwrap();
    assert!(child.wait().unwrap().success());
    let report: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(count(&report, "embedded"), 2);
    assert!(said(&report).contains("waiting for another process"));
}

/// Claims a text in the only cache in `dir`, as another process does.
fn claim(dir: &Path, text: &str) -> std::fs::File {
    let index = names_in(dir).into_iter().find(|name| ends(name, "index"));
    let path = dir.join(index.unwrap().replace("index", "other.claim"));
    std::fs::write(&path, &Sha256::digest(text.as_bytes())[..16]).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    file.lock_shared().unwrap();
    file
}

#[test]
fn the_cache_stays_within_its_limit() {
    let place = warm_place();
    let bench = bench(&texts(20_000));
    // 20,000 vectors of 32 bytes, each with a record of as many: more than 1 MiB, less than 2.
    for (limit, cached) in [("2MiB", 20_000), ("512KiB", 20_000), ("512KiB", 0)] {
        let flags = ["--cache-limit", limit];
        if limit == "2MiB" {
            report(place.command_in(bench.dir.path(), BGE_M3, &[&OWN[..], &flags].concat()));
        }
        let found =
            report(place.command_in(bench.dir.path(), BGE_M3, &[&OWN[..], &flags].concat()));
        assert_eq!(count(&found, "cached"), cached, "{limit}");
        assert_eq!(
            said(&found).contains("more than the cache may hold (512 KiB)"),
            limit == "512KiB"
        );
    }
    let mut bytes = 0;
    for name in names_in(&place.vectors_dir()) {
        bytes += place.vectors_dir().join(name).metadata().unwrap().len();
    }
    assert!(bytes < 512 << 10, "{bytes}");
}
