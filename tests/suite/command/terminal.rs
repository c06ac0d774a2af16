//! A pseudo-terminal with the command in it, and what its screen shows.

use crate::fixtures::wolfgang;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Far more than anything takes; a test that waits so long has failed.
const DEADLINE: Duration = Duration::from_secs(120);

/// The command on a terminal.
pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    output: Arc<(Mutex<Output>, Condvar)>,
    _master: Box<dyn MasterPty + Send>,
}

/// What the command has written.
struct Output {
    screen: vt100::Parser,
    bytes: Vec<u8>,
    is_over: bool,
}

impl Terminal {
    /// Runs `wolfgang` with these arguments and variables, as a person without settings and files
    /// of their own would.
    pub(crate) fn run(args: &[&str], variables: &[(&str, &str)], columns: u16) -> Self {
        const ROWS: u16 = 100;
        let size = PtySize {
            rows: ROWS,
            cols: columns,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let bare = wolfgang();
        let mut command = CommandBuilder::new(bare.get_program());
        command.args(args);
        for (name, value) in bare.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            }
        }
        for name in ["LC_ALL", "LC_MESSAGES"] {
            command.env_remove(name);
        }
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C");
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        // Held on to, the terminal would never end.
        drop(pair.slave);

        let output = Output {
            screen: screen(ROWS, columns),
            bytes: Vec::new(),
            is_over: false,
        };
        let output = Arc::new((Mutex::new(output), Condvar::new()));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let read = output.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                // Reading a terminal without a writer is an error on Linux.
                let count = reader.read(&mut bytes).unwrap_or(0);
                let mut output = read.0.lock().unwrap();
                output.screen.process(&bytes[..count]);
                output.bytes.extend_from_slice(&bytes[..count]);
                output.is_over = count == 0;
                read.1.notify_all();
                if output.is_over {
                    return;
                }
            }
        });
        Self {
            child,
            keyboard,
            output,
            _master: pair.master,
        }
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.press_bytes(keys.as_bytes());
    }

    /// As [`press`](Self::press), with what may be no text.
    pub(crate) fn press_bytes(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Waits until the output is like this.
    #[track_caller]
    fn wait(&self, what: &str, is_met: impl Fn(&Output) -> bool) {
        let (output, changed) = &*self.output;
        let begun = Instant::now();
        let mut output = output.lock().unwrap();
        while !is_met(&output) {
            let left = DEADLINE.saturating_sub(begun.elapsed());
            if left.is_zero() || output.is_over {
                let contents = output.screen.screen().contents();
                panic!("waited in vain for {what}; the screen shows\n{contents}");
            }
            output = changed.wait_timeout(output, left).unwrap().0;
        }
    }

    /// Waits until the screen shows this, wherever its lines break.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_for_count(text, 1);
    }

    /// Waits until the screen shows this text `times` times.
    #[track_caller]
    pub(crate) fn wait_for_count(&self, text: &str, count: usize) {
        self.wait(text, |output| joined(output).matches(text).count() >= count);
    }

    /// Waits until this many bytes have been read.
    #[track_caller]
    pub(crate) fn wait_for_bytes(&self, count: usize) {
        self.wait("more output", |output| output.bytes.len() >= count);
    }

    /// Waits for an empty line to type in.
    #[track_caller]
    pub(crate) fn wait_for_prompt(&self) {
        self.wait("a prompt", is_ready);
    }

    /// Types a line, waits for the next prompt, and returns what came in between.
    #[track_caller]
    pub(crate) fn enter(&mut self, line: &str) -> String {
        self.wait_for_prompt();
        let before = self.written();
        self.press(line);
        // What stood on the screen before may look the same.
        self.wait(line, |output| shown_since(output, before).contains(line));
        self.press("\r");
        self.wait_for_prompt();
        let output = self.output.0.lock().unwrap();
        let shown = shown_since(&output, before);
        // The line itself, and the next prompt.
        let shown = shown.trim_end().trim_end_matches('>');
        let (_, shown) = shown.split_once('\n').unwrap_or_default();
        shown.trim_end().to_owned()
    }

    /// Everything that was written, controls and all.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.output.0.lock().unwrap().bytes.clone()
    }

    fn written(&self) -> usize {
        self.output.0.lock().unwrap().bytes.len()
    }

    /// The lines on the screen.
    pub(crate) fn rows(&self, columns: u16) -> Vec<String> {
        let output = self.output.0.lock().unwrap();
        output.screen.screen().rows(0, columns).collect()
    }

    /// Waits for the end of the command; its code.
    #[track_caller]
    pub(crate) fn wait_for_end(mut self) -> u32 {
        self.wait("the end", |output| output.is_over);
        self.child.wait().unwrap().exit_code()
    }
}

fn screen(rows: u16, columns: u16) -> vt100::Parser {
    let [rows, columns] = [rows, columns].map(|size| NonZero::new(size).unwrap());
    vt100::Parser::new(rows, columns, 0)
}

/// The output after this many bytes, as a wide screen shows it.
fn shown_since(output: &Output, bytes: usize) -> String {
    let mut wide = screen(100, 400);
    wide.process(&output.bytes[bytes..]);
    wide.screen().contents()
}

/// Whether the cursor waits behind an empty prompt.
fn is_ready(output: &Output) -> bool {
    let screen = output.screen.screen();
    let (row, column) = screen.cursor_position();
    let line = screen.rows(0, 400).nth(usize::from(row));
    column == 2 && line.is_some_and(|line| line.trim_end() == ">")
}

/// The screen as one line.
fn joined(output: &Output) -> String {
    output.screen.screen().contents().replace('\n', "")
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // After a failed test the process may still run; killing an ended one is an error.
        let _ = self.child.kill();
    }
}
