//! What a text must satisfy: `response_format`, and the fields of vLLM and llama-server.

use crate::api::ApiError;
use crate::api::json::describe;
use crate::api::reader::Reader;
use serde_json::Value;
use wolfgang_generate::Grammar;

/// The fields with one form each; vLLM has both the names with `guided` and `structured_outputs`.
const FIELDS: [(&str, Form); 5] = [
    ("json_schema", Form::Json),
    ("guided_json", Form::Json),
    ("guided_regex", Form::Regex),
    ("guided_choice", Form::Choice),
    ("guided_grammar", Form::Grammar),
];

#[derive(Clone, Copy, Debug)]
enum Form {
    Json,
    Regex,
    Choice,
    Grammar,
}

/// The grammar of a request, of which there is at most one.
pub(crate) fn grammar(reader: &mut Reader) -> Result<Option<Grammar>, ApiError> {
    let mut found: Option<(&str, Grammar)> = None;
    let mut add = |name, grammar| match &found {
        Some((first, _)) => Err(ApiError::invalid(
            name,
            format!("{first} and {name} are both given, but a text can have only one constraint"),
        )),
        None => {
            found = Some((name, grammar));
            Ok(())
        }
    };
    if let Some(value) = reader.take("response_format")
        && let Some(grammar) = response_format(&value)?
    {
        add("response_format", grammar)?;
    }
    if let Some(Value::Object(fields)) = reader.take("structured_outputs") {
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
            let param = format!("structured_outputs.{name:.40}");
            let grammar = match name.as_str() {
                "json" => of(&param, Form::Json, value)?,
                "regex" => of(&param, Form::Regex, value)?,
                "choice" => of(&param, Form::Choice, value)?,
                "grammar" => of(&param, Form::Grammar, value)?,
                "json_object" if value == true => Grammar::json_object(),
                "json_object" if value == false => continue,
                _ => {
                    let message = format!(
                        "{param} is not supported: json, regex, choice, grammar and json_object are"
                    );
                    return Err(ApiError::unsupported(&param, message));
                }
            };
            add("structured_outputs", grammar)?;
        }
    }
    for (name, form) in FIELDS {
        if let Some(value) = reader.take(name) {
            add(name, of(name, form, value)?)?;
        }
    }
    Ok(found.map(|(_, grammar)| grammar))
}

/// `{"type": "text"}`, `{"type": "json_object"}`, or `{"type": "json_schema", "json_schema":
/// {"name": …, "schema": …}}`.
fn response_format(value: &Value) -> Result<Option<Grammar>, ApiError> {
    let param = "response_format";
    match value["type"].as_str() {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(Grammar::json_object())),
        Some("json_schema") => match value["json_schema"].get("schema") {
            Some(schema) if !schema.is_null() => of(
                "response_format.json_schema.schema",
                Form::Json,
                schema.clone(),
            )
            .map(Some),
            // As with OpenAI, where the schema is optional.
            _ if value["json_schema"].is_object() => Ok(Some(Grammar::json_object())),
            _ => Err(ApiError::invalid(
                param,
                "response_format.json_schema is missing, but the type is json_schema",
            )),
        },
        _ => {
            let found = describe(&value["type"]);
            let message = format!(
                "response_format.type is {found}, but it must be text, json_object or json_schema"
            );
            Err(ApiError::invalid(param, message))
        }
    }
}

fn of(param: &str, form: Form, value: Value) -> Result<Grammar, ApiError> {
    let expected = match (form, value) {
        (Form::Json, schema @ (Value::Object(_) | Value::Bool(_))) => {
            return Ok(Grammar::JsonSchema(schema));
        }
        // vLLM takes the schema as a text, too.
        (Form::Json, Value::String(text)) => match serde_json::from_str(&text) {
            Ok(schema @ (Value::Object(_) | Value::Bool(_))) => {
                return Ok(Grammar::JsonSchema(schema));
            }
            _ => ("a text that is no JSON Schema".to_owned(), "a JSON Schema"),
        },
        (Form::Json, other) => (describe(&other), "a JSON Schema"),
        (Form::Regex, Value::String(regex)) => return Ok(Grammar::Regex(regex)),
        (Form::Regex, other) => (describe(&other), "a string"),
        (Form::Grammar, Value::String(grammar)) => return Ok(Grammar::Lark(grammar)),
        (Form::Grammar, other) => (describe(&other), "a string"),
        (Form::Choice, Value::Array(choices)) => {
            let texts: Option<Vec<&str>> = choices.iter().map(Value::as_str).collect();
            match texts.filter(|texts| !texts.is_empty()) {
                Some(texts) => return Ok(Grammar::choice(texts)),
                None => ("another list".to_owned(), "a list of strings"),
            }
        }
        (Form::Choice, other) => (describe(&other), "a list of strings"),
    };
    let (found, expected) = expected;
    let message = format!("{param} is {found}, but it must be {expected}");
    Err(ApiError::invalid(param, message))
}
