//! Where messages come from: a person's terminal, or the lines of standard input.

use crate::chat::mistake::Mistake;
use crate::chat::order;
use crate::environment;
use crate::text_source::BYTE_ORDER_MARK;
use crate::voice::Voice;
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

/// Where lines come from.
pub(crate) enum Input {
    Terminal(Box<Terminal>),
    /// How many lines have been read.
    Lines(usize),
}

/// What came.
#[derive(Debug)]
pub(crate) enum Heard {
    /// One line, or several of which all but the last ended in a backslash.
    Message(String),
    /// A line that is no text.
    Refused(Mistake),
    /// Ctrl-C, which has cleared the line.
    Interrupt,
    End,
}

pub(crate) struct Terminal {
    editor: Editor<LineHelper, FileHistory>,
    prompt: (&'static str, String),
    /// Where lines are kept, if they are.
    history: Option<PathBuf>,
    voice: Voice,
}

/// What rustyline asks while a line is edited.
#[derive(Default)]
struct LineHelper;

const PROMPT: &str = "> ";

/// What ends a line that goes on in the next.
const CONTINUES: char = '\\';

impl Input {
    pub(crate) fn terminal(keep_history: bool, voice: Voice) -> anyhow::Result<Self> {
        let colored = voice.color.on(&stdout());
        // Whether there are colours is decided here alone.
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
            voice,
        };
        terminal.load_history();
        Ok(Self::Terminal(Box::new(terminal)))
    }

    pub(crate) fn next(&mut self) -> anyhow::Result<Heard> {
        match self {
            Self::Terminal(terminal) => terminal.next(),
            Self::Lines(read) => next_line(read),
        }
    }

    /// How wide the terminal is now.
    pub(crate) fn columns(&mut self) -> usize {
        let columns = match self {
            Self::Terminal(terminal) => terminal.editor.dimensions(),
            Self::Lines(_) => None,
        };
        columns.map_or(80, |(columns, _)| usize::from(columns))
    }
}

impl Terminal {
    fn next(&mut self) -> anyhow::Result<Heard> {
        match self.editor.readline(&self.prompt) {
            Ok(text) => {
                self.save_history();
                let continued = format!("{CONTINUES}\n");
                Ok(Heard::Message(text.replace(&continued, "\n")))
            }
            Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                discard_typed();
                Ok(Heard::Refused(Mistake::TypedNoText))
            }
            Err(ReadlineError::Interrupted) => Ok(Heard::Interrupt),
            Err(ReadlineError::Eof) => Ok(Heard::End),
            Err(error) => Err(error).context("failed to read from the terminal"),
        }
    }

    fn load_history(&mut self) {
        let Some(path) = self.history.clone().filter(|path| path.exists()) else {
            return;
        };
        if let Err(error) = self.editor.load_history(&path) {
            self.give_up_history(&error);
        }
    }

    fn save_history(&mut self) {
        let Some(path) = &self.history else {
            return;
        };
        let made = path
            .parent()
            .map_or(Ok(()), make_private)
            .map_err(Into::into);
        if let Err(error) = made.and_then(|()| self.editor.append_history(path)) {
            self.give_up_history(&error);
        }
    }

    /// A conversation is possible without.
    fn give_up_history(&mut self, error: &ReadlineError) {
        if let Some(path) = self.history.take() {
            let path = path.display();
            self.voice.warning(&self.voice.pick(
                format!("die Eingaben werden nicht aufgehoben: {path}: {error}"),
                format!("the input history is not saved: {path}: {error}"),
            ));
        }
    }
}

/// Drops the rest of a line that is refused, as far as it has been typed: it would be taken for another line.
fn discard_typed() {
    #[cfg(unix)]
    {
        use rustix::termios::{QueueSelector, tcflush};
        // If that fails, the rest of the line is a message, which does no harm.
        let _ = tcflush(stdin(), QueueSelector::IFlush);
    }
}

/// Makes a folder that only its owner can read.
fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn next_line(read: &mut usize) -> anyhow::Result<Heard> {
    let mut message: Option<String> = None;
    let mut refused = None;
    loop {
        let mut bytes = Vec::new();
        stdin()
            .lock()
            .read_until(b'\n', &mut bytes)
            .context("failed to read standard input")?;
        if bytes.is_empty() {
            let end = message.map_or(Heard::End, Heard::Message);
            return Ok(refused.map_or(end, Heard::Refused));
        }
        *read += 1;
        let mark = BYTE_ORDER_MARK.as_bytes();
        let bytes = match bytes.strip_prefix(mark) {
            Some(bytes) if *read == 1 => bytes,
            _ => &bytes,
        };
        let line = String::from_utf8_lossy(bytes);
        // The lines that belong to the same message are refused with it.
        if std::str::from_utf8(bytes).is_err() {
            refused.get_or_insert(Mistake::NoText(*read));
        }
        let line = line.strip_suffix('\n').unwrap_or(&line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let message = message.get_or_insert_default();
        match line.strip_suffix(CONTINUES) {
            Some(line) => {
                message.push_str(line);
                message.push('\n');
            }
            None => {
                message.push_str(line);
                let message = Heard::Message(std::mem::take(message));
                return Ok(refused.map_or(message, Heard::Refused));
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
        Ok(match context.input().ends_with(CONTINUES) {
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
        let names = order::NAMES.iter().filter(|name| name.starts_with(begun));
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
