//! Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Listens for Ctrl-C. The first sets the flag, so that the text can end cleanly; a second one ends the program at
/// once.
pub(crate) fn listen() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = flag.clone();
    ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            #[expect(
                clippy::exit,
                reason = "asked for twice; there is nothing left to save"
            )]
            std::process::exit(INTERRUPTED);
        }
    })?;
    Ok(flag)
}

/// Listens for Ctrl-C. It sets the flag, however often, and never ends the program.
pub(crate) fn listen_and_go_on() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = flag.clone();
    ctrlc::set_handler(move || seen.store(true, Ordering::Relaxed))?;
    Ok(flag)
}
