//! Chat templates: the Jinja templates of models, configured as the `transformers` library does.

mod environment;
mod files;
mod generation_tags;
mod json;
pub(crate) mod marks;
pub(crate) mod origin;
mod python_text;
mod strftime;
mod string_methods;

use crate::TokenizerError;
use crate::message::Message;
use marks::Marks;
use minijinja::value::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;

/// Maximum size of a template in bytes; the largest published ones have about 20,000.
const MAX_SOURCE: usize = 1 << 20;

/// Steps that every template may use: one for an operation or for 64 bytes of new text, so they
/// bound time and memory.
const FUEL: u64 = 100_000;

/// Additional steps for each message.
const FUEL_PER_MESSAGE: u64 = 1_000;

/// Stack in bytes, without the part that depends on the steps.
const STACK: usize = 16 << 20;

/// Bytes of the stack for each step: one step can nest a list in another, and nested lists are
/// released by recursion.
const STACK_PER_STEP: usize = 512;

/// A chat template: a Jinja template that formats a conversation as the prompt of a model.
///
/// The environment is that of `apply_chat_template` in the `transformers` library: `trim_blocks`,
/// `lstrip_blocks`, `break` and `continue`, the tag `generation` (which has no effect here), the
/// functions `raise_exception`, `namespace` and `dict`, the filter `tojson` without HTML escapes,
/// and the methods of Python's strings. Templates see `messages` (with `role` and `content`),
/// `add_generation_prompt`, `tools` and `documents` (both none), and the tokens of
/// [`with_token`](Self::with_token).
///
/// A template is untrusted: it can read no file, time and memory are limited, and errors contain
/// its name and the line. [`Tokenizer::with_chat_template`](crate::Tokenizer::with_chat_template)
/// uses it for the chat prompts of a tokenizer. Text of messages does not become a control token,
/// also if the template joins, cuts or filters it; only a template that copies selected characters
/// one by one up to a certain number could write one with them.
///
/// ```
/// use wolfgang_tokenize::{ChatTemplate, Message, Role, Tokenizer};
///
/// let template = ChatTemplate::new(
///     "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}{{ eos_token }}{% endfor %}",
/// )?
/// .with_token("eos_token", "<|endoftext|>");
/// let tokenizer = Tokenizer::from_file("../../models/faust/tokenizer.json")?;
/// let tokenizer = tokenizer.with_chat_template(template);
/// let chat = tokenizer.render_chat(&[Message::new(Role::User, " <|user|> ")], true)?;
/// assert_eq!(chat.text, "<|user|><|user|><|endoftext|>");
/// let user = tokenizer.special_id("<|user|>");
/// assert_eq!(chat.ids.iter().filter(|id| Some(**id) == user).count(), 1);
/// # Ok::<(), wolfgang_tokenize::TokenizerError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ChatTemplate {
    name: String,
    source: String,
    /// The tokens that the template sees as variables, for example `bos_token`.
    tokens: BTreeMap<String, String>,
    date: Option<strftime::Date>,
}

impl ChatTemplate {
    /// Creates a template from its source, at most 1 MiB.
    ///
    /// # Errors
    /// [`TokenizerError::ChatTemplate`] if the source is not a valid template.
    pub fn new(source: impl Into<String>) -> Result<Self, TokenizerError> {
        let template = Self::unchecked("chat_template".to_owned(), source.into());
        template.check()?;
        Ok(template)
    }

    /// A template whose source is checked when it is used.
    fn unchecked(name: String, source: String) -> Self {
        Self {
            name,
            source,
            tokens: BTreeMap::new(),
            date: None,
        }
    }

    /// Sets the name in error messages, for example the path of the file. Default:
    /// `chat_template`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds a token that the template sees as a variable: `bos_token`, `eos_token`, `unk_token` or
    /// `pad_token`.
    #[must_use]
    pub fn with_token(mut self, variable: impl Into<String>, token: impl Into<String>) -> Self {
        self.tokens.insert(variable.into(), token.into());
        self
    }

    /// Sets the date that `strftime_now` formats, at midnight. Default: none, and `strftime_now` is
    /// not defined, for which templates have a fixed date. The clock is never read.
    ///
    /// # Errors
    /// [`TokenizerError::ChatTemplate`] if there is no such date.
    pub fn with_date(mut self, year: u16, month: u8, day: u8) -> Result<Self, TokenizerError> {
        let date = strftime::Date::new(year, month, day);
        let reason = || format!("{year}-{month}-{day} is not a date").into();
        self.date = Some(date.ok_or_else(|| self.error(reason()))?);
        Ok(self)
    }

    /// Returns the name, as [`with_name`](Self::with_name) sets it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the token that [`with_token`](Self::with_token) set.
    pub fn token(&self, variable: &str) -> Option<&str> {
        self.tokens.get(variable).map(String::as_str)
    }

    /// Returns the Jinja source, as it was given.
    pub fn source(&self) -> &str {
        &self.source
    }

    fn check(&self) -> Result<(), TokenizerError> {
        if self.source.len() > MAX_SOURCE {
            let reason = format!("it has more than {MAX_SOURCE} bytes");
            return Err(self.error(reason.into()));
        }
        let environment = environment::new(Marks::NONE, None);
        let source = generation_tags::as_scopes(&self.source);
        let compiled = environment.template_from_named_str(&self.name, &source);
        compiled.map_err(|error| self.error(error.into()))?;
        Ok(())
    }

    /// Renders the conversation on a thread with a stack that suffices for every template.
    pub(crate) fn render(
        &self,
        messages: &[Message],
        contents: &[Cow<'_, str>],
        add_generation_prompt: bool,
        marks: Marks,
    ) -> Result<String, TokenizerError> {
        let bytes: usize = contents.iter().map(|content| content.len()).sum();
        let fuel = FUEL + FUEL_PER_MESSAGE * messages.len() as u64 + bytes as u64 / 4;
        let stack = usize::try_from(fuel).unwrap_or(usize::MAX);
        let stack = stack.saturating_mul(STACK_PER_STEP).saturating_add(STACK);
        std::thread::scope(|scope| {
            let render =
                || self.render_here(messages, contents, add_generation_prompt, marks, fuel);
            let thread = std::thread::Builder::new().stack_size(stack);
            let thread = thread.spawn_scoped(scope, render);
            let thread = thread.map_err(|error| self.error(error.into()))?;
            let panicked = |_| self.error("the template engine panicked".into());
            thread.join().map_err(panicked)?
        })
    }

    /// Renders the conversation. `contents` are those of `messages`, possibly with marks.
    fn render_here(
        &self,
        messages: &[Message],
        contents: &[Cow<'_, str>],
        add_generation_prompt: bool,
        marks: Marks,
        fuel: u64,
    ) -> Result<String, TokenizerError> {
        if self.source.len() > MAX_SOURCE {
            self.check()?;
        }
        let mut environment = environment::new(marks, self.date);
        environment.set_fuel(Some(fuel));
        let message = |(message, content): (&Message, &Cow<'_, str>)| {
            let role = Value::from(message.role.name());
            Value::from_pairs([("role", role), ("content", Value::from(content.as_ref()))])
        };
        let messages: Vec<Value> = messages.iter().zip(contents).map(message).collect();
        let tokens = self.tokens.iter();
        let mut variables: BTreeMap<&str, Value> = tokens
            .map(|(name, token)| (name.as_str(), Value::from(token.as_str())))
            .collect();
        variables.insert("messages", messages.into());
        variables.insert("tools", Value::from(()));
        variables.insert("documents", Value::from(()));
        variables.insert("add_generation_prompt", add_generation_prompt.into());
        let source = generation_tags::as_scopes(&self.source);
        let compiled = environment.template_from_named_str(&self.name, &source);
        let rendered = compiled.and_then(|template| template.render(Value::from(variables)));
        rendered.map_err(|error| match environment::refusal(&error) {
            Some(message) => TokenizerError::RefusedByChatTemplate {
                origin: self.name.clone(),
                message: marks.removed(message),
            },
            None => self.error(error.into()),
        })
    }

    fn error(&self, source: Box<dyn Error + Send + Sync>) -> TokenizerError {
        TokenizerError::ChatTemplate {
            origin: self.name.clone(),
            source,
        }
    }
}
