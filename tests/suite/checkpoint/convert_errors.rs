//! However a conversion ends, at the target there is the old or the new model, and nothing is lost.

use crate::fixtures::{fixture, repository, wolfgang};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;
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

/// Logits of whatever loads at `path`.
fn speaks(path: &Path) -> Option<Vec<f32>> {
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
fn a_converted_folder_is_replaced_only_when_asked() {
    let (folder, target) = occupied();
    let old = speaks(&target);
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
    assert_eq!(speaks(&target), old);

    assert!(
        convert(&repository("models/faust"), &target)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(speaks(&target), speaks(&repository("models/faust")));
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing beside it"
    );
}

#[test]
fn a_model_can_be_converted_in_its_own_place() {
    let (_folder, target) = occupied();
    let old = speaks(&target);
    let output = convert(&target, &target)
        .args(["--dtype", "bf16"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let new = speaks(&target);
    assert!(new.is_some() && new != old);
}

#[test]
fn somebody_elses_folder_is_not_replaced() {
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

/// A limit on the size of files stands for the full disk: the system refuses the same call.
#[cfg(unix)]
#[test]
fn a_disk_that_fills_up_leaves_everything_as_it_was() {
    let (folder, target) = occupied();
    let old = speaks(&target);
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
        assert_eq!(speaks(&target), old);
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing beside it"
        );
    }
}

/// Who does not read what is told about it wants the conversion all the same.
#[test]
fn nobody_need_listen() {
    let (_folder, target) = occupied();
    let mut command = convert(&repository("models/faust"), &target);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert_eq!(speaks(&target), speaks(&repository("models/faust")));
}

/// A config keeps every digit of its numbers.
#[test]
fn what_is_read_back_is_what_was_written_to_the_last_digit() {
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

#[test]
fn killed_at_any_moment_it_leaves_the_old_or_the_new_model() {
    const KILLS: u32 = 50;
    let faust = repository("models/faust");
    let (folder, target) = occupied();
    let (old, new) = (speaks(&target), speaks(&faust));
    assert!(old.is_some() && new.is_some() && old != new);
    let backup = folder.path().join("backup");
    std::fs::rename(&target, &backup).unwrap();
    let restore = || {
        let _ = std::fs::remove_dir_all(&target);
        std::fs::create_dir(&target).unwrap();
        for file in ["config.json", "model.bpk"] {
            std::fs::copy(backup.join(file), target.join(file)).unwrap();
        }
    };
    let conversion = |form: &str| {
        let mut command = convert(&faust, &target);
        command.args(["--to", form]);
        command
    };

    restore();
    let start = Instant::now();
    assert!(conversion("native").status().unwrap().success());
    let whole = start.elapsed();

    let seed = u64::from(std::process::id());
    println!("moments from the seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut kept, mut interrupted) = (0, 0);
    for kill in 0..KILLS {
        restore();
        let mut child = conversion(["native", "huggingface"][kill as usize % 2])
            .spawn()
            .unwrap();
        std::thread::sleep(whole.mul_f64(f64::from(random.next_u32()) / f64::from(u32::MAX)));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = speaks(&target);
        assert!(found == old || found == new, "kill {kill}");
        kept += u32::from(found == old);

        // What was being made is not to be mistaken for another model.
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path != target && path != backup {
                interrupted += 1;
                let left = speaks(&path);
                assert!(
                    left.is_none() || left == old || left == new,
                    "{}",
                    path.display()
                );
                std::fs::remove_dir_all(path).unwrap();
            }
        }
    }
    assert!(kept > 0, "some were killed early");
    assert!(interrupted > 0, "some were killed while they wrote");
}
