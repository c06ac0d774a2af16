//! API keys.

use crate::ServeError;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq};

/// The hashes of the keys. Hashes have the same length, so that a comparison takes the same time
/// for every key.
#[derive(Clone, Default)]
pub(crate) struct ApiKeys(Arc<[[u8; 32]]>);

impl ApiKeys {
    pub(crate) fn new<'a>(keys: impl IntoIterator<Item = &'a str>) -> Result<Self, ServeError> {
        let mut hashes = Vec::new();
        for key in keys {
            if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                let index = hashes.len() + 1;
                return Err(ServeError::InvalidKey { index });
            }
            hashes.push(Sha256::digest(key).into());
        }
        if hashes.is_empty() {
            return Err(ServeError::NoKeys);
        }
        Ok(Self(hashes.into()))
    }

    pub(crate) fn is_required(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether the headers have one of the keys, as `Authorization: Bearer KEY` or `X-Api-Key: KEY`.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> bool {
        if !self.is_required() {
            return true;
        }
        let bearer = headers.get(AUTHORIZATION).and_then(|value| {
            let (scheme, key) = value.as_bytes().split_at_checked(7)?;
            scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
        });
        let key = headers.get("x-api-key").map(|value| value.as_bytes());
        let mut equal = Choice::from(0);
        for key in bearer.into_iter().chain(key) {
            let hash: [u8; 32] = Sha256::digest(key.trim_ascii()).into();
            // Every key is compared, whether or not an earlier one is equal.
            for known in self.0.iter() {
                equal |= known.as_slice().ct_eq(&hash);
            }
        }
        equal.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_keys_is_required_in_either_header() {
        let keys = ApiKeys::new(["one", "two"]).unwrap();
        let admits = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            keys.admit(&headers)
        };
        assert!(admits("authorization", "Bearer one"));
        assert!(admits("authorization", "bearer  two"));
        assert!(admits("x-api-key", "two"));
        for wrong in [
            "Bearer three",
            "Bearer ",
            "Bearer on",
            "Bearer onee",
            "Basic one",
            "one",
        ] {
            assert!(!admits("authorization", wrong), "{wrong}");
        }
        assert!(!keys.admit(&HeaderMap::new()));
        let mut both = HeaderMap::new();
        both.insert("authorization", "Bearer none".parse().unwrap());
        both.insert("x-api-key", "two".parse().unwrap());
        assert!(keys.admit(&both));
        assert!(ApiKeys::default().admit(&HeaderMap::new()));
        assert!(matches!(
            ApiKeys::new(["a", "b c"]),
            Err(ServeError::InvalidKey { index: 2 })
        ));
        assert!(matches!(ApiKeys::new([]), Err(ServeError::NoKeys)));
    }
}
