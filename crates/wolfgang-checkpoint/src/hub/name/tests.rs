use super::*;

#[test]
fn a_name_may_have_a_revision() {
    let parsed = |given: &str| given.parse::<HubModel>().unwrap().to_string();
    assert_eq!(parsed("goethe/faust"), "goethe/faust@main");
    assert_eq!(parsed("goethe/faust@refs/pr/1"), "goethe/faust@refs/pr/1");
    assert_eq!(parsed("a-b_c/d.e-2@v1.0+x"), "a-b_c/d.e-2@v1.0+x");
}

#[test]
fn a_name_may_have_a_file() {
    let parsed = |given: &str| given.parse::<HubModel>().unwrap();
    let model = parsed("goethe/faust/steps/last 1.pt@v1");
    assert_eq!(model.repository(), "goethe/faust");
    assert_eq!(model.file(), Some("steps/last 1.pt"));
    assert_eq!(model.revision(), "v1");
    assert_eq!(model.to_string(), "goethe/faust/steps/last 1.pt@v1");
    assert_eq!(
        parsed("goethe/faust/a.pt").to_string(),
        "goethe/faust/a.pt@main"
    );
    assert_eq!(parsed("goethe/faust").file(), None);
}

#[test]
fn names_that_are_unsafe_in_paths_or_urls_are_refused() {
    let long = format!("a/{}", "b".repeat(97));
    for given in [
        "",
        "a",
        "/",
        "a/",
        "/b",
        "a/b/c",
        "a/b/",
        "a/b/.pt",
        "a/b/../c.pt",
        "a/b//c.pt",
        "a/b/c/",
        "a/b/c\\d.pt",
        "a/b/c\n.pt",
        "../b",
        "a/..",
        "a/b..c",
        "a/.b",
        "a/b.",
        "-a/b",
        "a--b/c",
        "a/b@",
        "a/b@..",
        "a/b@x/../y",
        "a/b@/x",
        "a/b@x/",
        "a/b@x//y",
        "a/b@.git",
        "a/b@x y",
        "a/b@x?y",
        "a/b@x#y",
        "a/b@x%2f",
        "a/b@x@y",
        "a/b@x\ny",
        "a\\b/c",
        "a/ä",
        "a/b\0",
        &long,
    ] {
        let refused = given.parse::<HubModel>();
        let is_name =
            matches!(&refused, Err(CheckpointError::HubName { given: g, .. }) if g == given);
        assert!(is_name, "{given:?}: {refused:?}");
    }
}
