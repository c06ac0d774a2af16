use super::*;

#[test]
fn only_the_same_scheme_host_and_port_are_the_same_origin() {
    let base = Uri::from_static("https://hub.test:1/a/resolve/b/c");
    let redirect = |location: &str| {
        let uri = resolve(&base, location)?;
        Some((uri.to_string(), is_same_origin(&base, &uri)))
    };
    let same = |uri: &str| Some((uri.to_owned(), true));
    assert_eq!(redirect("/x?y"), same("https://hub.test:1/x?y"));
    assert_eq!(redirect("//hub.test:1/x"), same("https://hub.test:1/x"));
    for uri in [
        "https://hub.test:1/x",
        "https://hub.test:1/",
        "https://HUB.test:1/x",
        "https://me@hub.test:1/x",
    ] {
        assert_eq!(redirect(uri), same(uri));
    }
    for elsewhere in [
        "https://cdn.test/x",
        "http://hub.test:1/x",
        "https://hub.test:12/x",
        "https://hub.test/x",
        "https://hub.test:443/x",
        "https://hub.test:1@cdn.test/x",
        "https://hub.test:1@cdn.test:1/x",
        "https://hub.test.cdn.test:1/x",
        "https://sub.hub.test:1/x",
    ] {
        assert_eq!(redirect(elsewhere), Some((elsewhere.to_owned(), false)));
    }
    assert_eq!(
        redirect("//cdn.test/x"),
        Some(("https://cdn.test/x".to_owned(), false))
    );
    for invalid in [
        "",
        "x",
        "cdn.test",
        "file:///etc/passwd",
        "ftp://hub.test:1/x",
        "https://",
        "https:/x",
        "https://hub.test:1\\@cdn.test/x",
        "https://hub.test:1/a b",
    ] {
        assert_eq!(redirect(invalid), None, "{invalid:?}");
    }
}

#[test]
fn the_default_port_may_be_omitted() {
    let is_same = |a, b| is_same_origin(&Uri::from_static(a), &Uri::from_static(b));
    assert!(is_same("https://hub.test/x", "https://hub.test:443/y"));
    assert!(is_same("http://hub.test:80/x", "http://hub.test/y"));
    assert!(!is_same("http://hub.test:443/x", "https://hub.test/y"));
    assert!(!is_same("/x", "/x"));
}

#[test]
fn a_relative_redirect_keeps_the_user_of_the_endpoint() {
    let base = Uri::from_static("https://me:secret@hub.test/a");
    let uri = resolve(&base, "/b").unwrap();
    assert_eq!(uri, "https://me:secret@hub.test/b");
}

#[test]
fn segments_are_encoded_and_user_names_are_redacted() {
    assert_eq!(percent_encode("a b#ä%.pt"), "a%20b%23%C3%A4%25.pt");
    assert_eq!(percent_encode("refs/pr/1"), "refs%2Fpr%2F1");
    assert_eq!(
        redact_userinfo("https://me:secret@hub.test/x"),
        "https://hub.test/x"
    );
    assert_eq!(
        redact_userinfo("https://me:se@cret@hub.test"),
        "https://hub.test"
    );
    assert_eq!(redact_userinfo("me:secret@hub.test"), "hub.test");
    assert_eq!(redact_userinfo("https://hub.test"), "https://hub.test");
}
