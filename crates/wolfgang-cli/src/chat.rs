//! `wolfgang chat`.

mod chat_command;
mod input;
pub(crate) mod messages;
mod reply_writer;
pub(crate) mod saved_conversation;
pub(crate) mod texts;
mod wrap;

use crate::chat_args::ChatArgs;
use crate::chat_date::ChatDate;
use crate::config_file::ConfigFile;
use crate::console::{Console, Verbosity, write_line};
use crate::error::{ChatError, InputRejected};
use crate::failure;
use crate::interrupt;
use crate::length_args::OnContextFull;
use crate::lost_characters;
use crate::preset::Preset;
use crate::standard_streams;
use chat_command::ChatCommand;
use input::{Input, InputEvent};
use messages::Messages;
use reply_writer::{ReplyFormat, ReplyWriter};
use saved_conversation::SavedConversation;
use std::io::{IsTerminal, stdin, stdout};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wolfgang_generate::{
    Conversation, Event, GenerateError, GenerateOptions, Summary, WolfgangGenerator,
};

/// The system prompt that the model card recommends.
const SYSTEM: &str = "Du bist Johann Wolfgang von Goethe.";
const MAX_NEW_TOKENS: usize = 200;

pub(crate) fn run(args: ChatArgs, file: ConfigFile, console: Console) -> anyhow::Result<()> {
    if args.generation.length.ignore_eos {
        return Err(ChatError::IgnoreEos.into());
    }
    let mut generation = args.generation.over(file);
    generation.sampling.preset.get_or_insert(Preset::Goethe);
    // A sliding window would drop the system prompt.
    generation
        .length
        .overflow
        .get_or_insert(OnContextFull::Stop);
    generation.check()?;
    let loaded = args.load.as_deref().map(saved_conversation::load);
    let loaded = loaded.transpose()?;

    let (generator, _) = generation.load(console)?;
    let date = args.date.unwrap_or_else(ChatDate::today);
    let generator = date.in_generator(generator)?;
    let mut conversation = generator.conversation(SYSTEM)?;
    let is_terminal = stdin().is_terminal() && stdout().is_terminal() && !args.json;
    let options = generation.options(generator.tokenizer(), MAX_NEW_TOKENS)?;
    if let Some(loaded) = loaded {
        restore(&mut conversation, loaded);
    }
    if let Some(system) = args.system {
        conversation.set_system(system);
    }
    let mut chat = Chat {
        generator,
        conversation,
        options,
        format: match (args.json, is_terminal) {
            (true, _) => ReplyFormat::Json,
            (_, true) => ReplyFormat::Terminal,
            _ => ReplyFormat::Plain,
        },
        // Without a terminal, Ctrl-C ends the program.
        interrupted: match is_terminal {
            true => interrupt::install_repeatable_handler()?,
            false => Arc::default(),
        },
        last: None,
        truncated: 0,
        console,
    };
    let input = match is_terminal {
        true => Input::terminal(!args.no_history, console)?,
        false => {
            standard_streams::check_input()?;
            Input::Lines(0)
        }
    };
    chat.run(input)
}

/// Replaces the messages, and the system prompt if there is one among them.
fn restore(conversation: &mut Conversation, loaded: Messages) {
    if let Some(system) = loaded.system {
        conversation.set_system(system);
    }
    conversation.set_messages(loaded.messages);
}

/// The error as a [`ChatError`] if the user's input caused it.
fn input_error(error: GenerateError) -> anyhow::Error {
    match error {
        GenerateError::NothingToAnswer => ChatError::NothingToAnswer.into(),
        GenerateError::PromptTooLong { tokens, block_size } => {
            ChatError::MessageTooLong { tokens, block_size }.into()
        }
        error => error.into(),
    }
}

struct Chat {
    generator: WolfgangGenerator,
    conversation: Conversation,
    options: GenerateOptions,
    format: ReplyFormat,
    /// Set by Ctrl-C.
    interrupted: Arc<AtomicBool>,
    /// The last reply.
    last: Option<Summary>,
    /// Number of messages that no longer fitted into the context of the last reply.
    truncated: usize,
    console: Console,
}

impl Chat {
    fn run(&mut self, mut input: Input) -> anyhow::Result<()> {
        let is_terminal = self.format == ReplyFormat::Terminal;
        let language = self.console.language;
        if is_terminal {
            self.console.info(texts::greeting(language));
        }
        let (mut interrupts, mut is_rejected) = (0, false);
        loop {
            match input.next()? {
                InputEvent::End => break,
                InputEvent::Rejected(error) => {
                    (interrupts, is_rejected) = (0, true);
                    failure::report(&error.into(), self.console);
                }
                InputEvent::Interrupt => {
                    interrupts += 1;
                    if interrupts == 2 {
                        break;
                    }
                    self.console.info(texts::interrupt_again(language));
                }
                InputEvent::Line(line) => {
                    interrupts = 0;
                    match self.handle(&line, input.columns()) {
                        Ok(ControlFlow::Continue(())) => {}
                        Ok(ControlFlow::Break(())) => break,
                        // On a terminal, the user can correct the input.
                        Err(error) if is_terminal => {
                            failure::report(&error, self.console);
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        // A program that pipes messages in learns of rejected lines by the exit code.
        match is_rejected && !is_terminal {
            true => Err(InputRejected.into()),
            false => Ok(()),
        }
    }

    /// Sends the line as a message or runs its command. Breaks after `/quit`.
    fn handle(&mut self, line: &str, columns: usize) -> anyhow::Result<ControlFlow<()>> {
        if line.trim().is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let console = self.console;
        let language = console.language;
        match ChatCommand::parse(line)? {
            ChatCommand::Send(text) => self.reply(Some(&text), columns)?,
            ChatCommand::Regenerate => {
                // The same seed would give the same reply.
                let seed = self.options.seed.map(|seed| seed.wrapping_add(1));
                self.options.seed = seed;
                self.reply(None, columns)?;
            }
            ChatCommand::Help => write_line(texts::help(language)),
            ChatCommand::Stats => {
                let block_size = self.generator.model().config().block_size;
                write_line(&texts::stats(self.last.as_ref(), block_size, language));
            }
            ChatCommand::Reset => {
                self.conversation.reset();
                self.last = None;
                console.info(texts::reset(language));
            }
            ChatCommand::System(Some(text)) => {
                self.conversation.set_system(text);
                console.info(&texts::system(self.conversation.system(), language));
            }
            ChatCommand::System(None) => {
                write_line(&texts::system(self.conversation.system(), language));
            }
            ChatCommand::Seed(seed) => {
                self.options.seed = seed;
                console.info(&texts::seed(seed, language));
            }
            ChatCommand::Save(path) => {
                SavedConversation::of(&self.conversation).save(&path)?;
                let messages = self.conversation.messages().len();
                console.info(&texts::saved(messages, language));
            }
            ChatCommand::Load(path) => {
                restore(&mut self.conversation, saved_conversation::load(&path)?);
                self.last = None;
                let messages = self.conversation.messages().len();
                console.info(&texts::loaded(messages, language));
            }
            ChatCommand::Quit => return Ok(ControlFlow::Break(())),
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Generates and prints the reply to a message, or another reply to the last one.
    fn reply(&mut self, message: Option<&str>, columns: usize) -> anyhow::Result<()> {
        let (console, language) = (self.console, self.console.language);
        self.interrupted.store(false, Ordering::Relaxed);
        let reply = match message {
            Some(text) => self.conversation.send(text, &self.options),
            None => self.conversation.regenerate(&self.options),
        };
        let mut reply = reply.map_err(input_error)?;
        let tokenizer = self.generator.tokenizer();
        if let Some(dropped) = lost_characters::of(message.unwrap_or_default(), tokenizer)? {
            console.info(&texts::dropped_characters(&dropped, language));
        }
        let truncated = reply.truncated_messages().len();
        if truncated > self.truncated {
            console.info(&texts::truncated(reply.truncated_messages(), language));
        }
        self.truncated = truncated;

        let mut writer = ReplyWriter::new(self.format, columns, truncated);
        loop {
            if self.interrupted.load(Ordering::Relaxed) {
                reply.cancel();
            }
            let Some(event) = reply.next().transpose()? else {
                return Ok(());
            };
            writer.write(&event)?;
            if let Event::Finished(summary) = event {
                self.finish(summary);
                return Ok(());
            }
        }
    }

    /// Prints why the reply ended, if that is unusual, and keeps its figures for `/stats`.
    fn finish(&mut self, summary: Summary) {
        let (console, language) = (self.console, self.console.language);
        if let Some(notice) = texts::finish_notice(&summary, language) {
            console.info(notice);
        }
        if console.verbosity == Verbosity::Verbose {
            let block_size = self.generator.model().config().block_size;
            console.info(&texts::stats(Some(&summary), block_size, language));
        }
        self.last = Some(summary);
    }
}
