//! Ctrl-C.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// The text that was generated until Ctrl-C is written; the program ends as if the signal had ended it.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// [`Interrupted`] if there was a Ctrl-C.
pub(crate) fn check(flag: &AtomicBool) -> Result<(), Interrupted> {
    match flag.load(Ordering::Relaxed) {
        true => Err(Interrupted),
        false => Ok(()),
    }
}

/// Listens for Ctrl-C. The first sets the flag, so that the text can end cleanly; a second one ends the program at
/// once.
#[cfg(unix)]
pub(crate) fn listen() -> anyhow::Result<Arc<AtomicBool>> {
    use signal_hook::{consts::SIGINT, flag};
    let interrupted = Arc::new(AtomicBool::new(false));
    // In this order: by the second signal, the first has set the flag.
    flag::register_conditional_default(SIGINT, interrupted.clone())?;
    flag::register(SIGINT, interrupted.clone())?;
    Ok(interrupted)
}

/// Listens for Ctrl-C. It sets the flag, however often, and never ends the program.
#[cfg(unix)]
pub(crate) fn listen_and_go_on() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGINT, flag.clone())?;
    Ok(flag)
}

/// Ends the program by the signal's default action, so that a shell that runs it in a script or in a loop sees that it
/// was interrupted, and ends that as well. A shell that sees an exit code, even 130, takes it that the program has dealt
/// with Ctrl-C.
#[cfg(unix)]
pub(crate) fn end() -> ExitCode {
    // If that fails, the code is left.
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGINT);
    ExitCode::from(INTERRUPTED)
}

/// Listens for Ctrl-C. The first sets the flag, so that the text can end cleanly; a second one ends the program at
/// once.
#[cfg(not(unix))]
pub(crate) fn listen() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = flag.clone();
    ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            #[expect(
                clippy::exit,
                reason = "asked for twice; there is nothing left to save"
            )]
            std::process::exit(INTERRUPTED.into());
        }
    })?;
    Ok(flag)
}

/// Listens for Ctrl-C. It sets the flag, however often, and never ends the program.
#[cfg(not(unix))]
pub(crate) fn listen_and_go_on() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = flag.clone();
    ctrlc::set_handler(move || seen.store(true, Ordering::Relaxed))?;
    Ok(flag)
}

/// The exit code of a program that Ctrl-C ended.
#[cfg(not(unix))]
pub(crate) fn end() -> ExitCode {
    ExitCode::from(INTERRUPTED)
}
