//! Ctrl-C.

use crate::error::Interrupted;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code that shells report for a program ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// [`Interrupted`] if there was a Ctrl-C.
pub(crate) fn check(flag: &AtomicBool) -> Result<(), Interrupted> {
    match flag.load(Ordering::Relaxed) {
        true => Err(Interrupted),
        false => Ok(()),
    }
}

/// Makes the first Ctrl-C set the flag, so that the text can be completed, and a second one end the
/// program at once.
#[cfg(unix)]
pub(crate) fn install_handler() -> anyhow::Result<Arc<AtomicBool>> {
    use signal_hook::{consts::SIGINT, flag};
    let interrupted = Arc::new(AtomicBool::new(false));
    // The order matters: the second signal must find the flag set by the first.
    flag::register_conditional_default(SIGINT, interrupted.clone())?;
    flag::register(SIGINT, interrupted.clone())?;
    Ok(interrupted)
}

/// Makes every Ctrl-C set the flag. None ends the program.
#[cfg(unix)]
pub(crate) fn install_repeatable_handler() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGINT, flag.clone())?;
    Ok(flag)
}

/// Calls a function at the first SIGTERM or Ctrl-C, on a thread of its own. The second ends the
/// program at once.
#[cfg(unix)]
pub(crate) fn on_termination(first: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    use signal_hook::{consts::SIGINT, consts::SIGTERM, flag, low_level::pipe};
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    let terminated = Arc::new(AtomicBool::new(false));
    let (mut receiver, sender) = UnixStream::pair()?;
    for signal in [SIGTERM, SIGINT] {
        // The order matters: the second signal must find the flag set by the first.
        flag::register_conditional_default(signal, terminated.clone())?;
        flag::register(signal, terminated.clone())?;
        pipe::register(signal, sender.try_clone()?)?;
    }
    let wait = move || {
        // An error is the end of the program.
        if receiver.read_exact(&mut [0]).is_ok() {
            first();
        }
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(wait)?;
    Ok(())
}

/// Ends the program by the signal's default action, so that a shell script or loop that runs it
/// ends as well. After an exit code, even 130, a shell continues: it takes Ctrl-C as handled.
#[cfg(unix)]
pub(crate) fn end() -> ExitCode {
    // The exit code is the fallback.
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGINT);
    ExitCode::from(INTERRUPTED)
}

/// Makes the first Ctrl-C set the flag, so that the text can be completed, and a second one end the
/// program at once.
#[cfg(not(unix))]
pub(crate) fn install_handler() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = flag.clone();
    ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            #[expect(
                clippy::exit,
                reason = "the user asked twice, and nothing is left to save"
            )]
            std::process::exit(INTERRUPTED.into());
        }
    })?;
    Ok(flag)
}

/// Makes every Ctrl-C set the flag. None ends the program.
#[cfg(not(unix))]
pub(crate) fn install_repeatable_handler() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = flag.clone();
    ctrlc::set_handler(move || seen.store(true, Ordering::Relaxed))?;
    Ok(flag)
}

/// Calls a function at the first Ctrl-C. The second ends the program at once.
#[cfg(not(unix))]
pub(crate) fn on_termination(first: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    let mut first = Some(first);
    ctrlc::set_handler(move || match first.take() {
        Some(first) => first(),
        None => {
            #[expect(clippy::exit, reason = "the user asked twice")]
            std::process::exit(INTERRUPTED.into());
        }
    })?;
    Ok(())
}

/// The exit code of a program that Ctrl-C ended.
#[cfg(not(unix))]
pub(crate) fn end() -> ExitCode {
    ExitCode::from(INTERRUPTED)
}
