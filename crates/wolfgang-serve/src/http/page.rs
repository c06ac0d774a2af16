//! The web page, one file without references to others.

use crate::http::response::set;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::response::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

const HTML: &str = include_str!("../../page/index.html");

#[derive(Debug)]
pub(crate) struct Page {
    etag: String,
    policy: String,
}

impl Page {
    pub(crate) fn new() -> Self {
        let digest = Sha256::digest(HTML);
        let digits: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        Self {
            etag: format!("\"{digits}\""),
            policy: policy(HTML),
        }
    }

    pub(crate) fn response(&self, headers: &HeaderMap) -> Response {
        let known = headers.get(IF_NONE_MATCH);
        let is_known = known.is_some_and(|etag| etag.as_bytes() == self.etag.as_bytes());
        let mut response = match is_known {
            true => Response::new(Body::empty()),
            false => Response::new(Body::from(HTML)),
        };
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        set(&mut response, CONTENT_TYPE, "text/html; charset=utf-8");
        set(&mut response, ETAG, &self.etag);
        set(&mut response, CACHE_CONTROL, "no-cache");
        set(&mut response, CONTENT_SECURITY_POLICY, &self.policy);
        set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(&mut response, X_FRAME_OPTIONS, "DENY");
        set(&mut response, REFERRER_POLICY, "no-referrer");
        response
    }
}

/// Only the scripts and styles of the page itself run, by their hashes, and they connect only to
/// this server. Text never becomes markup (trusted types).
fn policy(html: &str) -> String {
    let hashes = |element: &str| -> String {
        let (start, end) = (format!("<{element}>"), format!("</{element}>"));
        let texts = html.split(&start).skip(1);
        let texts = texts.filter_map(|rest| rest.split(&end).next());
        let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
        let sources: Vec<_> = texts
            .map(|text| format!("'sha256-{}'", hash(text)))
            .collect();
        match sources.is_empty() {
            true => "'none'".to_owned(),
            false => sources.join(" "),
        }
    };
    format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        hashes("script"),
        hashes("style")
    )
}
