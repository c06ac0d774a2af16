pub use compiler::GrammarCompiler;
pub use constraint::GrammarConstraint;
pub use error::GrammarError;
pub use grammar::Grammar;
#[derive(Clone)]
pub struct GrammarCompiler {}
impl GrammarCompiler {
    pub fn new(tokenizer: &Tokenizer) -> Result<Self, GrammarError> {}
    pub fn compile(
        &self,
        grammar: &Grammar,
        end_ids: &[u32],
    ) -> Result<GrammarConstraint, GrammarError> {}
}
impl std::fmt::Debug for GrammarCompiler {}
pub struct GrammarConstraint {}
impl Constraint for GrammarConstraint {}
impl std::fmt::Debug for GrammarConstraint {}
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GrammarError {
    Invalid { kind: &'static str, message: String },
    TooLarge { kind: &'static str, bytes: usize, limit: usize },
    TooDeep { kind: &'static str, offset: usize, limit: usize },
    MissingBytes { kind: &'static str, text: String, offset: usize },
    Vocabulary { message: String },
}
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Grammar {
    Regex(String),
    JsonSchema(Value),
    Lark(String),
}
impl Grammar {
    pub fn json_object() -> Self {}
    pub fn choice<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {}
}
