//! Devices: the CPU works, others need a library that has their provider.

use super::{Place, place};
use crate::support::Tiny;

const DEVICES: [&str; 4] = ["cuda", "coreml", "directml", "openvino"];

fn on(place: &Place, device: &str, more: &[&str]) -> std::process::Output {
    let more = [&["--device", device], more].concat();
    place.bench.run(&place.arguments(&more))
}

#[test]
fn the_cpu_is_the_default_device() {
    let Some(place) = place(Tiny::default(), &["red sea", "bird"]) else {
        return;
    };
    let report = place.bench.report(&place.arguments(&["--no-cache"]));
    assert_eq!(
        (&report["engine"], &report["reproducible"]),
        (&"ort fp32".into(), &true.into())
    );
    let values = place.bench.embeddings().values().to_vec();
    let output = on(&place, "cpu", &["--no-cache"]);
    assert!(output.status.success());
    assert_eq!(place.bench.embeddings().values(), values);
}

#[test]
fn a_device_that_the_library_lacks_is_refused_with_those_that_it_has() {
    let Some(place) = place(Tiny::default(), &["red sea", "bird"]) else {
        return;
    };
    // Neither with vectors in the cache nor without.
    for cached in [false, true] {
        if cached {
            place.bench.report(&place.arguments(&[]));
        }
        let mut refused = 0;
        for device in DEVICES {
            let output = on(&place, device, &[]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() {
                // A library that has it.
                continue;
            }
            assert_eq!(output.status.code(), Some(1), "{said}");
            let lacks = format!(
                "this library of ONNX Runtime has no provider for `--device {device}`; it has cpu"
            );
            let fails = format!("ONNX Runtime cannot use `--device {device}`");
            assert!(said.contains(&lacks) || said.contains(&fails), "{said}");
            refused += 1;
        }
        assert!(refused > 0, "no library has all of them");
    }
}

#[test]
fn the_own_encoder_computes_on_the_cpu_alone() {
    let Some(place) = place(Tiny::default(), &["red sea"]) else {
        return;
    };
    let output = on(&place, "cuda", &["--engine", "skerry"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("`--engine skerry` computes on the CPU alone, not with `--device cuda`"),
        "{said}"
    );
    let output = on(&place, "cuda", &["--precision", "int8"]);
    assert_eq!(output.status.code(), Some(2));
}
