//! Errors of running a batch file.

/// Error of running a batch file as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// A file cannot be read.
    #[error("failed to read the {file}")]
    Read {
        /// `input` or `output`.
        file: &'static str,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The output cannot be written.
    #[error("failed to write the output")]
    Write {
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The thread that generates has ended. The lines that are written are complete.
    #[error("the engine has stopped; the same command continues the run")]
    EngineStopped,
    /// The existing output is not a batch output.
    #[error(
        "line {line} of the existing output is not a response of a batch; choose another file, or delete this one"
    )]
    NotOutput {
        /// The line, from 1.
        line: usize,
    },
    /// The existing output is that of another input.
    #[error(
        "line {line} of the existing output has {}, but line {input_line} of the input has {}; \
         choose another output, or delete this one to start again",
        named(found.as_deref()),
        named(expected.as_deref())
    )]
    OtherInput {
        /// The line of the output, from 1.
        line: usize,
        /// Its `custom_id`.
        found: Option<String>,
        /// The line of the input, from 1.
        input_line: usize,
        /// Its `custom_id`.
        expected: Option<String>,
    },
    /// The existing output has more lines than the input.
    #[error(
        "the existing output has a line {line}, but the input has fewer requests; \
         choose another output, or delete this one to start again"
    )]
    MoreOutput {
        /// The first line without a request, from 1.
        line: usize,
    },
}

fn named(custom_id: Option<&str>) -> String {
    match custom_id {
        Some(id) => format!("the custom_id {id:?}"),
        None => "no custom_id".to_owned(),
    }
}

impl BatchError {
    pub(super) fn read_input(source: std::io::Error) -> Self {
        let file = "input";
        Self::Read { file, source }
    }

    pub(super) fn read_output(source: std::io::Error) -> Self {
        let file = "output";
        Self::Read { file, source }
    }
}
