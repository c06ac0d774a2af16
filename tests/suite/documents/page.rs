//! The page of `wolfgang serve`: one small file that loads nothing and interprets no text as
//! markup. `cargo xtask check-page` tests it in a browser.

use crate::fixtures::repository;

fn page() -> String {
    std::fs::read_to_string(repository("crates/wolfgang-serve/page/index.html")).unwrap()
}

/// The content of the only element of this name.
fn only<'a>(page: &'a str, name: &str) -> &'a str {
    let parts: Vec<_> = page.split(&format!("<{name}>")).collect();
    assert_eq!(
        parts.len(),
        2,
        "<{name}> must occur once, without attributes"
    );
    let (content, rest) = parts[1].split_once(&format!("</{name}>")).unwrap();
    assert!(
        !rest.contains(&format!("</{name}")),
        "</{name}> occurs twice"
    );
    content
}

#[test]
fn the_page_is_one_small_file_that_loads_nothing() {
    let page = page();
    assert!(page.len() < 100_000, "{} bytes", page.len());
    let (style, script) = (only(&page, "style"), only(&page, "script"));
    let markup = page.replace(style, "").replace(script, "");
    for external in ["src=", "@import", "url(", "integrity="] {
        assert!(!page.contains(external), "{external}");
    }
    assert_eq!(markup.matches("<link ").count(), 1);
    assert!(markup.contains("<link rel=\"icon\" href=\"data:image/svg+xml,"));
    // The name of a namespace in the icon is no address.
    let addresses = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!addresses.contains("http://") && !addresses.contains("https://"));
}

#[test]
fn the_page_interprets_no_text_as_markup_or_code() {
    let page = page();
    let script = only(&page, "script");
    for sink in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "setHTML",
        "document.write",
        "DOMParser",
        "createContextualFragment",
        "srcdoc",
        "eval(",
        "Function(",
        "import(",
        "trustedTypes",
    ] {
        assert!(!script.contains(sink), "{sink}");
    }
    // The policy refuses both, so they would have no effect.
    let markup = page.replace(script, "");
    for inline in [
        " onclick=",
        " onload=",
        " onerror=",
        " style=",
        "javascript:",
    ] {
        assert!(!markup.contains(inline), "{inline}");
    }
}
