//! Interrupted downloads, invalid responses and corrupt caches.

use crate::hub::download::{
    Told, WEIGHTS, cached, command, exported, failure, fetch, folder, home, hub_command, local,
    text,
};
use crate::hub::server::{Content, HubServer, hash};
use std::path::Path;
use wolfgang_checkpoint::Phase;

/// The names of the files in `blobs` that hold something.
fn contents(home: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(cached(home).join("blobs")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.ends_with(".lock")).collect();
    names.sort();
    names
}

fn weights_phase() -> Phase {
    Phase::Download {
        file: WEIGHTS.to_owned(),
    }
}

#[test]
fn an_interrupted_download_resumes() {
    let (server, home) = (HubServer::start(folder()), home());
    server.change(|content| content.breaks_off = Some((300_000, 2)));
    let mut told = Told::default();
    let files = fetch(&server, home.path(), &mut told).unwrap();

    let downloads = server.downloads();
    let ranges = downloads.iter().filter(|(file, _)| file == WEIGHTS);
    let ranges: Vec<_> = ranges.map(|(_, range)| range.as_str()).collect();
    // The second connection broke before its first byte.
    assert_eq!(ranges, ["bytes=0-", "bytes=300000-", "bytes=300000-"]);
    let weights = exported(WEIGHTS);
    assert_eq!(
        std::fs::read(files.checkpoint.join(WEIGHTS)).unwrap(),
        weights
    );
    let size = weights.len() as u64;
    assert!(
        told.0.contains(&(weights_phase(), size, size, true)),
        "{told:?}",
        told = told.0
    );
    told.assert_complete();
}

#[test]
fn the_next_run_resumes_a_failed_download() {
    let (server, home) = (HubServer::start(folder()), home());
    server.change(|content| content.breaks_off = Some((300_000, u32::MAX)));
    let message = fetch(&server, home.path(), &mut Told::default()).unwrap_err();
    let message = message.to_string();
    let size = exported(WEIGHTS).len();
    let broke_off = format!("the download of {WEIGHTS} was interrupted at 300000 of {size} bytes");
    assert!(message.contains(&broke_off), "{message}");
    // Half a model is none.
    let mut offline = hub_command(&server, home.path());
    failure(offline.env("HF_HUB_OFFLINE", "1"), 1);
    server.requests();

    server.change(|content| content.breaks_off = None);
    assert_eq!(text(&mut hub_command(&server, home.path())), local());
    let rest = (WEIGHTS.to_owned(), "bytes=300000-".to_owned());
    assert_eq!(server.downloads()[0], rest);
}

#[test]
fn a_busy_server_is_retried() {
    let (server, home) = (HubServer::start(folder()), home());
    server.change(|content| content.busy = 2);
    let files = fetch(&server, home.path(), &mut Told::default()).unwrap();
    let found = std::fs::read(files.checkpoint.join(WEIGHTS)).unwrap();
    assert_eq!(found, exported(WEIGHTS));

    let home = tempfile::tempdir().unwrap();
    server.change(|content| content.busy = u32::MAX);
    let message = failure(&mut hub_command(&server, home.path()), 1);
    assert!(
        message.contains("at 0 of") && message.contains("HTTP status 503"),
        "{message}"
    );
    assert!(message.contains("run the command again"), "{message}");
}

#[test]
fn a_file_of_the_wrong_size_leaves_nothing_behind() {
    let size = exported(WEIGHTS).len();
    for announced in [size - 1, size + 1] {
        for ignores_range in [false, true] {
            let (server, home) = (HubServer::start(folder()), home());
            server.change(|content| {
                content.announces = Some(announced);
                content.ignores_range = ignores_range;
            });
            let message = failure(&mut hub_command(&server, home.path()), 1);
            let sizes = format!("{WEIGHTS} has {size} bytes, but the Hub announced {announced}");
            assert!(message.contains(&sizes), "{message}");
            let mut kept = ["config.json", "generation_config.json"].map(|f| hash(&exported(f)));
            kept.sort();
            assert_eq!(contents(home.path()), kept);
            let mut offline = hub_command(&server, home.path());
            failure(offline.env("HF_HUB_OFFLINE", "1"), 1);

            server.change(|content| content.announces = None);
            assert_eq!(text(&mut hub_command(&server, home.path())), local());
        }
    }
}

#[test]
fn corrupt_files_in_the_cache_are_replaced() {
    let weights = exported(WEIGHTS);
    let etag = hash(&weights);
    let part = format!("{etag}.part");
    let garbage = vec![7; weights.len()];
    // Parts that are as long as the file or longer, and contents that are shorter and longer.
    let cases = [
        (&part, garbage.clone()),
        (&part, [&garbage[..], &[7]].concat()),
        (&etag, garbage[1..].to_vec()),
        (&etag, [&garbage[..], &[7]].concat()),
    ];
    let server = HubServer::start(folder());
    for (name, wrong) in cases {
        let home = home();
        let blobs = cached(home.path()).join("blobs");
        std::fs::create_dir_all(&blobs).unwrap();
        std::fs::write(blobs.join(name), &wrong).unwrap();
        let files = fetch(&server, home.path(), &mut Told::default()).unwrap();
        let found = std::fs::read(files.checkpoint.join(WEIGHTS)).unwrap();
        assert_eq!(hash(&found), etag, "{name} of {} bytes", wrong.len());
        assert!(!blobs.join(&part).exists());
    }
}

#[test]
fn without_range_support_a_download_starts_over() {
    let (server, home) = (HubServer::start(folder()), home());
    server.change(|content| {
        content.ignores_range = true;
        content.breaks_off = Some((300_000, 1));
    });
    let mut told = Told::default();
    let files = fetch(&server, home.path(), &mut told).unwrap();
    let weights = exported(WEIGHTS);
    assert_eq!(
        std::fs::read(files.checkpoint.join(WEIGHTS)).unwrap(),
        weights
    );
    assert!(
        server
            .downloads()
            .contains(&(WEIGHTS.to_owned(), "bytes=300000-".to_owned()))
    );
    let size = weights.len() as u64;
    assert!(told.0.contains(&(weights_phase(), size, size, true)));
}

#[test]
fn a_malformed_name_is_a_usage_error() {
    let home = home();
    for name in [
        "",
        "tiny",
        "../tiny",
        "goethe/..",
        "goethe/tiny/x",
        "goethe/tiny@../x",
        "a/b@",
    ] {
        let message = failure(&mut command(home.path(), &format!("hf:{name}")), 2);
        assert!(
            message.contains(&format!("{name:?} is not OWNER/NAME")),
            "{message}"
        );
    }
    // The same as a path is one.
    let message = failure(&mut command(home.path(), "./hf:goethe/tiny"), 1);
    assert!(
        message.contains("failed to read ./hf:goethe/tiny"),
        "{message}"
    );
}

#[test]
fn errors_list_the_files_of_a_repository_without_a_model() {
    let cases = [
        (
            Content::new([]),
            "goethe/tiny@main has no file, but a model is",
        ),
        (
            Content::new([("a.txt", vec![0]), ("model.safetensors", vec![0])]),
            "goethe/tiny@main has a.txt, model.safetensors, but a model is",
        ),
        (
            Content::new([("b.pt", vec![0]), ("a.pt", vec![0])]),
            "goethe/tiny@main has several .pt files: a.pt, b.pt; hf:OWNER/NAME/FILE.pt names one of them",
        ),
    ];
    for (content, expected) in cases {
        let (server, home) = (HubServer::start(content), home());
        let message = failure(&mut hub_command(&server, home.path()), 1);
        assert!(message.contains(expected), "{message}");
        assert_eq!(server.downloads(), []);
    }
}

#[test]
fn invalid_responses_are_distinguished_from_absent_repositories() {
    let (server, home) = (HubServer::start(folder()), home());
    let mut absent = command(home.path(), "hf:goethe/absent");
    let message = failure(absent.env("HF_ENDPOINT", format!("{}/", server.url)), 1);
    assert!(
        message.contains("goethe/absent@main was not found at http"),
        "{message}"
    );

    type Change = fn(&mut Content);
    let changes: [(Change, &str); 5] = [
        (
            |c| c.answers = Some((200, "<html>")),
            "responded with invalid JSON",
        ),
        (
            |c| c.temporary = [(500, Some("0")); 4].into(),
            "responded with HTTP status 500",
        ),
        (
            |c| c.answers = Some((200, r#"{"sha":"../..","siblings":[]}"#)),
            "the commit \"../..\"",
        ),
        (
            |c| c.etag = Some("../../evil".to_owned()),
            "the ETag \"../../evil\"",
        ),
        (|c| c.etag = Some(String::new()), "the ETag \"\""),
    ];
    for (change, expected) in changes {
        let server = HubServer::start(folder());
        server.change(change);
        let message = failure(&mut hub_command(&server, home.path()), 1);
        assert!(
            message.contains(expected) && message.contains("HF_ENDPOINT"),
            "{message}"
        );
        assert!(!home.path().join("hub").exists(), "{expected}");
    }

    // Port 1 has no listener.
    let mut command = hub_command(&server, home.path());
    let endpoint = "http://me:secret@127.0.0.1:1";
    let message = failure(command.env("HF_ENDPOINT", endpoint), 1);
    assert!(
        message.contains("failed to connect to http://127.0.0.1:1"),
        "{message}"
    );
    assert!(!message.contains("secret"), "{message}");
}
