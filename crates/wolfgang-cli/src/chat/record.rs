//! Conversations as files.

use crate::chat::mistake::Mistake;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Error, Read, Write};
use std::path::Path;
use tempfile::NamedTempFile;
use wolfgang_generate::{Conversation, Message, Role};

/// What a file holds; `docs/command.md` describes it.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    #[serde(default)]
    system: String,
    messages: Vec<Entry>,
}

#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    role: Speaker,
    content: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Speaker {
    User,
    Assistant,
}

impl Record {
    pub(crate) fn of(conversation: &Conversation<'_>) -> Self {
        let entry = |message: &Message| Entry {
            role: match message.role {
                Role::Assistant => Speaker::Assistant,
                _ => Speaker::User,
            },
            content: message.content.clone(),
        };
        Self {
            system: conversation.system().to_owned(),
            messages: conversation.messages().iter().map(entry).collect(),
        }
    }

    /// Makes the conversation go on from here.
    pub(crate) fn restore(self, conversation: &mut Conversation<'_>) {
        let message = |entry: Entry| {
            let role = match entry.role {
                Speaker::User => Role::User,
                Speaker::Assistant => Role::Assistant,
            };
            Message::new(role, entry.content)
        };
        conversation.set_system(self.system);
        conversation.set_messages(self.messages.into_iter().map(message).collect());
    }

    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let json = read(path).with_context(|| format!("cannot read {name}"))?;
        // Some editors put a byte order mark before the text.
        let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&json);
        let record = serde_json::from_slice(json);
        Ok(record.map_err(|source| Mistake::NoConversation { name, source })?)
    }

    /// Replaces only what is a conversation itself.
    pub(crate) fn save(&self, path: &Path) -> anyhow::Result<()> {
        let name = path.display().to_string();
        if path.exists() && Self::load(path).is_err() {
            return Err(Mistake::OtherFile(name).into());
        }
        self.write(path)
            .with_context(|| format!("cannot write {name}"))
    }

    /// In one step: a file is there in full or not at all.
    fn write(&self, path: &Path) -> std::io::Result<()> {
        let named = path.parent().filter(|folder| *folder != Path::new(""));
        let mut file = NamedTempFile::new_in(named.unwrap_or(Path::new(".")))?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    /// More than anybody has said.
    const MAX: u64 = 64 << 20;
    // Devices and pipes may never end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(Error::other("it is not a file"));
    }
    let mut json = Vec::new();
    File::open(path)?.take(MAX + 1).read_to_end(&mut json)?;
    if json.len() as u64 > MAX {
        return Err(Error::other("it is too large for a conversation"));
    }
    Ok(json)
}
