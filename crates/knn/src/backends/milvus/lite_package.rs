//! Milvus Lite for Skerry's cache: the files of its package, and their hashes.

use std::path::{Path, PathBuf};

use stage::Progress;
use stage::packages::{self, Installed, Item, Member};

/// The version of Milvus Lite.
pub const LITE_VERSION: &str = "2.5.1";

/// The program, the libraries that it needs, and their hashes, for Linux on x86-64.
const FILES: [(&str, &str); 13] = [
    (
        "libdouble-conversion.so.3",
        "5f0c87511f34c9e548436d38b4c6f3f68e46ec48c8f3f677e16f934bfd7c7e4d",
    ),
    (
        "libgcc_s.so.1",
        "15a6797fa24b3037c4a8341f5876ac86a62a0baff58e49551e3044e1318e74d9",
    ),
    (
        "libgflags_nothreads.so.2.2",
        "697cab700f3192dbaece106d3470f475504db67b95dd8503b8e2698e8da75e0e",
    ),
    (
        "libgfortran.so.5",
        "93980b031ea685643aa7e20ea734370344d6dc95d3ae7e5ae4f26c1504d35907",
    ),
    (
        "libglog.so.1",
        "a63abc8f036151312beb0410b30b4794d7371e859ce2f450bb768d5a4b0755e6",
    ),
    (
        "libgomp.so.1",
        "24e2ab19b0a7a7bd1cb40534b5437385ae3a23796d7e485d1f6b81833c1f0432",
    ),
    (
        "libknowhere.so",
        "d450a6b40d8eda1731524d3def2300f7c5561b4ed0a307f0b0aea3d1af454862",
    ),
    (
        "libm.so.6",
        "c7bbff2f72f8062859fba178128e8acb53bd12c1eac94cc4b52b64c2adc10033",
    ),
    (
        "libopenblas.so.0",
        "11edc3faddac3c5a78506cb111e74053ebf19baaba63cf72cc8fbc212b59fdf9",
    ),
    (
        "libquadmath.so.0",
        "776d53b66b5dd665820e46d8988386fc66d5a55778e64ef1792805a11a62c609",
    ),
    (
        "libtbb.so.12",
        "6e87abc9252e99deea2fba9b3b1b356ab7ac08e5cc6d840264e962de050edb9e",
    ),
    (
        "libz.so.1",
        "282eaf2aa211f85ee404262b9aa36a1a9c299c3dce9839a0cdd61b44ac087d1d",
    ),
    (
        "milvus",
        "c4a8146db6c19d050f1bdedca82e8bf956d03fd20e78aedb9cd9bc91f65ceb94",
    ),
];

/// The program among them.
const PROGRAM: &str = "milvus";

/// The program of Milvus Lite in Skerry's cache.
pub fn program(cache: &Path) -> PathBuf {
    folder(cache).join(PROGRAM)
}

fn folder(cache: &Path) -> PathBuf {
    cache.join("milvus-lite").join(LITE_VERSION)
}

/// Whether there is a Milvus Lite of this version for this platform.
pub fn is_available() -> bool {
    (std::env::consts::OS, std::env::consts::ARCH) == ("linux", "x86_64")
}

/// Downloads Milvus Lite into `cache`, unless it is there.
///
/// # Errors
///
/// Those of [`packages::install`].
pub fn install(cache: &Path, progress: &dyn Progress) -> Result<Installed, packages::Error> {
    let member = |&(name, sha256): &(&str, &'static str)| Member {
        member: format!("milvus_lite/lib/{name}"),
        place: folder(Path::new("")).join(name),
        sha256,
        executable: name == PROGRAM,
    };
    let item = Item {
        what: "Milvus Lite 2.5.1 (55 MB)",
        package: format!("milvus-lite=={LITE_VERSION}"),
        platform: Some("manylinux2014_x86_64"),
        members: FILES.iter().map(member).collect(),
    };
    let instead = "give the address of a server with --uri";
    packages::install(cache, &[item], &packages::PYTHONS, instead, progress)
}
