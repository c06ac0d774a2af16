//! Download of models from the Hugging Face Hub to its cache.

mod cache;
mod client;
mod download;
mod name;
mod repo_layout;
mod retry;
mod uri;

pub use name::HubModel;
pub use retry::{HubClock, SystemClock};

use crate::{CheckpointError, Progress, huggingface};
use cache::{CachedRepository, is_commit};
use client::Client;
use repo_layout::{LayoutError, RepoLayout, chat_templates, select, tokenizer};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Client of the Hugging Face Hub and its local cache.
#[derive(Clone)]
#[non_exhaustive]
pub struct Hub {
    /// URL of the Hub or of a mirror. Default: [`Hub::ENDPOINT`].
    pub endpoint: String,
    /// The cache folder, for example `~/.cache/huggingface/hub`.
    pub cache: PathBuf,
    /// Access token for private and gated repositories. It is sent only to the endpoint. Default:
    /// none.
    pub token: Option<String>,
    /// Whether to use only the cache, without network requests. Default: `false`.
    pub offline: bool,
    /// The clock for retries. Default: [`SystemClock`]; tests use another.
    pub clock: Arc<dyn HubClock>,
}

/// The files of a model in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubFiles {
    /// The checkpoint, a folder or a `.pt` file, for [`Checkpoint::open`](crate::Checkpoint::open).
    pub checkpoint: PathBuf,
    /// The `tokenizer.json`, if the repository has one.
    pub tokenizer: Option<PathBuf>,
    /// Set if the Hub was not available and the files are those of the cache, which may be out of
    /// date. `None` for a revision that is a commit, whose files never change.
    pub unavailable: Option<HubUnavailable>,
}

/// The reason why the Hub was not available.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HubUnavailable {
    /// URL of the Hub.
    pub endpoint: String,
    /// The error of the system or the response of the Hub.
    pub problem: String,
}

impl Hub {
    /// URL of the public Hub.
    pub const ENDPOINT: &str = "https://huggingface.co";

    /// Creates a client of the public Hub with this cache folder and no token.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            endpoint: Self::ENDPOINT.to_owned(),
            cache: cache.into(),
            token: None,
            offline: false,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets [`endpoint`](Self::endpoint).
    pub fn with_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = endpoint.into();
        self
    }

    /// Sets [`cache`](Self::cache).
    pub fn with_cache(mut self, cache: impl Into<PathBuf>) -> Self {
        self.cache = cache.into();
        self
    }

    /// Sets [`token`](Self::token).
    pub fn with_token(mut self, token: impl Into<Option<String>>) -> Self {
        self.token = token.into();
        self
    }

    /// Sets [`offline`](Self::offline).
    pub fn with_offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// Sets [`clock`](Self::clock).
    pub fn with_clock(mut self, clock: Arc<dyn HubClock>) -> Self {
        self.clock = clock;
        self
    }

    /// Downloads the checkpoint and the tokenizer of `model`, as far as they are not in the cache.
    ///
    /// All files are of one commit, the current one of the revision. The checkpoint is the `.pt`
    /// file that `model` names, else a Hugging Face folder, else a native folder, else the only
    /// `.pt` file of the repository. Interrupted downloads are resumed; requests to a busy Hub are
    /// retried a few times. If the Hub cannot be reached or stays busy, the files of the revision
    /// in the cache are used, if they are complete; see [`HubFiles::unavailable`].
    ///
    /// # Errors
    /// The `Hub…` variants of [`CheckpointError`], and those of reading and writing the cache.
    pub fn fetch(
        &self,
        model: &HubModel,
        progress: &mut dyn Progress,
    ) -> Result<HubFiles, CheckpointError> {
        let cache = CachedRepository::new(&self.cache, model);
        if self.offline {
            return find(model, &cache);
        }
        let fetched = self.fetch_from_hub(model, &cache, progress);
        fetched.or_else(|error| cached_instead(model, &cache, error))
    }

    fn fetch_from_hub(
        &self,
        model: &HubModel,
        cache: &CachedRepository,
        progress: &mut dyn Progress,
    ) -> Result<HubFiles, CheckpointError> {
        let token = self.token.as_deref();
        let client = Client::new(&self.endpoint, token, self.clock.clone(), model);
        let listing = client.listing()?;
        let snapshot = cache.snapshot(&listing.commit);
        let no_model = |found: String| CheckpointError::HubContents {
            model: model.to_string(),
            found,
        };
        let files = collect(model, &listing.names, &snapshot, no_model, |file| {
            if !listing.names.contains(file) {
                return Err(no_model(format!("an index that names {file}")));
            }
            download::download(&client, cache, &listing.commit, file, progress)
        })?;
        // Last, so that the revisions in the cache are complete.
        cache.set_commit(&listing.commit)?;
        Ok(files)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            endpoint,
            cache,
            token,
            offline,
            clock,
        } = self;
        f.debug_struct("Hub")
            .field("endpoint", endpoint)
            .field("cache", cache)
            // The token is secret; only its presence is shown.
            .field("token", &token.as_ref().map(|_| "…"))
            .field("offline", offline)
            .field("clock", clock)
            .finish()
    }
}

/// Returns the files in the cache if `error` means that the Hub is not available, else the error.
fn cached_instead(
    model: &HubModel,
    cache: &CachedRepository,
    error: CheckpointError,
) -> Result<HubFiles, CheckpointError> {
    let unavailable = match &error {
        CheckpointError::HubUnreachable { endpoint, source } => HubUnavailable {
            endpoint: endpoint.clone(),
            problem: source.to_string(),
        },
        CheckpointError::HubBusy {
            endpoint, status, ..
        } => HubUnavailable {
            endpoint: endpoint.clone(),
            problem: format!("it responded with HTTP status {status}"),
        },
        _ => return Err(error),
    };
    match (find(model, cache), error) {
        // The files of a commit never change.
        (Ok(files), _) if is_commit(model.revision()) => Ok(files),
        (Ok(files), _) => Ok(HubFiles {
            unavailable: Some(unavailable),
            ..files
        }),
        (
            Err(CheckpointError::HubNotCached { missing, path, .. }),
            CheckpointError::HubUnreachable { endpoint, source },
        ) => Err(CheckpointError::HubUnreachable {
            endpoint,
            source: format!("{source}; the cache {} lacks {missing}", path.display()).into(),
        }),
        (Err(_), error) => Err(error),
    }
}

/// Finds the files of a model in the cache.
fn find(model: &HubModel, cache: &CachedRepository) -> Result<HubFiles, CheckpointError> {
    let missing = |missing: String| CheckpointError::HubNotCached {
        model: model.to_string(),
        missing,
        path: cache.folder().to_path_buf(),
    };
    let Some(commit) = cache.commit()? else {
        return Err(missing(format!("the revision {}", model.revision())));
    };
    let names = cache.names(&commit);
    let incomplete = |found| missing(format!("its weights, only {found}"));
    if let Some(file) = model.file().filter(|file| !names.contains(*file)) {
        return Err(missing(file.to_owned()));
    }
    let snapshot = cache.snapshot(&commit);
    collect(model, &names, &snapshot, incomplete, |file| {
        if names.contains(file) {
            Ok(())
        } else {
            Err(missing(file.to_owned()))
        }
    })
}

/// Selects the files of a model, and calls `fetch_file` for each, which must provide it in
/// `snapshot`.
fn collect(
    model: &HubModel,
    names: &BTreeSet<String>,
    snapshot: &Path,
    no_model: impl Fn(String) -> CheckpointError,
    mut fetch_file: impl FnMut(&str) -> Result<(), CheckpointError>,
) -> Result<HubFiles, CheckpointError> {
    let layout = select(names, model.file()).map_err(|error| match error {
        LayoutError::NoModel(found) => no_model(found),
        LayoutError::Several(found) => CheckpointError::HubSeveral {
            model: model.to_string(),
            found,
        },
        LayoutError::NoSuchFile(found) => CheckpointError::HubNoSuchFile {
            model: model.to_string(),
            found,
        },
        LayoutError::OtherWeights { name, instruction } => CheckpointError::OtherWeights {
            path: Path::new(model.repository()).join(name),
            instruction,
        },
    })?;
    for file in layout.files() {
        fetch_file(file)?;
    }
    if let RepoLayout::Sharded(_) = layout {
        for shard in huggingface::files(snapshot)? {
            fetch_file(&shard)?;
        }
    }
    let tokenizer = tokenizer(names, &layout);
    if let Some(tokenizer) = &tokenizer {
        fetch_file(tokenizer)?;
        for file in chat_templates(names, tokenizer) {
            fetch_file(&file)?;
        }
    }
    Ok(HubFiles {
        checkpoint: match layout {
            RepoLayout::File(file) => snapshot.join(file),
            RepoLayout::Folder(_) | RepoLayout::Sharded(_) => snapshot.to_path_buf(),
        },
        tokenizer: tokenizer.map(|tokenizer| snapshot.join(tokenizer)),
        unavailable: None,
    })
}
