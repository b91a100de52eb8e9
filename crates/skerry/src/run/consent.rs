//! What reaches outside the run directory, and whether it may.

use std::path::Path;

use stage::{BoundaryError, External, Trust, boundary};

use crate::failure::Failure;
use crate::settings::Step;

/// Decides which of the settings that reach outside the run may be used.
pub(super) struct Consent {
    trust: Trust,
    /// Given by the user, now or before.
    pub(super) vouched: Vec<External>,
    /// Those of them that only a flag of this command allows.
    pub(super) allowed: Vec<External>,
}

impl Consent {
    pub(super) fn new(trust: Trust) -> Self {
        Self {
            trust,
            vouched: Vec::new(),
            allowed: Vec::new(),
        }
    }

    /// Takes `external`, or adds it to `untrusted`. What does not come from the run directory, `of_run`, the user has given.
    pub(super) fn decide(
        &mut self,
        external: External,
        of_run: bool,
        untrusted: &mut Vec<External>,
    ) {
        if of_run && !self.trust.covers(&external) {
            untrusted.push(external);
            return;
        }
        if of_run && self.trust.allowed(&external) {
            self.allowed.push(external.clone());
        }
        self.vouched.push(external);
    }
}

/// Checks that all files of the run lie inside its directory. Inputs that a link leads elsewhere need consent.
pub(super) fn check_files(
    dir: &Path,
    steps: &mut [Step],
    consent: &mut Consent,
) -> Result<(), Failure> {
    let mut made: Vec<String> = Vec::new();
    for step in steps {
        for (_, name) in &step.files {
            if let Err(error @ BoundaryError::Name { .. }) = boundary::inside(dir, name) {
                return Err(Failure::of(&error).into_usage());
            }
        }
        for file in step.stage.inputs() {
            let name = step.file_name(file).to_owned();
            if made.contains(&name) {
                continue;
            }
            match boundary::inside(dir, &name) {
                Err(BoundaryError::Outside { target, .. }) => {
                    let external = External::file(&step.name, file.name, &target);
                    consent.decide(external, true, &mut step.untrusted);
                }
                found => drop(found?),
            }
        }
        // Also what these settings do not make: it may be there from before, and is looked at.
        for file in step.stage.outputs() {
            let name = step.file_name(file).to_owned();
            boundary::inside(dir, &name)?;
            made.push(name);
        }
    }
    Ok(())
}
