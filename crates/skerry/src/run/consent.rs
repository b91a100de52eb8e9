//! Decides which settings may reach outside the run directory.

use std::path::Path;

use stage::{BoundaryError, External, Failure, Trust, boundary};

use crate::settings::Step;

/// Collects the settings that reach outside the run, and decides whether they may be used.
pub(super) struct Consent {
    trust: Trust,
    /// Given by the user, now or in an earlier command.
    pub(super) vouched: Vec<External>,
    /// Those allowed only by a flag of this command.
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

    /// Accepts `external`, or adds it to `untrusted`. Settings that do not come from the run directory (`of_run`) are the user's.
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

/// Checks that all files of the run are inside its directory. Inputs that are links to files outside need consent.
pub(super) fn check_files(
    dir: &Path,
    steps: &mut [Step],
    consent: &mut Consent,
) -> Result<(), Failure> {
    let mut made: Vec<String> = Vec::new();
    for step in steps {
        for (_, name) in &step.files {
            if let Err(error @ BoundaryError::Name { .. }) = boundary::inside(dir, name) {
                return Err(error.into());
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
        // Including outputs that these settings do not write: they may exist from an earlier run, and are read.
        for file in step.stage.outputs() {
            let name = step.file_name(file).to_owned();
            boundary::inside(dir, &name)?;
            made.push(name);
        }
    }
    Ok(())
}
