//! The search backends, one module each, and the choice among them.

mod brute_force;
#[cfg(feature = "faiss")]
mod faiss;
#[cfg(feature = "hnsw")]
mod hnsw;
mod ivf;
#[cfg(feature = "milvus")]
pub mod milvus;

use crate::{Backend, BackendKind, Error};

/// The backend for `kind`.
///
/// # Errors
///
/// [`Error::NotInThisBuild`] if this build does not have it. No backend replaces another.
pub fn open(kind: BackendKind) -> Result<Box<dyn Backend>, Error> {
    match kind {
        BackendKind::BruteForce => Ok(Box::new(brute_force::BruteForce)),
        BackendKind::Ivf => Ok(Box::new(ivf::Ivf)),
        #[cfg(feature = "hnsw")]
        BackendKind::Hnsw => Ok(Box::new(hnsw::Hnsw)),
        #[cfg(not(feature = "hnsw"))]
        BackendKind::Hnsw => Err(Error::NotInThisBuild { name: "hnsw" }),
        #[cfg(feature = "faiss")]
        BackendKind::Faiss => Ok(Box::new(faiss::Faiss)),
        #[cfg(not(feature = "faiss"))]
        BackendKind::Faiss => Err(Error::NotInThisBuild { name: "faiss" }),
        #[cfg(feature = "milvus")]
        BackendKind::Milvus => Ok(Box::new(milvus::Milvus)),
        #[cfg(not(feature = "milvus"))]
        BackendKind::Milvus => Err(Error::NotInThisBuild { name: "milvus" }),
    }
}

/// The backends that this build has.
pub fn all() -> impl Iterator<Item = (BackendKind, Box<dyn Backend>)> {
    BackendKind::ALL
        .into_iter()
        .filter_map(|kind| open(kind).ok().map(|backend| (kind, backend)))
}
