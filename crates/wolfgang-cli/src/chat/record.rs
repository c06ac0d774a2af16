//! Conversations as files.

use crate::chat::messages::Messages;
use crate::chat::mistake::Mistake;
use crate::text_source::BYTE_ORDER_MARK;
use crate::whole_file::{self, Access};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::File;
use std::io::{Error, Read};
use std::path::Path;
use wolfgang_generate::{Conversation, Message, Role};

/// What `/save` writes; `docs/command.md` describes it.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    #[serde(default)]
    system: String,
    messages: Vec<Message>,
}

impl Record {
    pub(crate) fn of(conversation: &Conversation) -> Self {
        Self {
            system: conversation.system().to_owned(),
            messages: conversation.messages(),
        }
    }

    /// Replaces only what is a conversation that was saved so, for anything else in the file would be lost.
    pub(crate) fn save(&self, path: &Path) -> anyhow::Result<()> {
        let name = path.display().to_string();
        if path.exists() && !is_record(path) {
            return Err(Mistake::OtherFile(name).into());
        }
        let written = serde_json::to_vec_pretty(self).map_err(Error::from);
        let written = written.and_then(|mut json| {
            json.push(b'\n');
            whole_file::write(path, &json, Access::Private, true)
        });
        written.with_context(|| format!("failed to write {name}"))
    }
}

fn is_record(path: &Path) -> bool {
    let Ok(json) = read(path) else {
        return false;
    };
    let record = serde_json::from_slice::<Record>(&json);
    record.is_ok_and(|record| record.messages.iter().all(|m| m.role != Role::System))
}

/// A conversation in a file, one of ours or a list of messages from another program.
pub(crate) fn load(path: &Path) -> anyhow::Result<Messages> {
    let name = path.display().to_string();
    let json = read(path).with_context(|| format!("failed to read {name}"))?;
    let json = json
        .strip_prefix(BYTE_ORDER_MARK.as_bytes())
        .unwrap_or(&json);
    let json = serde_json::from_slice(json).map_err(|source| match is_json_lines(json) {
        true => Mistake::JsonLines(name.clone()),
        false => Mistake::NoJson {
            name: name.clone(),
            source,
        },
    })?;
    let messages = Messages::from_json(&json);
    Ok(messages.map_err(|source| Mistake::NoConversation { name, source })?)
}

/// Whether each of several lines is an object or a list of its own.
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
    /// More than anybody has said.
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
