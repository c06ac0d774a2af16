pub use chat_template::ChatTemplate;
pub use error::TokenizerError;
pub use message::{Message, Role};
pub use offsets::TextOffsets;
pub use rendered_chat::RenderedChat;
pub use stream::DecodeStream;
pub use tokenizer::{SpecialTokens, Tokenizer};
impl Tokenizer {
    pub fn encode_chat(&self, messages: &[Message]) -> Result<Vec<u32>, TokenizerError> {}
    pub fn chat_tokens(&self) -> Result<[u32; 4], TokenizerError> {}
}
impl ChatTemplate {
    pub fn beside(tokenizer: impl AsRef<Path>) -> Result<Option<Self>, TokenizerError> {}
}
#[derive(Clone, Debug)]
pub struct ChatTemplate {}
impl ChatTemplate {
    pub fn new(source: impl Into<String>) -> Result<Self, TokenizerError> {}
    pub fn with_name(mut self, name: impl Into<String>) -> Self {}
    pub fn with_token(
        mut self,
        variable: impl Into<String>,
        token: impl Into<String>,
    ) -> Self {}
    pub fn with_date(
        mut self,
        year: u16,
        month: u8,
        day: u8,
    ) -> Result<Self, TokenizerError> {}
    pub fn name(&self) -> &str {}
    pub fn token(&self, variable: &str) -> Option<&str> {}
    pub fn source(&self) -> &str {}
}
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizerError {
    Read { path: PathBuf, source: std::io::Error },
    Parse { origin: String, source: Box<dyn std::error::Error + Send + Sync> },
    ParseConfig { origin: String, source: Box<dyn std::error::Error + Send + Sync> },
    GitLfsPointer { origin: String },
    Unsupported { origin: String, found: String },
    Encode { source: Box<dyn std::error::Error + Send + Sync> },
    NoChatToken { token: &'static str },
    ReadChatTemplate { path: PathBuf, source: std::io::Error },
    ChatTemplate { origin: String, source: Box<dyn std::error::Error + Send + Sync> },
    RefusedByChatTemplate { origin: String, message: String },
    UntraceableChat { origin: String },
}
impl Tokenizer {
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TokenizerError> {}
    pub fn from_bytes(json: &[u8]) -> Result<Self, TokenizerError> {}
    pub fn with_config(self, json: &[u8]) -> Result<Self, TokenizerError> {}
    pub fn from_memory(
        tokenizer: &[u8],
        config: &[u8],
        origin: &str,
    ) -> Result<Self, TokenizerError> {}
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Role {
    System,
    User,
    Assistant,
}
impl Role {
    pub fn token(self) -> &'static str {}
    pub fn name(self) -> &'static str {}
}
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Message {
    pub role: Role,
    pub content: String,
}
impl Message {
    pub fn new(role: Role, content: impl Into<String>) -> Self {}
}
pub struct TextOffsets {}
impl Tokenizer {
    pub fn text_offsets_after(
        &self,
        prompt: &[u32],
        special: SpecialTokens,
    ) -> TextOffsets {}
}
impl TextOffsets {
    pub fn push(&mut self, id: u32) -> &[usize] {}
    pub fn finish(self) -> Vec<usize> {}
}
impl std::fmt::Debug for TextOffsets {}
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenderedChat {
    pub text: String,
    pub ids: Vec<u32>,
}
impl Tokenizer {
    pub fn with_chat_template(mut self, template: ChatTemplate) -> Self {}
    pub fn from_file_with_chat_template(
        path: impl AsRef<Path>,
    ) -> Result<Self, TokenizerError> {}
    pub fn with_chat_date(
        mut self,
        year: u16,
        month: u8,
        day: u8,
    ) -> Result<Self, TokenizerError> {}
    pub fn chat_template(&self) -> Option<&ChatTemplate> {}
    pub fn render_chat(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<RenderedChat, TokenizerError> {}
    pub fn chat_end_ids(&self) -> Result<Vec<u32>, TokenizerError> {}
}
pub struct DecodeStream {}
impl DecodeStream {
    pub fn push(&mut self, id: u32) -> &str {}
    pub fn finish(self) -> String {}
}
impl std::fmt::Debug for DecodeStream {}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpecialTokens {
    #[default]
    Skip,
    Keep,
}
#[derive(Clone)]
pub struct Tokenizer {}
impl Tokenizer {
    pub fn vocab_size(&self) -> usize {}
    pub fn missing_bytes(&self) -> Vec<u8> {}
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {}
    pub fn encode_prompt(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {}
    pub fn encode_with_special(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {}
    pub fn unencodable_offsets(&self, text: &str) -> Result<Vec<usize>, TokenizerError> {}
    pub fn can_encode(&self, text: &str) -> Result<bool, TokenizerError> {}
    pub fn decode(&self, ids: &[u32], special: SpecialTokens) -> String {}
    pub fn decode_stream(&self, special: SpecialTokens) -> DecodeStream {}
    pub fn decode_stream_after(
        &self,
        prompt: &[u32],
        special: SpecialTokens,
    ) -> DecodeStream {}
    pub fn token_bytes(&self, id: u32) -> Option<&[u8]> {}
    pub fn token_text(&self, id: u32) -> Cow<'_, str> {}
    pub fn special_id(&self, token: &str) -> Option<u32> {}
    pub fn control_tokens(&self) -> impl Iterator<Item = (&str, u32)> {}
    pub fn is_special(&self, id: u32) -> bool {}
    pub fn end_of_text(&self) -> Option<u32> {}
    pub fn bos_id(&self) -> Option<u32> {}
    pub fn eos_id(&self) -> Option<u32> {}
    pub fn token_id(&self, text: &str) -> Option<u32> {}
}
impl std::fmt::Debug for Tokenizer {}
