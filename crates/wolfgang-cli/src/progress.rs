//! Progress of long operations, on standard error.

use crate::console::Console;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};
use wolfgang_generate::{Phase, Progress};

/// Operations that take less show no progress.
const DELAY: Duration = Duration::from_secs(1);

/// One line with bytes, rate and remaining time, which is removed at the end of the operation. It
/// is only shown on a terminal.
pub(crate) struct ProgressLine {
    console: Console,
    running: Option<Running>,
}

struct Running {
    bar: ProgressBar,
    begun: Instant,
    shown: bool,
}

impl ProgressLine {
    pub(crate) fn new(console: Console) -> Self {
        Self {
            console,
            running: None,
        }
    }
}

impl Progress for ProgressLine {
    fn begin(&mut self, phase: Phase, bytes: u64) {
        if !self.console.shows_progress() {
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::hidden());
        bar.set_style(style());
        // A file name may come from a server: it must not control the terminal.
        bar.set_message(phase.to_string().replace(char::is_control, " "));
        self.running = Some(Running {
            bar,
            begun: Instant::now(),
            shown: false,
        });
    }

    fn advance(&mut self, bytes: u64) {
        let Some(running) = &mut self.running else {
            return;
        };
        running.bar.inc(bytes);
        if !running.shown && running.begun.elapsed() >= DELAY {
            running.shown = true;
            running.bar.set_draw_target(ProgressDrawTarget::stderr());
            // Bytes of an earlier, interrupted download must not count for the rate.
            running.bar.reset_eta();
        }
    }

    fn end(&mut self) {
        if let Some(running) = self.running.take() {
            running.bar.finish_and_clear();
        }
    }
}

impl Drop for ProgressLine {
    /// Removes the line of an operation that failed, before the error is printed.
    fn drop(&mut self) {
        self.end();
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template(
        "{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta} left",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar())
}
