//! Input of a chat: lines edited on a terminal, or lines of standard input.

use crate::chat::{chat_command, texts};
use crate::console::Console;
use crate::environment;
use crate::error::ChatError;
use crate::text_source::BYTE_ORDER_MARK;
use anyhow::Context as _;
use rustyline::completion::Completer;
use rustyline::config::{ColorMode, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Editor, Helper};
use std::io::{BufRead, ErrorKind, stdin, stdout};
use std::path::{Path, PathBuf};

/// Source of lines.
pub(crate) enum Input {
    Terminal(Box<Terminal>),
    /// Standard input, with the number of lines read so far.
    Lines(usize),
}

/// What was read.
#[derive(Debug)]
pub(crate) enum InputEvent {
    /// One line, or several of which all but the last ended in a backslash.
    Line(String),
    /// A line that is not UTF-8.
    Rejected(ChatError),
    /// Ctrl-C, which clears the line.
    Interrupt,
    End,
}

pub(crate) struct Terminal {
    editor: Editor<LineHelper, FileHistory>,
    prompt: (&'static str, String),
    /// File of the input history; `None` if it is not kept.
    history: Option<PathBuf>,
    console: Console,
}

/// Line continuation and completion of commands for rustyline.
#[derive(Default)]
struct LineHelper;

const PROMPT: &str = "> ";

/// A line that ends in this character continues on the next line.
const CONTINUATION: char = '\\';

impl Input {
    pub(crate) fn terminal(keep_history: bool, console: Console) -> anyhow::Result<Self> {
        let colored = console.color.on(&stdout());
        // rustyline must not decide about colours itself.
        let color_mode = match colored {
            true => ColorMode::Forced,
            false => ColorMode::Disabled,
        };
        let config = Config::builder()
            .color_mode(color_mode)
            .auto_add_history(true)
            .build();
        let editor = Editor::with_default(config)?;
        let styled = match colored {
            true => format!("\x1b[1;36m{PROMPT}\x1b[0m"),
            false => PROMPT.to_owned(),
        };
        let folder = || environment::xdg("XDG_STATE_HOME", ".local/state");
        let history = keep_history.then(folder).flatten();
        let mut terminal = Terminal {
            editor,
            prompt: (PROMPT, styled),
            history: history.map(|folder| folder.join("wolfgang/history")),
            console,
        };
        terminal.load_history();
        Ok(Self::Terminal(Box::new(terminal)))
    }

    pub(crate) fn next(&mut self) -> anyhow::Result<InputEvent> {
        match self {
            Self::Terminal(terminal) => terminal.next(),
            Self::Lines(read) => next_line(read),
        }
    }

    /// Current width of the terminal.
    pub(crate) fn columns(&mut self) -> usize {
        let columns = match self {
            Self::Terminal(terminal) => terminal.editor.dimensions(),
            Self::Lines(_) => None,
        };
        columns.map_or(80, |(columns, _)| usize::from(columns))
    }
}

impl Terminal {
    fn next(&mut self) -> anyhow::Result<InputEvent> {
        match self.editor.readline(&self.prompt) {
            Ok(text) => {
                self.save_history();
                let continued = format!("{CONTINUATION}\n");
                Ok(InputEvent::Line(text.replace(&continued, "\n")))
            }
            Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                discard_typed();
                Ok(InputEvent::Rejected(ChatError::TypedLineNotUtf8))
            }
            Err(ReadlineError::Interrupted) => Ok(InputEvent::Interrupt),
            Err(ReadlineError::Eof) => Ok(InputEvent::End),
            Err(error) => Err(error).context("failed to read from the terminal"),
        }
    }

    fn load_history(&mut self) {
        let Some(path) = self.history.clone().filter(|path| path.exists()) else {
            return;
        };
        if let Err(error) = self.editor.load_history(&path) {
            self.disable_history(&error);
        }
    }

    fn save_history(&mut self) {
        let Some(path) = &self.history else {
            return;
        };
        let made = path
            .parent()
            .map_or(Ok(()), create_private)
            .map_err(Into::into);
        if let Err(error) = made.and_then(|()| self.editor.append_history(path)) {
            self.disable_history(&error);
        }
    }

    /// Continues without a history after an error.
    fn disable_history(&mut self, error: &ReadlineError) {
        if let Some(path) = self.history.take() {
            let message = texts::history_not_saved(&path, error, self.console.language);
            self.console.info(&message);
        }
    }
}

/// Drops the rest of a rejected line that has been typed so far. It would be read as another line.
fn discard_typed() {
    #[cfg(unix)]
    {
        use rustix::termios::{QueueSelector, tcflush};
        // If this fails, the rest of the line is sent as a message.
        let _ = tcflush(stdin(), QueueSelector::IFlush);
    }
}

/// Creates a folder that only its owner can read.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn next_line(read: &mut usize) -> anyhow::Result<InputEvent> {
    let mut message: Option<String> = None;
    let mut rejected = None;
    loop {
        let mut bytes = Vec::new();
        stdin()
            .lock()
            .read_until(b'\n', &mut bytes)
            .context("failed to read standard input")?;
        if bytes.is_empty() {
            let end = message.map_or(InputEvent::End, InputEvent::Line);
            return Ok(rejected.map_or(end, InputEvent::Rejected));
        }
        *read += 1;
        let mark = BYTE_ORDER_MARK.as_bytes();
        let bytes = match bytes.strip_prefix(mark) {
            Some(bytes) if *read == 1 => bytes,
            _ => &bytes,
        };
        let line = String::from_utf8_lossy(bytes);
        // All lines of the message are rejected with it.
        if std::str::from_utf8(bytes).is_err() {
            rejected.get_or_insert(ChatError::LineNotUtf8(*read));
        }
        let line = line.strip_suffix('\n').unwrap_or(&line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let message = message.get_or_insert_default();
        match line.strip_suffix(CONTINUATION) {
            Some(line) => {
                message.push_str(line);
                message.push('\n');
            }
            None => {
                message.push_str(line);
                let message = InputEvent::Line(std::mem::take(message));
                return Ok(rejected.map_or(message, InputEvent::Rejected));
            }
        }
    }
}

impl Helper for LineHelper {}

impl Highlighter for LineHelper {}

impl Hinter for LineHelper {
    type Hint = String;
}

impl Validator for LineHelper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match context.input().ends_with(CONTINUATION) {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}

impl Completer for LineHelper {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        cursor: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let begun = &line[..cursor];
        let names = chat_command::NAMES
            .iter()
            .filter(|name| name.starts_with(begun));
        let is_command = begun.starts_with('/');
        Ok((
            0,
            names
                .filter(|_| is_command)
                .map(|name| (*name).to_owned())
                .collect(),
        ))
    }
}
