//! Mirrored and unreachable hubs, and repositories with several checkpoints.

use super::retries::fetch;
use crate::fixtures::{fixture, tiny_tokenizer};
use crate::hub::download::{
    WEIGHTS, cached, command, failure, folder, home, hub_command, local, text,
};
use crate::hub::server::{COMMIT, Content, HubServer, REPOSITORY, TOKEN};
use std::path::Path;
use std::process::Command;
use wolfgang_checkpoint::CheckpointError;

#[test]
fn redirects_to_another_host_are_followed_without_the_token() {
    for status in [301, 302, 303, 307, 308] {
        let hub = HubServer::start(folder());
        let mirror = HubServer::start(Content {
            gated: false,
            mirrors: Some((status, hub.url.clone())),
            ..folder()
        });
        let home = home();
        let mut command = hub_command(&mirror, home.path());
        assert_eq!(text(command.env("HF_TOKEN", TOKEN)), local(), "{status}");
        let bearer = format!("Bearer {TOKEN}");
        let asked = mirror.requests();
        assert!(
            asked
                .iter()
                .all(|r| r.authorization.as_ref() == Some(&bearer)),
            "{asked:?}"
        );
        let led_to = hub.requests();
        assert!(!led_to.is_empty());
        assert!(
            led_to.iter().all(|r| r.authorization.is_none()),
            "{led_to:?}"
        );
        // Complete: nothing is downloaded again.
        text(&mut hub_command(&mirror, home.path()));
        assert_eq!(hub.downloads(), [], "{status}");
    }
}

#[test]
fn chains_of_redirects_are_followed_and_loops_end() {
    let hub = HubServer::start(folder());
    let second = HubServer::start(Content {
        mirrors: Some((302, hub.url.clone())),
        ..folder()
    });
    let first = HubServer::start(Content {
        mirrors: Some((308, second.url.clone())),
        ..folder()
    });
    let home = home();
    let mut command = hub_command(&first, home.path());
    assert_eq!(text(command.env("HF_TOKEN", TOKEN)), local());
    let led_to = [second.requests(), hub.requests()].concat();
    assert!(
        led_to.iter().all(|r| r.authorization.is_none()),
        "{led_to:?}"
    );

    // And back to where the token belongs: it does not come back.
    second.change(|content| content.mirrors = Some((302, first.url.clone())));
    let other_home = tempfile::tempdir().unwrap();
    let mut command = hub_command(&first, other_home.path());
    let message = failure(command.env("HF_TOKEN", TOKEN), 1);
    assert!(
        message.contains("responded with HTTP status 30"),
        "{message}"
    );
    assert!(first.requests().len() + second.requests().len() < 40);
}

/// The same command after the server has gone: an endpoint without a listener.
fn gone(command: &mut Command) -> &mut Command {
    command.env("HF_ENDPOINT", "http://me:secret@127.0.0.1:1")
}

#[test]
fn a_cached_model_is_used_if_the_hub_is_unreachable() {
    let (server, home) = (HubServer::start(folder()), home());
    let expected = text(&mut hub_command(&server, home.path()));
    let output = gone(&mut hub_command(&server, home.path()))
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    assert!(
        stderr.starts_with("warning: failed to connect to http://127.0.0.1:1 ("),
        "{stderr}"
    );
    let end = "goethe/tiny@main is taken from the cache and may be out of date\n";
    assert!(stderr.ends_with(end), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");

    let quiet = gone(&mut hub_command(&server, home.path()))
        .arg("--quiet")
        .output();
    assert_eq!(quiet.unwrap().stderr, b"");

    // Nor can a mirror that leads nowhere.
    server.change(|content| content.mirrors = Some((302, "http://127.0.0.1:1".to_owned())));
    let (files, _) = fetch(&server, home.path());
    assert!(files.unwrap().unavailable.is_some());
    server.change(|content| content.mirrors = None);
    // A Hub that is out of order is as good as none.
    server.change(|content| content.answers = Some((503, "")));
    let (files, _) = fetch(&server, home.path());
    let unavailable = files.unwrap().unavailable.unwrap();
    assert_eq!(unavailable.endpoint, server.url);
    assert_eq!(unavailable.problem, "it responded with HTTP status 503");
    // One that says no is not.
    server.change(|content| content.answers = Some((404, "")));
    assert!(matches!(
        fetch(&server, home.path()).0,
        Err(CheckpointError::HubNotFound { .. })
    ));

    std::fs::remove_file(
        cached(home.path())
            .join("snapshots")
            .join(COMMIT)
            .join(WEIGHTS),
    )
    .unwrap();
    let message = failure(gone(&mut hub_command(&server, home.path())), 1);
    assert!(
        message.contains("failed to connect to http://127.0.0.1:1"),
        "{message}"
    );
}

/// Two checkpoints at the top, one in a folder with a tokenizer of its own, and one in another
/// without.
fn several() -> Content {
    let pt = |name: &str| std::fs::read(fixture("tiny").join(name)).unwrap();
    Content::new([
        ("a.pt", pt("plain.pt")),
        ("b.pt", pt("plain.pt")),
        ("steps/1 000/c.pt", pt("plain.pt")),
        ("steps/1 000/tokenizer.json", tiny_tokenizer()),
        ("steps/d.pt", pt("plain.pt")),
        ("tokenizer.json", [tiny_tokenizer(), vec![b' ']].concat()),
    ])
}

#[test]
fn one_of_several_checkpoints_can_be_named() {
    let (server, home) = (HubServer::start(several()), home());
    let message = failure(&mut hub_command(&server, home.path()), 1);
    for part in [
        "has several .pt files: a.pt, b.pt;",
        "hf:OWNER/NAME/FILE.pt",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let model = |rest: &str| {
        let mut command = command(home.path(), &format!("hf:{REPOSITORY}/{rest}"));
        command.env("HF_ENDPOINT", &server.url);
        command
    };
    server.requests();
    for (rest, files) in [
        ("b.pt", ["b.pt", "tokenizer.json"]),
        ("steps/d.pt@main", ["steps/d.pt", "tokenizer.json"]),
        (
            "steps/1 000/c.pt",
            ["steps/1 000/c.pt", "steps/1 000/tokenizer.json"],
        ),
    ] {
        let downloaded = text(&mut model(rest));
        let asked: Vec<_> = server
            .requests()
            .into_iter()
            .filter(|r| r.path.contains("resolve"))
            .collect();
        for request in &asked {
            let path = request.path.replace("%20", " ");
            assert!(
                files.iter().any(|file| path.ends_with(&format!("/{file}"))),
                "{path}"
            );
        }
        let snapshot = cached(home.path()).join("snapshots").join(COMMIT);
        let mut here = command(home.path(), snapshot.join(files[0]).to_str().unwrap());
        here.arg("--tokenizer").arg(snapshot.join(files[1]));
        assert_eq!(text(&mut here), downloaded);
        assert_eq!(text(model(rest).env("HF_HUB_OFFLINE", "1")), downloaded);
        let inspect = |variable: (&str, &str)| {
            let mut inspect = crate::fixtures::wolfgang();
            inspect.args(["inspect", &format!("hf:{REPOSITORY}/{rest}")]);
            inspect
                .env("HF_HOME", home.path())
                .env(variable.0, variable.1);
            inspect.output().unwrap()
        };
        let told = inspect(("HF_HUB_OFFLINE", "1"));
        let told = String::from_utf8(told.stdout).unwrap();
        assert!(
            told.contains(&format!("{}", snapshot.join(files[1]).display())),
            "{told}"
        );
    }
    #[cfg(unix)]
    {
        let link = cached(home.path())
            .join("snapshots")
            .join(COMMIT)
            .join("steps/1 000/c.pt");
        let target = std::fs::read_link(link).unwrap();
        assert!(
            target.starts_with("../../../../blobs"),
            "{}",
            target.display()
        );
    }
    let message = failure(&mut model("steps/e.pt"), 1);
    let expected = "goethe/tiny/steps/e.pt@main does not exist; the .pt files of the repository: a.pt, b.pt, steps/1 000/c.pt";
    assert!(message.contains(expected), "{message}");
    let message = failure(model("a.pt").env("HF_HUB_OFFLINE", "1"), 1);
    assert!(message.contains("lacks a.pt"), "{message}");
    for wrong in ["x", "../a.pt", "a.pt/", "s//a.pt"] {
        failure(&mut model(wrong), 2);
    }
}

#[test]
fn weights_in_another_format_are_an_error_with_a_remedy() {
    let content = Content::new([
        ("config.json", b"{}".to_vec()),
        ("pytorch_model.bin", vec![0]),
        ("model.gguf", vec![0]),
    ]);
    let (server, home) = (HubServer::start(content), home());
    let message = failure(&mut hub_command(&server, home.path()), 1);
    assert!(
        message.contains("goethe/tiny/pytorch_model.bin holds weights"),
        "{message}"
    );
    assert!(message.contains("save_pretrained"), "{message}");
    assert_eq!(server.downloads(), []);
}

#[cfg(unix)]
#[test]
fn folders_in_variables_are_expanded_as_in_a_shell() {
    let (server, home) = (HubServer::start(folder()), home());
    let elsewhere = tempfile::tempdir().unwrap();
    let cases = [
        ("HF_HOME", "~/hfx", "hfx/hub"),
        ("HF_HOME", "$HOME/hfy", "hfy/hub"),
        ("HF_HOME", "~/${NAME}/z", "some name/z/hub"),
        ("HF_HUB_CACHE", "~/cache", "cache"),
        ("XDG_CACHE_HOME", "~/xdg", "xdg/huggingface/hub"),
    ];
    for (variable, value, place) in cases {
        let mut command = hub_command(&server, Path::new("unused"));
        command.env_remove("HF_HOME").env_remove("XDG_CACHE_HOME");
        command.env("HOME", home.path()).env("NAME", "some name");
        text(command.env(variable, value).current_dir(elsewhere.path()));
        let repository = home.path().join(place).join("models--goethe--tiny");
        assert!(repository.is_dir(), "{variable}={value}");
    }
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);

    std::fs::write(home.path().join("token-file"), format!("\u{feff}{TOKEN}\n")).unwrap();
    server.change(|content| content.gated = true);
    let mut command = hub_command(&server, &home.path().join("hfx"));
    command
        .env("HOME", home.path())
        .env("HF_TOKEN_PATH", "~/token-file");
    text(&mut command);
}

#[test]
fn an_endpoint_that_is_not_a_url_is_a_usage_error() {
    let home = home();
    for endpoint in [
        "nonsense",
        "https://",
        "http://",
        "user:secret@host",
        "ftp://huggingface.co",
    ] {
        let mut command = command(home.path(), "hf:goethe/tiny");
        let message = failure(command.env("HF_ENDPOINT", endpoint), 2);
        assert!(message.contains("HF_ENDPOINT is not a URL"), "{message}");
        assert!(!message.contains("secret"), "{message}");
        assert!(message.contains("https://huggingface.co"), "{message}");
    }
}

#[test]
fn a_repository_name_without_hf_is_recognised() {
    let home = home();
    for model in [
        "https://huggingface.co/o-x/m",
        "https://huggingface.co/o-x/m/tree/main",
        "o-x/m",
    ] {
        let message = failure(&mut command(home.path(), model), 1);
        assert!(
            message.contains("a model on the Hugging Face Hub is hf:o-x/m"),
            "{message}"
        );
    }
    for model in ["absent", "a/b/c", "./o-x/m", "o-x/m.pt", "/o-x/m"] {
        let message = failure(&mut command(home.path(), model), 1);
        assert!(!message.contains("is hf:o"), "{message}");
    }
}

#[test]
fn a_commit_in_the_cache_is_not_out_of_date() {
    let mut content = folder();
    let main = content.revisions["main"].clone();
    content.revisions.insert(COMMIT.to_owned(), main);
    let (server, home) = (HubServer::start(content), home());
    let model = format!("hf:{REPOSITORY}@{COMMIT}");
    let at = |endpoint: &str| {
        let mut command = command(home.path(), &model);
        text(command.env("HF_ENDPOINT", endpoint))
    };
    assert_eq!(at(&server.url), at("http://127.0.0.1:1"));
}

#[test]
fn an_unreachable_hub_names_what_the_cache_lacks() {
    let home = home();
    let mut command = command(home.path(), "hf:goethe/tiny");
    let message = failure(command.env("HF_ENDPOINT", "http://127.0.0.1:1"), 1);
    assert!(message.contains("lacks the revision main"), "{message}");
    assert!(!message.contains("HF_HUB_OFFLINE"), "{message}");
}

#[test]
fn naming_a_pt_file_in_a_repository_without_one_is_an_error() {
    let content = Content::new([("model.safetensors", vec![0])]);
    let (server, home) = (HubServer::start(content), home());
    let mut command = command(home.path(), "hf:goethe/tiny/a.pt");
    let message = failure(command.env("HF_ENDPOINT", &server.url), 1);
    assert!(
        message.contains("the repository has no .pt file"),
        "{message}"
    );
}
