pub use api::{
    ApiContext, ApiError, ApiRequest, ApiResponse, Defaults, Field, Kind, Route,
    SubmittedChoice, Support, fields,
};
pub use batch::{BatchCounts, BatchError, BatchRunner};
pub use error::ServeError;
pub use http::router;
pub use openapi::openapi;
pub use options::{AccessLog, AccessRecord, ServerOptions};
pub use server::Server;
pub use shutdown::ShutdownHandle;
#[derive(Clone, Debug)]
pub struct ApiContext {}
impl ApiContext {
    pub fn new(
        generator: WolfgangGenerator,
        model: impl Into<String>,
        defaults: Defaults,
    ) -> Result<Self, GenerateError> {}
    pub fn generator(&self) -> &WolfgangGenerator {}
}
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Defaults {
    pub options: GenerateOptions,
    pub max_tokens: Option<usize>,
}
impl Default for Defaults {}
impl Defaults {
    pub fn new(options: GenerateOptions, max_tokens: Option<usize>) -> Self {}
    pub fn sampling() -> SamplingParams {}
}
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct ApiError {
    pub status: u16,
    pub kind: &'static str,
    pub code: Option<&'static str>,
    pub param: Option<String>,
    pub message: String,
}
impl ApiError {
    pub fn to_json(&self) -> String {}
}
impl From<GenerateError> for ApiError {}
impl From<SamplingError> for ApiError {}
impl From<TokenizerError> for ApiError {}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    Completions,
    Chat,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Support {
    Supported,
    NoEffect,
    Rejected(&'static [&'static str]),
}
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    Number(f64, f64),
    Integer(i64, u64),
    Boolean,
    Text,
    Texts,
    Ids,
    Prompt,
    Messages,
    Bias,
    StreamOptions,
    Object,
    Any,
}
impl Kind {
    pub const UNBOUNDED: f64 = f32::MAX as f64;
}
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
    pub support: Support,
    pub note: &'static str,
}
pub fn fields(route: Route) -> impl Iterator<Item = &'static Field> {}
impl ApiRequest {
    pub fn parse(
        route: Route,
        body: &[u8],
        context: &ApiContext,
    ) -> Result<Self, ApiError> {}
}
#[derive(Debug)]
pub struct ApiRequest {}
#[derive(Debug)]
#[non_exhaustive]
pub struct SubmittedChoice {
    pub index: usize,
    pub generation: Generation,
}
impl ApiRequest {
    pub fn n_choices(&self) -> usize {}
    pub fn ignored(&self) -> &[String] {}
    pub fn choices(
        &self,
        context: &ApiContext,
    ) -> Result<Vec<SubmittedChoice>, ApiError> {}
}
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApiResponse {
    pub json: String,
    pub seed: u64,
}
impl ApiResponse {
    pub fn new(
        request: &ApiRequest,
        context: &ApiContext,
        id: &str,
        summaries: Vec<Summary>,
    ) -> Self {}
}
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    Read { file: &'static str, source: std::io::Error },
    Write { source: std::io::Error },
    EngineStopped,
    NotOutput { line: usize },
    OtherInput {
        line: usize,
        found: Option<String>,
        input_line: usize,
        expected: Option<String>,
    },
    MoreOutput { line: usize },
}
#[derive(Debug)]
pub struct BatchRunner {}
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchCounts {
    pub kept: usize,
    pub answered: usize,
    pub failed: usize,
}
impl BatchRunner {
    pub fn new(
        context: ApiContext,
        seed: u64,
        max_running: NonZeroUsize,
    ) -> Result<Self, GenerateError> {}
    pub fn resume(
        &mut self,
        input: &mut impl BufRead,
        output: &mut impl BufRead,
    ) -> Result<u64, BatchError> {}
    pub fn run(
        mut self,
        mut input: impl BufRead,
        mut output: impl Write,
    ) -> Result<BatchCounts, BatchError> {}
}
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    Bind { address: SocketAddr, source: std::io::Error },
    Runtime { source: std::io::Error },
    ReadKeys { path: PathBuf, source: std::io::Error },
    InvalidKey { index: usize },
    NoKeys,
    InvalidOrigin { origin: String },
}
impl IntoResponse for ApiError {}
pub fn router(
    engine: Engine,
    context: ApiContext,
    options: ServerOptions,
    shutdown: ShutdownHandle,
) -> Router {}
pub fn openapi() -> Value {}
#[derive(Clone)]
#[non_exhaustive]
pub struct ServerOptions {
    pub address: SocketAddr,
    pub max_choices: usize,
    pub max_token_requests: usize,
    pub max_connections: usize,
    pub max_body_bytes: usize,
    pub header_timeout: Duration,
    pub body_timeout: Duration,
    pub idle_timeout: Duration,
    pub write_timeout: Duration,
    pub ping_interval: Duration,
    pub shutdown_timeout: Duration,
    pub stall_timeout: Duration,
    pub allowed_hosts: Vec<String>,
    pub cors_origins: Vec<String>,
    pub log: Option<AccessLog>,
}
pub type AccessLog = Arc<dyn Fn(&AccessRecord<'_>) + Send + Sync>;
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AccessRecord<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub status: u16,
    pub duration: Duration,
    pub request_id: &'a str,
}
impl Default for ServerOptions {}
impl std::fmt::Debug for ServerOptions {}
impl ServerOptions {
    pub fn with_api_keys<'a>(
        mut self,
        keys: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ServeError> {}
    pub fn with_api_key_file(self, path: &Path) -> Result<Self, ServeError> {}
    pub fn with_cors_origin(mut self, origin: &str) -> Result<Self, ServeError> {}
    pub fn requires_key(&self) -> bool {}
}
pub struct Server {}
impl std::fmt::Debug for Server {}
impl Server {
    pub fn bind(
        engine: Engine,
        context: ApiContext,
        options: ServerOptions,
    ) -> Result<Self, ServeError> {}
    pub fn address(&self) -> SocketAddr {}
    pub fn shutdown_handle(&self) -> ShutdownHandle {}
    pub fn run(self) -> Result<(), ServeError> {}
}
#[derive(Clone, Debug)]
pub struct ShutdownHandle();
impl Default for ShutdownHandle {}
impl ShutdownHandle {
    pub fn shut_down(&self) {}
}
