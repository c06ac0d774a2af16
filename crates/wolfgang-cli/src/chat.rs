//! `wolfgang chat`.

mod input;
mod messages;
mod mistake;
mod order;
mod record;
mod speech;
mod words;
mod wrap;

use crate::chat_args::ChatArgs;
use crate::config_file::ConfigFile;
use crate::interrupt;
use crate::length_args::WhenFull;
use crate::lost_characters;
use crate::preset::Preset;
use crate::report::{self, InputRefused};
use crate::standard_streams;
use crate::voice::{Voice, Volume};
use input::{Heard, Input};
use messages::Messages;
pub(crate) use mistake::Mistake;
use order::Order;
use record::Record;
use speech::{Form, Speech};
use std::io::{IsTerminal, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wolfgang_generate::{
    Conversation, Event, GenerateError, GenerateOptions, Summary, WolfgangGenerator,
};

/// As the model card has them.
const SYSTEM: &str = "Du bist Johann Wolfgang von Goethe.";
const MAX_NEW_TOKENS: usize = 200;

pub(crate) fn run(args: ChatArgs, file: ConfigFile, voice: Voice) -> anyhow::Result<()> {
    if args.length.ignore_eos {
        return Err(Mistake::IgnoreEos.into());
    }
    let model_args = args.model.over(file.model, &file.folder);
    let mut sampling = args.sampling.over(file.sampling);
    sampling.preset.get_or_insert(Preset::Goethe);
    let mut length = args.length.or(file.length);
    // To slide would push the system prompt out of the model's sight.
    length.overflow.get_or_insert(WhenFull::Stop);
    // Before the model is loaded: a mistyped number or name should not cost a second.
    sampling.check()?;
    sampling.params().validate().map_err(GenerateError::from)?;
    length.check()?;
    let loaded = args.load.as_deref().map(record::load).transpose()?;

    let (generator, _) = model_args.load(voice)?;
    let mut conversation = generator.conversation(SYSTEM)?;
    let is_terminal = stdin().is_terminal() && stdout().is_terminal() && !args.json;
    let options = length.options(&sampling, generator.tokenizer(), MAX_NEW_TOKENS)?;
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
        form: match (args.json, is_terminal) {
            (true, _) => Form::Json,
            (_, true) => Form::Terminal,
            _ => Form::Plain,
        },
        // Without a terminal, Ctrl-C simply ends the program.
        interrupted: match is_terminal {
            true => interrupt::listen_and_go_on()?,
            false => Arc::default(),
        },
        last: None,
        left_out: 0,
        voice,
    };
    let input = match is_terminal {
        true => Input::terminal(!args.no_history, voice)?,
        false => {
            standard_streams::check_input()?;
            Input::Lines(0)
        }
    };
    chat.talk(input)
}

/// Makes the conversation go on from here. It keeps its system prompt if there is no other.
fn restore(conversation: &mut Conversation, loaded: Messages) {
    if let Some(system) = loaded.system {
        conversation.set_system(system);
    }
    conversation.set_messages(loaded.messages);
}

struct Chat {
    generator: WolfgangGenerator,
    conversation: Conversation,
    options: GenerateOptions,
    form: Form,
    /// Set by Ctrl-C.
    interrupted: Arc<AtomicBool>,
    /// The last answer.
    last: Option<Summary>,
    /// How many messages the model is known not to see.
    left_out: usize,
    voice: Voice,
}

impl Chat {
    fn talk(&mut self, mut input: Input) -> anyhow::Result<()> {
        let is_terminal = self.form == Form::Terminal;
        if is_terminal {
            self.voice.note(words::greeting(self.voice));
        }
        let (mut interrupts, mut is_refused) = (0, false);
        loop {
            match input.next()? {
                Heard::End => break,
                Heard::Refused(mistake) => {
                    (interrupts, is_refused) = (0, true);
                    report::failure(&mistake.into(), self.voice);
                }
                Heard::Interrupt => {
                    interrupts += 1;
                    if interrupts == 2 {
                        break;
                    }
                    self.voice.note(words::once_more(self.voice));
                }
                Heard::Message(line) => {
                    interrupts = 0;
                    match self.obey(&line, input.columns()) {
                        Ok(true) => {}
                        Ok(false) => break,
                        // A person can do something about it.
                        Err(error) if is_terminal => {
                            report::failure(&error, self.voice);
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        // A program does not read what was said of a line; it should learn of it.
        match is_refused && !is_terminal {
            true => Err(InputRefused.into()),
            false => Ok(()),
        }
    }

    /// Whether the conversation goes on.
    fn obey(&mut self, line: &str, columns: usize) -> anyhow::Result<bool> {
        if line.trim().is_empty() {
            return Ok(true);
        }
        let voice = self.voice;
        match Order::parse(line)? {
            Order::Say(text) => self.answer(Some(&text), columns)?,
            Order::Regenerate => {
                // The same seed would give the same answer.
                let seed = self.options.seed.map(|seed| seed.wrapping_add(1));
                self.options.seed = seed;
                self.answer(None, columns)?;
            }
            Order::Help => report::say(words::help(voice)),
            Order::Stats => {
                let block_size = self.generator.model().config().block_size;
                report::say(&words::stats(self.last.as_ref(), block_size, voice));
            }
            Order::Reset => {
                self.conversation.reset();
                self.last = None;
                voice.note(words::reset(voice));
            }
            Order::System(Some(text)) => {
                self.conversation.set_system(text);
                voice.note(&words::system(self.conversation.system(), voice));
            }
            Order::System(None) => {
                report::say(&words::system(self.conversation.system(), voice));
            }
            Order::Seed(seed) => {
                self.options.seed = seed;
                voice.note(&words::seed(seed, voice));
            }
            Order::Save(path) => {
                Record::of(&self.conversation).save(&path)?;
                let messages = self.conversation.messages().len();
                voice.note(&words::saved(messages, voice));
            }
            Order::Load(path) => {
                restore(&mut self.conversation, record::load(&path)?);
                self.last = None;
                let messages = self.conversation.messages().len();
                voice.note(&words::loaded(messages, voice));
            }
            Order::Quit => return Ok(false),
        }
        Ok(true)
    }

    /// Answers what is said, or again what was said last.
    fn answer(&mut self, said: Option<&str>, columns: usize) -> anyhow::Result<()> {
        let voice = self.voice;
        self.interrupted.store(false, Ordering::Relaxed);
        let mut answer = match said {
            Some(text) => self.conversation.send(text, &self.options)?,
            None => self.conversation.regenerate(&self.options)?,
        };
        let tokenizer = self.generator.tokenizer();
        if let Some(lost) = lost_characters::of(said.unwrap_or_default(), tokenizer, voice)? {
            voice.warning(&words::lacks_characters(&lost, voice));
        }
        let left_out = answer.truncated_messages().len();
        if left_out > self.left_out {
            voice.note(&words::left_out(answer.truncated_messages(), voice));
        }
        self.left_out = left_out;

        let mut speech = Speech::new(self.form, columns, left_out);
        loop {
            if self.interrupted.load(Ordering::Relaxed) {
                answer.cancel();
            }
            let Some(event) = answer.next().transpose()? else {
                return Ok(());
            };
            speech.write(&event)?;
            if let Event::Finished(summary) = event {
                self.tell(summary);
                return Ok(());
            }
        }
    }

    /// Says how an answer ended, where that matters.
    fn tell(&mut self, summary: Summary) {
        let voice = self.voice;
        if let Some(ending) = words::ending(&summary, voice) {
            voice.note(ending);
        }
        if voice.volume == Volume::Verbose {
            let block_size = self.generator.model().config().block_size;
            voice.note(&words::stats(Some(&summary), block_size, voice));
        }
        self.last = Some(summary);
    }
}
