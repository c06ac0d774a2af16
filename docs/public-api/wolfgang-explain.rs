pub use error::ExplainError;
pub use language::Language;
pub use report::{ExplainReport, TokenReport};
pub use token_text::with_token_texts;
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    MissingExplanations { found: usize, generated_tokens: usize },
    Json { source: serde_json::Error },
    UnknownLanguage { found: String },
}
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Language {
    De,
    #[default]
    En,
}
impl Language {
    pub const ALL: [Self; 2] = [Self::De, Self::En];
    pub fn as_str(self) -> &'static str {}
}
impl fmt::Display for Language {}
impl FromStr for Language {
    type Err = ExplainError;
}
impl ExplainReport {
    pub fn to_html(&self, language: Language) -> Result<String, ExplainError> {}
}
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExplainReport {
    pub prompt: String,
    pub summary: Summary,
    pub tokens: Vec<TokenReport>,
}
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TokenReport {
    #[serde(flatten)]
    pub explanation: Explanation,
    pub text: String,
    pub ends: bool,
}
impl ExplainReport {
    pub fn new(
        prompt: impl Into<String>,
        mut summary: Summary,
        sampling: &SamplingParams,
        tokenizer: &Tokenizer,
    ) -> Result<Self, ExplainError> {}
}
impl Serialize for ExplainReport {}
impl ExplainReport {
    pub fn write_table(
        &self,
        language: Language,
        out: &mut impl Write,
    ) -> std::io::Result<()> {}
}
impl ExplainReport {
    pub fn write_terminal(
        &self,
        language: Language,
        out: &mut impl Write,
    ) -> std::io::Result<()> {}
}
pub fn with_token_texts<T: Serialize + ?Sized>(
    value: &T,
    tokenizer: &Tokenizer,
) -> Result<Value, ExplainError> {}
