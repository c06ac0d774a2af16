//! `--model hf:OWNER/NAME` against a fake Hub in this process.

use crate::fixtures::{fixture, tiny_tokenizer, wolfgang};
use crate::hub::server::{COMMIT, Content, HubServer, REPOSITORY, TOKEN, hash};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use wolfgang_checkpoint::{CheckpointError, Hub, HubClock, HubFiles, Phase, Progress};

const OTHER_COMMIT: &str = "fedcba9876543210fedcba9876543210fedcba98";

pub(crate) const WEIGHTS: &str = "model.safetensors";

pub(crate) fn exported(file: &str) -> Vec<u8> {
    std::fs::read(fixture("hf_export/hf").join(file)).unwrap()
}

/// A Hugging Face folder, with other files that repositories have.
pub(crate) fn folder() -> Content {
    Content::new([
        ("README.md", b"# Tiny".to_vec()),
        ("config.json", exported("config.json")),
        ("generation_config.json", exported("generation_config.json")),
        (WEIGHTS, exported(WEIGHTS)),
        ("optimizer.bin", vec![1; 200_000]),
        ("old/model.safetensors", vec![2; 10]),
        ("source.pt", vec![3; 10]),
        ("tokenizer.json", exported("tokenizer.json")),
    ])
}

/// `wolfgang generate` with what `HF_HOME` is, and of the rest of the environment nothing that
/// concerns the Hub.
pub(crate) fn command(home: &Path, model: &str) -> Command {
    let mut command = wolfgang();
    command.args(["generate", "Ach", "--seed", "1", "--max-new-tokens", "4"]);
    command.args(["--model", model]);
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy().to_ascii_lowercase();
        if shown.starts_with("hf_") || shown.ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    command.env("HF_HOME", home);
    command
}

/// The usual command: the one repository of `server`.
pub(crate) fn hub_command(server: &HubServer, home: &Path) -> Command {
    let mut command = command(home, &format!("hf:{REPOSITORY}"));
    command.env("HF_ENDPOINT", &server.url);
    command
}

#[track_caller]
pub(crate) fn text(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    // Standard error is not a terminal, so there is no progress line.
    assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap()
}

/// The error of a failing command, which is one line.
#[track_caller]
pub(crate) fn failure(command: &mut Command, code: i32) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let message = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(code), "{message}");
    assert!(stdout.is_empty(), "{message}");
    assert!(message.starts_with("error: "), "{message}");
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    message
}

pub(crate) fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The repository's folder in the cache of `home`.
pub(crate) fn cached(home: &Path) -> PathBuf {
    home.join("hub/models--goethe--tiny")
}

pub(crate) fn local() -> String {
    let path = fixture("hf_export/hf");
    text(&mut command(Path::new("."), path.to_str().unwrap()))
}

#[test]
fn a_model_on_the_hub_generates_the_text_of_the_local_model() {
    let (server, home) = (HubServer::start(folder()), home());
    let expected = local();
    assert_eq!(text(&mut hub_command(&server, home.path())), expected);

    // What was needed and nothing else, each of it once, by the commit and not by the name of the
    // branch.
    let requests = server.requests();
    let mut files: Vec<_> = requests.iter().filter(|r| r.is_download()).collect();
    files.sort_by_key(|request| request.file().to_owned());
    let names: Vec<_> = files.iter().map(|request| request.file()).collect();
    let needed = [
        "config.json",
        "generation_config.json",
        WEIGHTS,
        "tokenizer.json",
    ];
    assert_eq!(names, needed);
    let resolved = requests.iter().filter(|r| r.path.contains("/resolve/"));
    for request in resolved {
        assert!(request.path.contains(COMMIT), "{request:?}");
        assert!(names.contains(&request.file()), "{request:?}");
    }

    // As all tools of the Hub have it.
    let main = cached(home.path()).join("refs/main");
    assert_eq!(std::fs::read_to_string(main).unwrap(), COMMIT);
    let weights = cached(home.path())
        .join("snapshots")
        .join(COMMIT)
        .join(WEIGHTS);
    assert_eq!(std::fs::read(&weights).unwrap(), exported(WEIGHTS));
    #[cfg(unix)]
    assert_eq!(
        std::fs::read_link(&weights).unwrap(),
        Path::new("../../blobs").join(hash(&exported(WEIGHTS)))
    );

    assert_eq!(text(&mut hub_command(&server, home.path())), expected);
    assert_eq!(server.downloads(), []);

    let mut offline = hub_command(&server, home.path());
    assert_eq!(text(offline.env("HF_HUB_OFFLINE", "True")), expected);
    let mut by_commit = command(home.path(), &format!("hf:{REPOSITORY}@{COMMIT}"));
    assert_eq!(text(by_commit.env("HF_HUB_OFFLINE", "1")), expected);
    assert!(server.requests().is_empty());
}

#[test]
fn the_only_pt_is_the_model_and_needs_no_folder() {
    let pt = std::fs::read(fixture("tiny/plain.pt")).unwrap();
    let content = Content::new([
        ("the model.pt", pt.clone()),
        ("tokenizer.json", tiny_tokenizer()),
        ("../../../escaped.pt", pt.clone()),
        ("/escaped.pt", pt.clone()),
        ("step/escaped.pt", pt),
    ]);
    let (server, home) = (HubServer::start(content), home());
    let model = cached(home.path())
        .join("snapshots")
        .join(COMMIT)
        .join("the model.pt");
    let downloaded = text(&mut hub_command(&server, home.path()));
    let here = command(home.path(), model.to_str().unwrap())
        .output()
        .unwrap();
    assert_eq!(here.stdout, downloaded.as_bytes());
    let names: Vec<_> = server
        .downloads()
        .into_iter()
        .map(|(file, _)| file)
        .collect();
    assert_eq!(names, ["the%20model.pt", "tokenizer.json"]);
}

#[test]
fn revisions_have_own_snapshots_and_share_equal_files() {
    let mut content = folder();
    let files = [
        ("config.json", exported("config.json")),
        (WEIGHTS, exported(WEIGHTS)),
        (
            "tokenizer.json",
            [exported("tokenizer.json"), vec![b'\n']].concat(),
        ),
    ];
    content.commit("refs/pr/1", OTHER_COMMIT, files);
    let (server, home) = (HubServer::start(content), home());
    let expected = text(&mut hub_command(&server, home.path()));
    server.requests();

    let revision = format!("hf:{REPOSITORY}@refs/pr/1");
    let mut command = command(home.path(), &revision);
    assert_eq!(text(command.env("HF_ENDPOINT", &server.url)), expected);
    let all = "bytes=0-".to_owned();
    assert_eq!(server.downloads(), [("tokenizer.json".to_owned(), all)]);
    let reference = cached(home.path()).join("refs/refs/pr/1");
    assert_eq!(std::fs::read_to_string(reference).unwrap(), OTHER_COMMIT);
    assert_eq!(text(command.env("HF_HUB_OFFLINE", "1")), expected);
}

/// Records each phase with its announced bytes, its reported bytes, and whether it ended.
#[derive(Default)]
pub(crate) struct Told(pub(crate) Vec<(Phase, u64, u64, bool)>);

impl Told {
    /// The phases in order.
    pub(crate) fn phases(&self) -> Vec<Phase> {
        self.0.iter().map(|(phase, ..)| phase.clone()).collect()
    }

    /// Asserts that every phase ended with as many bytes as were announced.
    #[track_caller]
    pub(crate) fn assert_complete(&self) {
        let complete =
            |(_, bytes, through, ended): &(Phase, u64, u64, bool)| bytes == through && *ended;
        assert!(self.0.iter().all(complete), "{:?}", self.0);
    }
}

impl Progress for Told {
    fn begin(&mut self, phase: Phase, bytes: u64) {
        self.0.push((phase, bytes, 0, false));
    }

    fn advance(&mut self, bytes: u64) {
        self.0.last_mut().unwrap().2 += bytes;
    }

    fn end(&mut self) {
        self.0.last_mut().unwrap().3 = true;
    }
}

/// A clock with a constant time, which records pauses instead of waiting.
#[derive(Debug, Default)]
pub(crate) struct FakeClock(pub(crate) Mutex<Vec<Duration>>);

/// Sun, 06 Nov 1994 08:49:37 GMT.
const NOW: u64 = 784_111_777;

impl HubClock for FakeClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
    }

    fn sleep(&self, duration: Duration) {
        self.0.lock().unwrap().push(duration);
    }
}

/// Without pauses between attempts.
pub(crate) fn fetch(
    server: &HubServer,
    home: &Path,
    told: &mut Told,
) -> Result<HubFiles, CheckpointError> {
    let hub = Hub::new(home.join("hub"))
        .with_endpoint(server.url.clone())
        .with_clock(Arc::new(FakeClock::default()));
    hub.fetch(&REPOSITORY.parse()?, told)
}

#[test]
fn concurrent_processes_download_once() {
    let (server, home) = (HubServer::start(folder()), home());
    let outputs = std::thread::scope(|scope| {
        let run = || hub_command(&server, home.path()).output().unwrap();
        let runs: Vec<_> = (0..3).map(|_| scope.spawn(run)).collect();
        runs.into_iter()
            .map(|run| run.join().unwrap())
            .collect::<Vec<_>>()
    });
    for output in outputs {
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), local());
    }
    assert_eq!(
        server.downloads().len(),
        4,
        "two configs, weights and tokenizer"
    );
}

#[cfg(unix)]
#[test]
fn a_complete_model_is_not_downloaded_again() {
    use std::os::unix::fs::MetadataExt;
    let (server, home) = (HubServer::start(folder()), home());
    fetch(&server, home.path(), &mut Told::default()).unwrap();
    let mut files: Vec<PathBuf> = vec![cached(home.path()).join("refs/main")];
    for folder in ["blobs", &format!("snapshots/{COMMIT}")] {
        let entries = std::fs::read_dir(cached(home.path()).join(folder)).unwrap();
        files.extend(entries.map(|entry| entry.unwrap().path()));
    }
    let state = || -> Vec<_> {
        let metadata = files.iter().map(|file| file.symlink_metadata().unwrap());
        metadata
            .map(|m| (m.ino(), m.mtime(), m.mtime_nsec()))
            .collect()
    };
    let before = state();
    fetch(&server, home.path(), &mut Told::default()).unwrap();
    assert_eq!(state(), before);
}

#[test]
fn offline_errors_name_what_is_missing() {
    let (server, home) = (HubServer::start(folder()), home());
    let offline = || {
        let mut command = hub_command(&server, home.path());
        command.env("HF_HUB_OFFLINE", "on");
        command
    };
    let message = failure(&mut offline(), 1);
    for part in [
        "goethe/tiny@main is not in the cache",
        "lacks the revision main",
        "unset HF_HUB_OFFLINE",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(
        !cached(home.path()).exists(),
        "asking leaves nothing behind"
    );

    fetch(&server, home.path(), &mut Told::default()).unwrap();
    server.requests();
    std::fs::remove_file(
        cached(home.path())
            .join("blobs")
            .join(hash(&exported(WEIGHTS))),
    )
    .unwrap();
    let message = failure(&mut offline(), 1);
    assert!(
        message.contains(
            "lacks its weights, only config.json, generation_config.json, tokenizer.json"
        ),
        "{message}"
    );

    let main = cached(home.path()).join("refs/main");
    std::fs::write(&main, "../../../elsewhere").unwrap();
    let message = failure(&mut offline(), 1);
    assert!(
        message.contains("\"../../../elsewhere\", expected a commit hash"),
        "{message}"
    );
    assert!(server.requests().is_empty());
}

#[test]
fn the_token_is_sent_only_to_the_endpoint() {
    let elsewhere = HubServer::start(folder());
    let server = HubServer::start(Content {
        gated: true,
        elsewhere: Some(elsewhere.url.clone()),
        ..folder()
    });
    let home = home();
    for wrong in [None, Some("hf_wrong"), Some(" ")] {
        let mut command = hub_command(&server, home.path());
        command.envs(wrong.map(|token| ("HF_TOKEN", token)));
        let message = failure(&mut command, 1);
        assert!(
            message.contains("access was denied (HTTP status 401)"),
            "{message}"
        );
        assert!(
            message.contains("HF_TOKEN") && !message.contains("hf_wrong"),
            "{message}"
        );
    }
    let message = failure(
        hub_command(&server, home.path()).env("HF_TOKEN", "hf_a b"),
        2,
    );
    assert!(!message.contains("hf_a"), "{message}");
    server.requests();

    let mut with_token = hub_command(&server, home.path());
    assert_eq!(text(with_token.env("HF_TOKEN", TOKEN)), local());
    let bearer = format!("Bearer {TOKEN}");
    let requests = server.requests();
    assert!(
        requests
            .iter()
            .all(|r| r.authorization.as_ref() == Some(&bearer)),
        "{requests:?}"
    );
    let requests = elsewhere.requests();
    assert!(!requests.is_empty());
    assert!(
        requests.iter().all(|r| r.authorization.is_none()),
        "{requests:?}"
    );

    // As other tools keep it.
    std::fs::write(home.path().join("token"), format!("{TOKEN}\n")).unwrap();
    assert_eq!(text(&mut hub_command(&server, home.path())), local());

    let debug = format!("{:?}", Hub::new("x").with_token(TOKEN.to_owned()));
    assert!(!debug.contains(TOKEN), "{debug}");
}

#[test]
fn environment_variables_select_the_cache_folder() {
    let (server, home) = (HubServer::start(folder()), home());
    let repository = "models--goethe--tiny";
    let cases = [
        ("HF_HUB_CACHE", ""),
        ("XDG_CACHE_HOME", "huggingface/hub"),
        ("HOME", ".cache/huggingface/hub"),
    ];
    for (variable, place) in cases {
        let folder = home.path().join(variable);
        let mut command = hub_command(&server, home.path());
        command.env_remove("HF_HOME").env_remove("XDG_CACHE_HOME");
        text(command.env(variable, &folder));
        assert!(folder.join(place).join(repository).is_dir(), "{variable}");
    }
}
