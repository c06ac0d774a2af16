//! Tokens that options name by their id or by their text.

use crate::error::UsageError;
use wolfgang_generate::Tokenizer;

/// The ids of tokens that are given as an id or as a text of exactly one token.
pub(crate) fn token_ids(
    option: &str,
    tokens: &[String],
    tokenizer: &Tokenizer,
) -> Result<Vec<u32>, UsageError> {
    let id = |token: &String| token_id(token, tokenizer).ok_or_else(|| no_token(option, token));
    tokens.iter().map(id).collect()
}

fn token_id(token: &str, tokenizer: &Tokenizer) -> Option<u32> {
    token.parse().ok().or_else(|| tokenizer.token_id(token))
}

fn no_token(option: &str, given: &str) -> UsageError {
    UsageError(format!(
        "{option} is {given:?}, but it must be a token id or a text of exactly one token"
    ))
}

/// A token and its bias, as `ID=NUMBER` or `TOKEN=NUMBER`.
pub(crate) fn logit_bias(given: &str, tokenizer: &Tokenizer) -> Result<(u32, f32), UsageError> {
    // The token itself may contain an equals sign.
    let parts = given.rsplit_once('=');
    let Some((token, Ok(bias))) = parts.map(|(token, bias)| (token, bias.parse())) else {
        return Err(UsageError(format!(
            "--logit-bias is {given:?}, but it must be ID=NUMBER or TOKEN=NUMBER"
        )));
    };
    let id = token_id(token, tokenizer).ok_or_else(|| no_token("--logit-bias", token))?;
    Ok((id, bias))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_by_id_or_by_text() {
        let tokenizer = crate::bundled_model::tokenizer().unwrap();
        let comma = tokenizer.token_id(",").unwrap();
        let equals = tokenizer.token_id("=").map(|id| ("==2", (id, 2.0)));
        let cases = [("17=0.5", (17, 0.5)), (",=-3", (comma, -3.0))];
        for (given, expected) in cases.into_iter().chain(equals) {
            assert_eq!(logit_bias(given, &tokenizer).unwrap(), expected, "{given}");
        }
        for bad in ["17", "17=viel", "zwei Wörter=1", ""] {
            let UsageError(message) = logit_bias(bad, &tokenizer).unwrap_err();
            assert!(message.starts_with("--logit-bias is "), "{message}");
        }
    }
}
