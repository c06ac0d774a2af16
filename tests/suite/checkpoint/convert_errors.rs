//! After a failed or killed conversion, the target has the old or the new model.

use crate::fixtures::{fixture, repository, wolfgang};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;
use wolfgang_checkpoint::load;
use wolfgang_generate::Device;

fn convert(input: &Path, out: &Path) -> Command {
    let mut command = wolfgang();
    command
        .arg("convert")
        .arg(input)
        .arg("--out")
        .arg(out)
        .arg("--force");
    command.stdout(Stdio::null());
    command
}

fn failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

/// The logits of the model at `path`, if it loads.
fn logits(path: &Path) -> Option<Vec<f32>> {
    let model = load(path, &Device::flex()).ok()?;
    Some(model.forward(&[9, 400, 1, 33]).unwrap())
}

/// A folder with a converted model `target` in it.
fn occupied() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    assert!(
        convert(&fixture("tiny/plain.pt"), &target)
            .status()
            .unwrap()
            .success()
    );
    (folder, target)
}

#[test]
fn a_converted_folder_is_replaced_only_with_force() {
    let (folder, target) = occupied();
    let old = logits(&target);
    let mut timid = wolfgang();
    timid
        .arg("convert")
        .arg(fixture("tiny/mqa.pt"))
        .arg("--out")
        .arg(&target);
    let error = failure(&timid.output().unwrap());
    assert!(
        error.contains("already exists") && error.contains("--force"),
        "{error}"
    );
    assert_eq!(logits(&target), old);

    assert!(
        convert(&repository("models/faust"), &target)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(logits(&target), logits(&repository("models/faust")));
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing beside it"
    );
}

#[test]
fn a_model_can_be_converted_in_its_own_place() {
    let (_folder, target) = occupied();
    let old = logits(&target);
    let output = convert(&target, &target)
        .args(["--dtype", "bf16"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let new = logits(&target);
    assert!(new.is_some() && new != old);
}

#[test]
fn a_folder_with_other_files_is_not_replaced() {
    let (folder, target) = occupied();
    std::fs::write(target.join("poem.txt"), "mine").unwrap();
    let error = failure(
        &convert(&fixture("tiny/plain.pt"), &target)
            .output()
            .unwrap(),
    );
    assert!(
        error.contains("\"poem.txt\" in it was not written by a conversion"),
        "{error}"
    );
    assert_eq!(
        std::fs::read_to_string(target.join("poem.txt")).unwrap(),
        "mine"
    );

    let (_folder, with_folder) = occupied();
    std::fs::remove_file(with_folder.join("config.json")).unwrap();
    std::fs::create_dir(with_folder.join("config.json")).unwrap();
    std::fs::write(with_folder.join("config.json/poem.txt"), "mine").unwrap();
    failure(
        &convert(&fixture("tiny/plain.pt"), &with_folder)
            .output()
            .unwrap(),
    );
    let kept = std::fs::read_to_string(with_folder.join("config.json/poem.txt"));
    assert_eq!(kept.unwrap(), "mine", "a folder of a file's name");

    let file = folder.path().join("file");
    std::fs::write(&file, "mine").unwrap();
    let error = failure(&convert(&fixture("tiny/plain.pt"), &file).output().unwrap());
    assert!(error.contains("it is not a folder"), "{error}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
}

/// A limit on the size of files simulates the full disk: the same system call fails.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_old_model() {
    let (folder, target) = occupied();
    let old = logits(&target);
    for form in ["native", "huggingface"] {
        let command = convert(&repository("models/faust"), &target);
        let mut limited = Command::new("sh");
        limited.args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$@\"", "sh"]);
        limited
            .arg(command.get_program())
            .args(command.get_args())
            .args(["--to", form]);
        let error = failure(&limited.stdout(Stdio::null()).output().unwrap());
        assert!(
            error.contains("failed to write") && error.contains("too large"),
            "{error}"
        );
        assert_eq!(logits(&target), old);
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing beside it"
        );
    }
}

#[test]
fn a_closed_output_does_not_stop_a_conversion() {
    let (_folder, target) = occupied();
    let mut command = convert(&repository("models/faust"), &target);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert_eq!(logits(&target), logits(&repository("models/faust")));
}

/// A config keeps every digit of its numbers.
#[test]
fn numbers_in_a_config_keep_every_digit() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("odd");
    assert!(
        convert(&fixture("tiny/plain.pt"), &odd)
            .status()
            .unwrap()
            .success()
    );
    let config = std::fs::read_to_string(odd.join("config.json")).unwrap();
    let with_digits = config.replace("\"dropout\": 0.0", "\"dropout\": 0.37897720147015124");
    assert_ne!(config, with_digits);
    std::fs::write(odd.join("config.json"), &with_digits).unwrap();
    let again = folder.path().join("again");
    let output = convert(&odd, &again).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        std::fs::read_to_string(again.join("config.json")).unwrap(),
        with_digits
    );
}

/// The path and length of everything in a folder, in order.
fn listing(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        // The conversion renames and removes folders meanwhile.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() {
                folders.push(entry.path());
            }
            found.push((
                entry.path(),
                if metadata.is_dir() { 0 } else { metadata.len() },
            ));
        }
    }
    found.sort();
    found
}

/// Kills conversions after the first, the second, … change that is seen in the folder, until one
/// ends before that.
#[test]
fn a_killed_conversion_leaves_the_old_or_the_new_model() {
    const MAX_CHANGES: usize = 24;
    let faust = repository("models/faust");
    let (folder, target) = occupied();
    let (old, new) = (logits(&target), logits(&faust));
    assert!(old.is_some() && new.is_some() && old != new);
    let backup = tempfile::tempdir().unwrap();
    let backup = backup.path().join("model");
    std::fs::rename(&target, &backup).unwrap();
    let restore = || {
        let _ = std::fs::remove_dir_all(&target);
        std::fs::create_dir(&target).unwrap();
        for file in ["config.json", "model.bpk"] {
            std::fs::copy(backup.join(file), target.join(file)).unwrap();
        }
    };
    for form in ["native", "huggingface"] {
        let (mut kept, mut interrupted) = (0, 0);
        for changes in 0..MAX_CHANGES {
            restore();
            let mut seen = listing(folder.path());
            let mut child = convert(&faust, &target)
                .args(["--to", form])
                .spawn()
                .unwrap();
            let mut remaining = changes;
            let mut ended = None;
            while remaining > 0 && ended.is_none() {
                let now = listing(folder.path());
                remaining -= usize::from(now != seen);
                seen = now;
                ended = child.try_wait().unwrap();
            }
            child.kill().unwrap();
            child.wait().unwrap();
            let found = logits(&target);
            assert!(found == old || found == new, "{form}, {changes} changes");
            kept += u32::from(found == old);

            // What is left beside the target must not load as another model.
            for entry in std::fs::read_dir(folder.path()).unwrap() {
                let path = entry.unwrap().path();
                if path != target {
                    interrupted += 1;
                    let left = logits(&path);
                    let shown = path.display();
                    assert!(left.is_none() || left == old || left == new, "{shown}");
                    std::fs::remove_dir_all(path).unwrap();
                }
            }
            if ended.is_some() {
                break;
            }
        }
        assert!(kept > 0, "none was killed before the target changed");
        assert!(interrupted > 0, "none was killed while it wrote");
    }
}
