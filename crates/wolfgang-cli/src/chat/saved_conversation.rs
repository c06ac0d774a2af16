//! Files of conversations.

use crate::chat::messages::Messages;
use crate::error::ChatError;
use crate::output_file::{self, Access};
use crate::text_source::BYTE_ORDER_MARK;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::File;
use std::io::{Error, Read};
use std::path::Path;
use wolfgang_generate::{Conversation, Message, Role};

/// The file format of `/save`; `docs/command.md` describes it.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedConversation {
    #[serde(default)]
    system: String,
    messages: Vec<Message>,
}

impl SavedConversation {
    pub(crate) fn of(conversation: &Conversation) -> Self {
        Self {
            system: conversation.system().to_owned(),
            messages: conversation.messages(),
        }
    }

    /// Writes the file. An existing file is only replaced if it is a saved conversation.
    pub(crate) fn save(&self, path: &Path) -> anyhow::Result<()> {
        let name = path.display().to_string();
        if path.exists() && !is_saved_conversation(path) {
            return Err(ChatError::OtherFile(name).into());
        }
        let written = serde_json::to_vec_pretty(self).map_err(Error::from);
        let written = written.and_then(|mut json| {
            json.push(b'\n');
            output_file::write(path, &json, Access::Private, true)
        });
        written.with_context(|| format!("failed to write {name}"))
    }
}

fn is_saved_conversation(path: &Path) -> bool {
    let Ok(json) = read(path) else {
        return false;
    };
    let saved = serde_json::from_slice::<SavedConversation>(&json);
    saved.is_ok_and(|saved| saved.messages.iter().all(|m| m.role != Role::System))
}

/// Reads a saved conversation, or a list of messages in the format of the OpenAI API.
pub(crate) fn load(path: &Path) -> anyhow::Result<Messages> {
    let name = path.display().to_string();
    let json = read(path).with_context(|| format!("failed to read {name}"))?;
    let json = json
        .strip_prefix(BYTE_ORDER_MARK.as_bytes())
        .unwrap_or(&json);
    let json = serde_json::from_slice(json).map_err(|source| match is_json_lines(json) {
        true => ChatError::JsonLines(name.clone()),
        false => ChatError::NotJson {
            name: name.clone(),
            source,
        },
    })?;
    let messages = Messages::from_json(&json);
    Ok(messages.map_err(|source| ChatError::NotAConversation { name, source })?)
}

/// Whether each line is a complete JSON value.
fn is_json_lines(json: &[u8]) -> bool {
    let mut lines = json
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .peekable();
    let is_value = |line| serde_json::from_slice::<Value>(line).is_ok();
    lines.peek().is_some() && lines.all(is_value)
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    /// Limit of the size of a file, far above that of any conversation.
    const MAX: u64 = 64 << 20;
    // Devices and pipes may never end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(Error::other("it is not a regular file"));
    }
    let mut json = Vec::new();
    File::open(path)?.take(MAX + 1).read_to_end(&mut json)?;
    if json.len() as u64 > MAX {
        return Err(Error::other("it is too large for a saved conversation"));
    }
    Ok(json)
}
