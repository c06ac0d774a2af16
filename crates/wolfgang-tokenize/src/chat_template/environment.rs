//! The Jinja environment of chat templates.

use super::marks::Marks;
use super::{json, python_text, strftime, string_methods};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior};

/// Maximum depth of nested macros and blocks. Each level takes several kilobytes of the stack.
const MAX_DEPTH: usize = 60;

/// Creates the environment; see [`ChatTemplate`](super::ChatTemplate).
pub(super) fn new<'source>(marks: Marks, date: Option<strftime::Date>) -> Environment<'source> {
    let mut environment = Environment::new();
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    if let Ok(syntax) = syntax.build() {
        environment.set_syntax(syntax);
    }
    // Errors contain no text of messages.
    environment.set_debug(false);
    environment.set_recursion_limit(MAX_DEPTH);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    // The name of a template decides nothing.
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_formatter(python_text::write);
    environment.set_unknown_method_callback(move |state, value, method, args| {
        string_methods::call(marks, state, value, method, args)
    });
    environment.add_filter("trim", move |text: &str, chars: Option<&str>| {
        string_methods::strip(marks, text, chars)
    });
    environment.add_filter("tojson", move |value: &Value, arguments: Kwargs| {
        json::to_json(marks, value, arguments)
    });
    environment.add_filter("string", |value: &Value| python_text::text(value));
    environment.add_filter(
        "unique",
        move |state: &State<'_, '_>, values: Value, arguments: Kwargs| {
            let is_mark = |item: Value| {
                let mut characters = item.as_str().unwrap_or_default().chars();
                characters.next().is_some_and(|c| marks.contains(c)) && characters.next().is_none()
            };
            // Only the first of several marks would be left.
            if values.try_iter().is_ok_and(|mut items| items.any(is_mark)) {
                let reason = "unique cannot compare the characters of a message";
                return Err(Error::new(ErrorKind::InvalidOperation, reason));
            }
            minijinja::filters::unique(state, values, arguments)
        },
    );
    environment.add_function("raise_exception", |message: &str| {
        let refusal = Refusal(message.to_owned());
        let error = Error::new(ErrorKind::InvalidOperation, message.to_owned());
        Err::<String, _>(error.with_source(refusal))
    });
    // Jinja2 does not have these.
    environment.remove_global("debug");
    environment.remove_filter("split");
    environment.remove_filter("lines");
    if let Some(date) = date {
        environment.add_function("strftime_now", move |format: &str| date.format(format));
    }
    environment
}

/// The message of `raise_exception`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

/// Returns the message of `raise_exception`, if it is the cause of the error.
pub(super) fn refusal(error: &Error) -> Option<&str> {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    loop {
        if let Some(Refusal(message)) = cause.downcast_ref() {
            return Some(message);
        }
        cause = cause.source()?;
    }
}
