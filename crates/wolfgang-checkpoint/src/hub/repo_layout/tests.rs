use super::*;

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn selected(names: &[&str]) -> Result<RepoLayout, LayoutError> {
    select(&set(names), None)
}

fn no_model(found: &str) -> Result<RepoLayout, LayoutError> {
    Err(LayoutError::NoModel(found.to_owned()))
}

#[test]
fn safetensors_come_before_the_record_and_the_record_before_pt() {
    let all = [
        "a.pt",
        "config.json",
        "model.bpk",
        "model.safetensors",
        "model.safetensors.index.json",
        "optimizer.bin",
    ];
    let folder = |weights| Ok(RepoLayout::Folder(vec!["config.json", weights]));
    assert_eq!(selected(&all), folder("model.safetensors"));
    let sharded = vec!["config.json", "model.safetensors.index.json"];
    assert_eq!(
        selected(&[
            "a.pt",
            "config.json",
            "model.bpk",
            "model.safetensors.index.json"
        ]),
        Ok(RepoLayout::Sharded(sharded))
    );
    assert_eq!(selected(&all[..3]), folder("model.bpk"));
    assert_eq!(selected(&all[..2]), Ok(RepoLayout::File("a.pt".to_owned())));
    // Weights without a configuration are ignored.
    assert_eq!(
        selected(&["model.safetensors", "a.pt"]),
        Ok(RepoLayout::File("a.pt".to_owned()))
    );
}

#[test]
fn errors_list_the_files_of_the_repository() {
    assert_eq!(selected(&[]), no_model("no file"));
    assert_eq!(selected(&["b.txt", "a.bin"]), no_model("a.bin, b.txt"));
    assert_eq!(
        selected(&["b.pt", "a.pt", "c/d.pt"]),
        Err(LayoutError::Several("a.pt, b.pt".to_owned()))
    );
    let other = selected(&["config.json", "pytorch_model.bin", "x.gguf"]);
    assert!(
        matches!(&other, Err(LayoutError::OtherWeights { name, .. }) if name == "pytorch_model.bin"),
        "{other:?}"
    );
    let many: Vec<_> = (0..10).map(|i| format!("{i}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(
        selected(&many),
        no_model("0, 1, 2, 3, 4, 5, 6, 7, and 2 more")
    );
}

#[test]
fn a_file_can_be_requested() {
    let names = set(&["a.pt", "config.json", "model.safetensors", "s/b.pt"]);
    for file in ["a.pt", "s/b.pt"] {
        assert_eq!(
            select(&names, Some(file)),
            Ok(RepoLayout::File(file.to_owned()))
        );
    }
    assert_eq!(
        select(&names, Some("b.pt")),
        Err(LayoutError::NoSuchFile("a.pt, s/b.pt".to_owned()))
    );
}

#[test]
fn the_only_pt_may_be_in_a_folder() {
    let file = |name: &str| Ok(RepoLayout::File(name.to_owned()));
    assert_eq!(selected(&["README.md", "s/b.pt"]), file("s/b.pt"));
    assert_eq!(selected(&["a.pt", "s/b.pt", "s/c.pt"]), file("a.pt"));
}

#[test]
fn the_tokenizer_in_the_folder_of_a_pt_precedes_the_one_at_the_top_level() {
    let pt = RepoLayout::File("s/b.pt".to_owned());
    let of = |names: &[&str], choice| tokenizer(&set(names), choice);
    let (inner, outer) = ("s/tokenizer.json", "tokenizer.json");
    assert_eq!(of(&[inner, outer], &pt).as_deref(), Some(inner));
    assert_eq!(of(&[outer], &pt).as_deref(), Some(outer));
    assert_eq!(of(&["t/tokenizer.json"], &pt), None);
    let folder = RepoLayout::Folder(vec![]);
    assert_eq!(of(&[inner, outer], &folder).as_deref(), Some(outer));
}

#[test]
fn generation_config_is_part_of_a_folder() {
    for weights in ["model.safetensors", "model.bpk"] {
        let all = ["config.json", "generation_config.json", weights];
        assert_eq!(selected(&all), Ok(RepoLayout::Folder(all.to_vec())));
    }
}

#[test]
fn paths_that_leave_the_folder_are_refused() {
    for name in ["config.json", "model 1.pt", "..pt", "ä.pt"] {
        assert!(is_file_name(name), "{name:?}");
    }
    for name in [
        "", ".", "..", "/", "/a", "a/", "a/b", "../a", "a\\b", "C:a", "a\0", "a\nb",
    ] {
        assert!(!is_file_name(name), "{name:?}");
    }
    assert!(is_inside("a/b c/d.pt") && is_inside("d.pt"));
    for path in ["", "/a", "a/", "a//b", "a/../b", "./a", "a/b\\c"] {
        assert!(!is_inside(path), "{path:?}");
    }
}
