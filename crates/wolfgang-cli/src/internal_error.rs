//! Panics of the command itself.

use crate::console::{one_line, write_line};
use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::panic::PanicHookInfo;
use std::process::ExitCode;

/// The location of a panic, which the payload of `catch_unwind` does not contain.
struct Origin {
    location: String,
    /// Captured only if `RUST_BACKTRACE` asks for it.
    backtrace: Backtrace,
}

thread_local! {
    /// The origin of this thread's last panic.
    static LAST: Cell<Option<Origin>> = const { Cell::new(None) };
}

/// Records the location of panics instead of printing them. The libraries turn panics of drivers
/// and file readers into errors, which are reported once; [`report`] prints all others.
pub(crate) fn install_hook() {
    std::panic::set_hook(Box::new(record));
}

fn record(info: &PanicHookInfo<'_>) {
    let location = info.location().map(ToString::to_string);
    let origin = Origin {
        location: location.unwrap_or_else(|| "an unknown location".to_owned()),
        backtrace: Backtrace::capture(),
    };
    // Fails if the thread is ending and its storage is gone.
    let _ = LAST.try_with(|last| last.set(Some(origin)));
}

/// Reports a panic of this thread that reached `main`.
pub(crate) fn report(panic: &(dyn Any + Send)) -> ExitCode {
    write_line(&message(panic));
    ExitCode::FAILURE
}

/// One line, and the backtrace if there is one.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let text = one_line(text.unwrap_or("panicked without a message"));
    let origin = LAST.take();
    let place = origin
        .as_ref()
        .map(|origin| format!(" at {}", origin.location));
    let line = format!(
        "error: internal error in wolfgang {}{}: {text}; please report it",
        env!("CARGO_PKG_VERSION"),
        place.unwrap_or_default(),
    );
    match origin.map(|origin| origin.backtrace) {
        Some(backtrace) if backtrace.status() == BacktraceStatus::Captured => {
            format!("{line}\n{backtrace}")
        }
        _ => format!("{line}, with the backtrace that RUST_BACKTRACE=1 adds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_error_names_version_location_and_backtrace_hint() {
        // Other tests may panic meanwhile: their messages must still be printed.
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            record(info);
            previous(info);
        }));
        let earlier = std::panic::catch_unwind(|| panic!("caught by a library"));
        assert!(earlier.is_err());
        let line = line!() + 1;
        let panic = std::panic::catch_unwind(|| panic!("index {} of 3\nis wrong", 7));
        let message = message(&*panic.unwrap_err());
        let first = message.lines().next().unwrap();
        let version = env!("CARGO_PKG_VERSION");
        assert!(
            first.starts_with(&format!("error: internal error in wolfgang {version} at ")),
            "{first}"
        );
        assert!(
            first.contains(&format!("internal_error.rs:{line}:")),
            "{first}"
        );
        assert!(
            first.contains("index 7 of 3 is wrong; please report it"),
            "{first}"
        );
        let has_backtrace = message.lines().count() > 1;
        assert!(has_backtrace || first.contains("RUST_BACKTRACE=1"));
    }
}
