//! URLs, as text: what is asked for, and where it leads.

use std::fmt::Write as _;

/// Where a response leads to.
pub(super) struct Redirect {
    pub(super) url: String,
    pub(super) same_server: bool,
}

/// Where `location`, sent for `url`, leads to. The same server is one with the same protocol, host and port.
pub(super) fn resolve(url: &str, location: &str) -> Option<Redirect> {
    let host = url.find("://")? + 3;
    let server = &url[..url[host..].find('/').map_or(url.len(), |end| host + end)];
    let url = if location.starts_with("//") {
        format!("{}{location}", &url[..host - 2])
    } else if location.starts_with('/') {
        format!("{server}{location}")
    } else if location.starts_with("https://") || location.starts_with("http://") {
        location.to_owned()
    } else {
        return None;
    };
    let rest = url.strip_prefix(server);
    let same_server = rest.is_some_and(|rest| rest.starts_with('/'));
    Some(Redirect { url, same_server })
}

/// `name` as a part of a URL.
pub(super) fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(byte.into());
            }
            // Writing to a string cannot fail.
            _ => drop(write!(escaped, "%{byte:02X}")),
        }
    }
    escaped
}

/// The endpoint as it may be shown: some have a user and a password before the host.
pub(super) fn without_password(endpoint: &str) -> String {
    let Some((before, host)) = endpoint.rsplit_once('@') else {
        return endpoint.to_owned();
    };
    match before.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://{host}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_server_gets_the_token() {
        let to = |location: &str| {
            let next = resolve("https://hub.test:1/a/resolve/b/c", location)?;
            Some((next.url, next.same_server))
        };
        let here = |url: &str| Some((url.to_owned(), true));
        assert_eq!(to("/x?y"), here("https://hub.test:1/x?y"));
        assert_eq!(to("https://hub.test:1/x"), here("https://hub.test:1/x"));
        assert_eq!(to("//hub.test:1/x"), here("https://hub.test:1/x"));
        for elsewhere in [
            "https://cdn.test/x",
            "http://hub.test:1/x",
            "https://hub.test:12/x",
            "https://hub.test/x",
            "https://hub.test:1@cdn.test/x",
            "https://hub.test:1",
        ] {
            assert_eq!(to(elsewhere), Some((elsewhere.to_owned(), false)));
        }
        assert_eq!(
            to("//cdn.test/x"),
            Some(("https://cdn.test/x".to_owned(), false))
        );
        for nowhere in ["", "x", "file:///etc/passwd"] {
            assert_eq!(to(nowhere), None, "{nowhere:?}");
        }
    }

    #[test]
    fn urls_hold_any_name_and_show_no_password() {
        assert_eq!(escaped("a b#ä%.pt"), "a%20b%23%C3%A4%25.pt");
        assert_eq!(
            without_password("https://me:secret@hub.test/x"),
            "https://hub.test/x"
        );
        assert_eq!(without_password("me:secret@hub.test"), "hub.test");
        assert_eq!(without_password("https://hub.test"), "https://hub.test");
    }
}
