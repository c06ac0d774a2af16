//! Bodies of requests to the server.

use crate::Verdict;
use std::sync::LazyLock;
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::WolfgangGenerator;
use wolfgang_model::{Device, ModelConfig};
use wolfgang_serve::{ApiContext, ApiError, ApiRequest, Defaults, Route};
use wolfgang_tokenize::{ChatTemplate, Tokenizer};

/// The first byte of a body of `/v1/chat/completions`; other bodies are of `/v1/completions`.
const CHAT: u8 = b'm';

/// Generations of more choices are not created, because they take memory; the server bounds them.
const MAX_CHOICES: usize = 8;

/// A byte for the route, then the body.
pub(crate) fn request(input: &[u8]) -> Verdict {
    let Some((route, body)) = input.split_first() else {
        return Verdict::Refused;
    };
    let route = match *route {
        CHAT => Route::Chat,
        _ => Route::Completions,
    };
    let request = match ApiRequest::parse(route, body, &CONTEXT) {
        Ok(request) => request,
        Err(error) => return refused(&error),
    };
    assert!(request.n_choices() > 0);
    if request.n_choices() > MAX_CHOICES {
        return Verdict::Accepted;
    }
    match request.choices(&CONTEXT) {
        Ok(choices) => {
            assert_eq!(choices.len(), request.n_choices());
            Verdict::Accepted
        }
        Err(error) => refused(&error),
    }
}

/// Checks that an error is that of the client, in OpenAI's form.
fn refused(error: &ApiError) -> Verdict {
    assert!([400, 404].contains(&error.status), "{error:?}");
    assert!(
        !error.message.is_empty() && error.code.is_some(),
        "{error:?}"
    );
    let json: serde_json::Value = serde_json::from_str(&error.to_json()).unwrap();
    for key in ["message", "type", "param", "code"] {
        assert!(json["error"].get(key).is_some(), "{json}");
    }
    Verdict::Refused
}

static CONTEXT: LazyLock<ApiContext> = LazyLock::new(|| {
    let json = include_str!("../../../fuzz/stream_tokenizer.json");
    let template = ChatTemplate::new(
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}{{ eos_token }}{% endfor %}\
         {% if add_generation_prompt %}<|assistant|>{% endif %}",
    );
    let template = template.unwrap().with_token("eos_token", "<|endoftext|>");
    let tokenizer = Tokenizer::from_bytes(json.as_bytes()).unwrap();
    let tokenizer = tokenizer.with_chat_template(template);
    let config = ModelConfig::default()
        .with_n_layer(1)
        .with_n_embd(20)
        .with_block_size(64)
        .with_vocab_size(tokenizer.vocab_size());
    let model = Checkpoint::random(&config, 1).unwrap();
    let model = model.into_model(&Device::flex()).unwrap();
    let generator = WolfgangGenerator::new(model, tokenizer).unwrap();
    ApiContext::new(generator, "tiny", Defaults::default()).unwrap()
});
