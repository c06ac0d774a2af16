//! `wolfgang tokenize`.

use crate::chat::messages::Messages;
use crate::chat::saved_conversation;
use crate::chat_date::ChatDate;
use crate::config_file::ConfigFile;
use crate::console::Console;
use crate::error::UsageError;
use crate::home;
use crate::lost_characters::{self, LostCharacters};
use crate::model_args::ModelArgs;
use crate::standard_streams;
use crate::text_source;
use crate::token_ids::TokenIds;
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use wolfgang_generate::{GenerateError, Message, RenderedChat, Role, SpecialTokens, Tokenizer};

/// Arguments of `wolfgang tokenize`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wolfgang tokenize \"Wer reitet so spät\"
  wolfgang tokenize --ids \"Wer reitet so spät\"
  wolfgang tokenize --decode 441,16,2230
  wolfgang tokenize --chat messages.json --json")]
pub(crate) struct TokenizeArgs {
    /// Text to encode, or `-` for standard input (the default if that is not a terminal)
    ///
    /// A final line break of standard input is removed. A text that begins with a dash goes last,
    /// after `--`.
    #[arg(conflicts_with_all = ["file", "decode"])]
    text: Option<String>,

    /// File with the text; a final line break is part of it
    #[arg(long, value_name = "PATH", value_parser = home::path(), conflicts_with = "decode")]
    file: Option<PathBuf>,

    /// Decode token ids to text instead; separated by commas or blanks, or as a JSON list
    #[arg(long, value_name = "ID,...")]
    decode: Vec<TokenIds>,

    /// Render a conversation with the chat template of the model; the file is a list of messages
    ///
    /// FILE is a conversation saved by `chat`, or a list of messages in the format of the OpenAI
    /// API. Prints the text; with --ids or --json the tokens, too.
    #[arg(long, value_name = "FILE", value_parser = home::path(), conflicts_with_all = ["text", "file", "decode", "special"])]
    chat: Option<PathBuf>,

    /// Do not add the beginning of the next message of the assistant to the conversation
    #[arg(long, requires = "chat")]
    no_generation_prompt: bool,

    /// Date in the prompt, if the chat template has one [default: the current date in UTC]
    #[arg(long, value_name = "YYYY-MM-DD", requires = "chat")]
    date: Option<ChatDate>,

    /// Encode control tokens such as <|user|> in the text as control tokens
    #[arg(long, conflicts_with = "decode")]
    special: bool,

    /// Print only the ids, on one line, in the format of --prompt-ids and --decode
    #[arg(long, conflicts_with_all = ["decode", "json"])]
    ids: bool,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    model: ModelArgs,
}

/// The output of `--json`; `docs/command.md` describes it.
#[derive(Serialize)]
struct Findings {
    /// The rendered conversation, with `--chat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    tokens: Vec<TokenLine>,
    missing: Vec<MissingLine>,
}

#[derive(Serialize)]
struct TokenLine {
    id: u32,
    /// With U+FFFD for bytes that are not a complete character.
    text: String,
    bytes: Vec<u8>,
}

/// A byte that no token represents.
#[derive(Serialize)]
struct MissingLine {
    at: usize,
    byte: u8,
    /// The character that contains it.
    character: String,
}

pub(crate) fn run(args: TokenizeArgs, file: ConfigFile, console: Console) -> anyhow::Result<()> {
    let model = args.model.clone().over(file.model, &file.folder);
    if !args.decode.is_empty() {
        return decode(&args, &model.load_tokenizer(console)?);
    }
    if let Some(path) = &args.chat {
        let date = args.date.unwrap_or_else(ChatDate::today);
        let tokenizer = date.in_tokenizer(model.load_tokenizer(console)?)?;
        return chat(&args, path, &tokenizer, console);
    }
    let text = match (&args.file, &args.text) {
        (Some(path), _) => text_source::file(path)?,
        (None, text) => text_source::required(text.as_deref())?,
    };
    let tokenizer = model.load_tokenizer(console)?;
    let ids = match args.special {
        true => tokenizer.encode_with_special(&text),
        false => tokenizer.encode(&text),
    };
    let ids = ids.map_err(GenerateError::from)?;
    let findings = Findings {
        text: None,
        tokens: ids.iter().map(|&id| token(id, &tokenizer)).collect(),
        missing: missing(&text, &tokenizer)?,
    };
    print(&args, &findings, console)
}

/// Prints a conversation as the chat template of the tokenizer renders it.
fn chat(
    args: &TokenizeArgs,
    path: &Path,
    tokenizer: &Tokenizer,
    console: Console,
) -> anyhow::Result<()> {
    let Messages { system, messages } = saved_conversation::load(path)?;
    let system = system.map(|text| Message::new(Role::System, text));
    let messages: Vec<Message> = system.into_iter().chain(messages).collect();
    let rendered = tokenizer.render_chat(&messages, !args.no_generation_prompt);
    let RenderedChat { text, ids, .. } = rendered.map_err(GenerateError::from)?;
    let findings = Findings {
        missing: missing(&text, tokenizer)?,
        tokens: ids.iter().map(|&id| token(id, tokenizer)).collect(),
        text: Some(text),
    };
    print(args, &findings, console)
}

/// Prints the findings as JSON, as a line of ids, as the rendered text or as a table of tokens.
fn print(args: &TokenizeArgs, findings: &Findings, console: Console) -> anyhow::Result<()> {
    warn_of_missing(findings, console);
    let mut out = standard_streams::output();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(findings)?)?;
    } else if args.ids {
        let ids = findings.tokens.iter().map(|token| token.id.to_string());
        writeln!(out, "{}", ids.collect::<Vec<_>>().join(","))?;
    } else if let Some(text) = &findings.text {
        writeln!(out, "{text}")?;
    } else {
        for TokenLine { id, bytes, .. } in &findings.tokens {
            writeln!(out, "{id:>6}  \"{}\"", piece(bytes))?;
        }
    }
    Ok(out.flush()?)
}

fn warn_of_missing(findings: &Findings, console: Console) {
    if !findings.missing.is_empty() {
        console.warn(&missing_warning(&findings.missing));
    }
}

fn decode(args: &TokenizeArgs, tokenizer: &Tokenizer) -> anyhow::Result<()> {
    let ids = TokenIds::joined(&args.decode);
    let unknown = |id: &&u32| tokenizer.token_bytes(**id).is_none();
    if let Some(id) = ids.iter().find(unknown) {
        let size = tokenizer.vocab_size();
        return Err(UsageError(format!(
            "--decode contains token id {id}, but the vocabulary has {size} tokens"
        ))
        .into());
    }
    let mut out = standard_streams::output();
    if args.json {
        let tokens = ids.iter().map(|&id| token(id, tokenizer)).collect();
        let findings = Findings {
            text: None,
            tokens,
            missing: Vec::new(),
        };
        writeln!(out, "{}", serde_json::to_string(&findings)?)?;
    } else {
        writeln!(out, "{}", tokenizer.decode(&ids, SpecialTokens::Keep))?;
    }
    Ok(out.flush()?)
}

fn token(id: u32, tokenizer: &Tokenizer) -> TokenLine {
    TokenLine {
        id,
        text: tokenizer.token_text(id).into_owned(),
        bytes: tokenizer.token_bytes(id).unwrap_or_default().to_vec(),
    }
}

fn missing(text: &str, tokenizer: &Tokenizer) -> Result<Vec<MissingLine>, GenerateError> {
    let places = tokenizer.unencodable_offsets(text)?;
    let line = |at: usize| MissingLine {
        at,
        byte: text.as_bytes()[at],
        character: lost_characters::at(text, at).to_owned(),
    };
    Ok(places.into_iter().map(line).collect())
}

/// The number of bytes without a token, and the characters that contain them.
fn missing_warning(missing: &[MissingLine]) -> String {
    let characters = missing.iter().map(|line| line.character.as_str());
    let (n, characters) = (missing.len(), LostCharacters::new(characters));
    format!(
        "the vocabulary has no token for {n} bytes of the text; dropped characters: {characters}"
    )
}

/// The bytes as text; incomplete and unprintable characters are escaped.
fn piece(bytes: &[u8]) -> String {
    let chunks = bytes.utf8_chunks();
    let chunk = |chunk: std::str::Utf8Chunk<'_>| {
        let invalid = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
        let valid = chunk.valid().chars().map(|c| match c {
            '"' | '\'' => c.to_string(),
            c => c.escape_debug().to_string(),
        });
        valid.chain(invalid).collect::<String>()
    };
    chunks.map(chunk).collect()
}
