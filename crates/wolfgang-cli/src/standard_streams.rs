//! Standard input and output with errors that name the stream.
//!
//! Before `main`, Rust's runtime opens closed standard streams (`>&-`) as `/dev/null`, where output
//! is lost without an error. A constructor that runs earlier records whether they are closed.

use std::io::{Error, ErrorKind, Read, Result, Write};

/// An error of a standard stream.
#[derive(Debug, thiserror::Error)]
enum StreamError {
    #[error("failed to write to standard output")]
    Write { source: Error },
    #[error("failed to write to standard output: it is closed")]
    OutputClosed,
    #[error("failed to read standard input")]
    Read { source: Error },
    #[error("failed to read standard input: it is closed")]
    InputClosed,
}

/// Standard output. Its errors keep their kind and name the stream.
#[derive(Debug)]
pub(crate) struct StandardOutput(std::io::Stdout);

/// Standard output.
pub(crate) fn output() -> StandardOutput {
    StandardOutput(std::io::stdout())
}

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        check_output()?;
        named(self.0.write(bytes))
    }

    fn flush(&mut self) -> Result<()> {
        named(self.0.flush())
    }
}

impl StandardOutput {
    /// Whether it is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        std::io::IsTerminal::is_terminal(&self.0)
    }
}

/// Runs a function of another library that writes to standard output itself.
pub(crate) fn output_by(write: impl FnOnce() -> Result<()>) -> Result<()> {
    check_output()?;
    named(write().and_then(|()| std::io::stdout().flush()))
}

fn check_output() -> Result<()> {
    match at_start::OUTPUT_CLOSED.get() {
        Some(()) => Err(Error::other(StreamError::OutputClosed)),
        None => Ok(()),
    }
}

fn named<T>(result: Result<T>) -> Result<T> {
    result.map_err(|source| match source.kind() {
        // `write_all` retries.
        ErrorKind::Interrupted => source,
        kind => Error::new(kind, StreamError::Write { source }),
    })
}

/// Reads standard input to its end.
pub(crate) fn read_input() -> Result<Vec<u8>> {
    check_input()?;
    let mut bytes = Vec::new();
    let read = std::io::stdin().read_to_end(&mut bytes);
    read.map_err(|source| Error::new(source.kind(), StreamError::Read { source }))?;
    Ok(bytes)
}

/// Returns an error if standard input was closed when the program started.
pub(crate) fn check_input() -> Result<()> {
    match is_input_closed() {
        true => Err(Error::other(StreamError::InputClosed)),
        false => Ok(()),
    }
}

/// Whether standard input was closed when the program started.
pub(crate) fn is_input_closed() -> bool {
    at_start::INPUT_CLOSED.get().is_some()
}

/// Closes the streams on `exec` that were closed when the program started, so that the restarted
/// program finds them closed as well.
#[cfg(all(feature = "wgpu", target_os = "linux"))]
pub(crate) fn close_again_on_exec() {
    use rustix::io::{FdFlags, fcntl_setfd};
    for (stream, closed) in [
        (rustix::stdio::stdin(), &at_start::INPUT_CLOSED),
        (rustix::stdio::stdout(), &at_start::OUTPUT_CLOSED),
    ] {
        if closed.get().is_some() {
            // If this fails, the stream is /dev/null.
            let _ = fcntl_setfd(stream, FdFlags::CLOEXEC);
        }
    }
}

mod at_start {
    use std::sync::OnceLock;

    /// Set if the stream was closed when the program started.
    pub(super) static INPUT_CLOSED: OnceLock<()> = OnceLock::new();
    pub(super) static OUTPUT_CLOSED: OnceLock<()> = OnceLock::new();

    #[cfg(unix)]
    #[ctor::ctor]
    fn record() {
        use rustix::io::fcntl_getfd;
        for (is_open, closed) in [
            (fcntl_getfd(rustix::stdio::stdin()).is_ok(), &INPUT_CLOSED),
            (fcntl_getfd(rustix::stdio::stdout()).is_ok(), &OUTPUT_CLOSED),
        ] {
            if !is_open {
                // This is the only place that sets it.
                let _ = closed.set(());
            }
        }
    }
}
