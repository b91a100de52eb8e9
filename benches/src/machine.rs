//! The processor of this machine, which every table names.

use std::fmt;

use serde::Serialize;

/// SIMD extensions that decide the speed of neighbor search, by their names in Linux, widest last.
const INSTRUCTIONS: [&str; 5] = ["asimd", "avx2", "avx512f", "avx512_vnni", "amx_int8"];

/// A processor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Machine {
    /// Model name.
    pub processor: String,
    /// The supported ones of `INSTRUCTIONS`.
    pub instructions: Vec<&'static str>,
}

impl Machine {
    /// The processor of this machine; unknown except on Linux.
    pub fn this() -> Self {
        Self::read(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default())
    }

    /// Parses the first processor in `/proc/cpuinfo`.
    fn read(text: &str) -> Self {
        let value = |name: &str| {
            text.lines()
                .filter_map(|line| line.split_once(':'))
                .find_map(|(key, value)| (key.trim() == name).then(|| value.trim()))
        };
        let flags = value("flags").or(value("Features")).unwrap_or_default();
        let has = |name: &&str| flags.split_whitespace().any(|flag| flag == *name);
        Self {
            processor: value("model name")
                .unwrap_or(std::env::consts::ARCH)
                .to_owned(),
            instructions: INSTRUCTIONS.into_iter().filter(has).collect(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.processor)?;
        if !self.instructions.is_empty() {
            write!(f, " ({})", self.instructions.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_named_with_what_they_can_do() {
        let text = "processor\t: 0\nmodel name\t: A 9000 @ 2 GHz\nflags\t\t: fpu avx2 avx512f avx512_vnni x\n\nprocessor\t: 1\n";
        let machine = Machine::read(text);
        assert_eq!(
            machine.to_string(),
            "A 9000 @ 2 GHz (avx2, avx512f, avx512_vnni)"
        );
        assert_eq!(Machine::read("").to_string(), std::env::consts::ARCH);
    }
}
