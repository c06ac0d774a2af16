//! Every field of a request, in one table: what it holds, and whether it has an effect.
//!
//! Requests are checked against the table, and the table of `docs/serving.md` and the schemas of
//! `/openapi.json` are made from it.

use Kind::{
    Any, Bias, Boolean, Ids, Integer, Messages, Number, Object, Prompt, StreamOptions, Text, Texts,
};
use Support::{NoEffect, Rejected, Supported};

/// The routes that a field belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Route {
    /// `/v1/completions`.
    Completions,
    /// `/v1/chat/completions`.
    Chat,
}

/// What the server does with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Support {
    /// It has its documented effect.
    Supported,
    /// It is accepted and changes nothing.
    NoEffect,
    /// It is refused with status 400, except with null or one of these values in JSON, which ask
    /// for nothing.
    Rejected(&'static [&'static str]),
}

/// The values that a field can have. `null` is always the same as a missing field.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// A finite number in a range.
    Number(f64, f64),
    /// An integer in a range.
    Integer(i64, u64),
    /// `true` or `false`.
    Boolean,
    /// A string.
    Text,
    /// A string or a list of strings.
    Texts,
    /// A list of token ids.
    Ids,
    /// A string, a list of strings, a list of token ids, or a list of such lists.
    Prompt,
    /// A list of messages.
    Messages,
    /// An object of token ids and biases.
    Bias,
    /// `include_usage` and `continuous_usage_stats`.
    StreamOptions,
    /// An object.
    Object,
    /// Any value.
    Any,
}

impl Kind {
    /// The maximum of a number without a limit, the largest that the library can represent.
    pub const UNBOUNDED: f64 = f32::MAX as f64;
}

/// A field of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub kind: Kind,
    /// What the server does with it.
    pub support: Support,
    /// What it means, and its default where that is not a matter of the server's options.
    pub note: &'static str,
}

const fn field(name: &'static str, kind: Kind, support: Support, note: &'static str) -> Field {
    Field {
        name,
        kind,
        support,
        note,
    }
}

/// A penalty, in the range of the library.
const PENALTY: Kind = Number(-1e6, 1e6);
const FROM_0: Kind = Number(0.0, Kind::UNBOUNDED);
const UP_TO_1: Kind = Number(0.0, 1.0);
const COUNT: Kind = Integer(0, u32::MAX as u64);
const COUNT_OR_MINUS_1: Kind = Integer(-1, u32::MAX as u64);
const SEED: Kind = Integer(i64::MIN, u64::MAX);

/// Fields of both routes.
#[rustfmt::skip]
const SHARED: &[Field] = &[
    field("model", Text, Supported, "the loaded model; missing or empty means the same"),
    field("max_tokens", COUNT, Supported, "maximum number of new tokens; default 16, in a chat until the context is full"),
    field("max_completion_tokens", COUNT, Supported, "the same as `max_tokens`"),
    field("n", Integer(1, 128), Supported, "number of choices per prompt; choice k has the seed `seed` + k; default 1"),
    field("seed", SEED, Supported, "seed of the first choice; -1 or missing: random, and part of the response"),
    field("stop", Texts, Supported, "strings that end the text and are not part of it"),
    field("stream", Boolean, Supported, "whether the response is a stream of server-sent events; default false"),
    field("stream_options", StreamOptions, Supported, "`include_usage`, `continuous_usage_stats`; requires `stream`"),
    field("temperature", FROM_0, Supported, "0 is greedy decoding"),
    field("top_p", UP_TO_1, Supported, "nucleus sampling; 1 disables it"),
    field("frequency_penalty", PENALTY, Supported, "0 disables it"),
    field("presence_penalty", PENALTY, Supported, "0 disables it"),
    field("logit_bias", Bias, Supported, "bias by token id"),
    field("user", Text, NoEffect, "identifies a user to OpenAI"),
    // Of other servers.
    field("top_k", COUNT_OR_MINUS_1, Supported, "keeps the k most likely tokens; 0 or -1 disables it"),
    field("min_p", UP_TO_1, Supported, "0 disables it"),
    field("typical_p", UP_TO_1, Supported, "1 disables it"),
    field("top_n_sigma", Number(-1.0, Kind::UNBOUNDED), Supported, "-1 disables it"),
    field("repetition_penalty", FROM_0, Supported, "1 disables it"),
    field("repeat_penalty", FROM_0, Supported, "the same as `repetition_penalty`"),
    field("repeat_last_n", COUNT_OR_MINUS_1, Supported, "tokens that the repetition penalty covers; -1 is all"),
    field("no_repeat_ngram_size", COUNT, Supported, "0 disables it"),
    field("dry_multiplier", FROM_0, Supported, "0 disables DRY"),
    field("dry_base", FROM_0, Supported, "requires `dry_multiplier`"),
    field("dry_allowed_length", COUNT, Supported, "requires `dry_multiplier`"),
    field("dry_penalty_last_n", COUNT_OR_MINUS_1, Supported, "requires `dry_multiplier`; -1 is all"),
    field("dry_sequence_breakers", Texts, Supported, "texts of one token; requires `dry_multiplier`"),
    field("xtc_probability", UP_TO_1, Supported, "0 disables XTC"),
    field("xtc_threshold", UP_TO_1, Supported, "requires `xtc_probability`"),
    field("mirostat", Integer(0, 2), Supported, "0 disables it, 2 is Mirostat 2; 1 is refused"),
    field("mirostat_tau", FROM_0, Supported, "target surprisal in bits; enables Mirostat 2"),
    field("mirostat_eta", FROM_0, Supported, "requires `mirostat` or `mirostat_tau`"),
    field("dynatemp_range", FROM_0, Supported, "0 disables dynamic temperature"),
    field("dynatemp_exponent", FROM_0, Supported, "requires `dynatemp_range`"),
    field("ignore_eos", Boolean, Supported, "whether to continue after the end of the text"),
    field("min_tokens", COUNT, Supported, "tokens before the model may end the text"),
    field("stop_token_ids", Ids, Supported, "ids that end the text"),
    field("include_stop_str_in_output", Boolean, Supported, "whether the text includes the stop string"),
    field("allowed_token_ids", Ids, Supported, "only these ids are sampled"),
    field("banned_token_ids", Ids, Supported, "these ids are never sampled"),
    field("return_token_ids", Boolean, Supported, "adds `token_ids` and `prompt_token_ids`"),
    field("return_tokens_as_token_ids", Boolean, Supported, "names tokens in `logprobs` `token_id:ID`"),
    field("cache_prompt", Boolean, NoEffect, "the prefix cache changes no text"),
    field("request_id", Text, NoEffect, "the response header `x-request-id` identifies a request"),
    field("priority", Integer(i64::MIN, u64::MAX), NoEffect, "requests start in the order of their arrival"),
    field("spaces_between_special_tokens", Boolean, NoEffect, "special tokens have no text"),
    field("skip_special_tokens", Boolean, Rejected(&["true"]), "special tokens have no text"),
    field("prompt_logprobs", COUNT, Rejected(&[]), "use `echo` and `logprobs`"),
    field("truncate_prompt_tokens", Any, Rejected(&[]), "a long prompt is an error"),
    field("use_beam_search", Boolean, Rejected(&["false"]), "not implemented"),
    field("length_penalty", PENALTY, Rejected(&["1", "1.0"]), "for beam search, which is not implemented"),
    field("bad_words", Texts, Rejected(&["[]"]), "use `banned_token_ids`"),
    field("samplers", Any, Rejected(&[]), "the order of the sampling chain is fixed"),
    field("grammar", Text, Rejected(&["\"\""]), "GBNF is not implemented; use `structured_outputs` with a Lark grammar"),
    field("json_schema", Object, Supported, "JSON Schema of the text"),
    field("structured_outputs", Object, Supported, "one of `json`, `regex`, `choice`, `grammar` (Lark) and `json_object`"),
    field("guided_json", Any, Supported, "JSON Schema of the text"),
    field("guided_regex", Text, Supported, "regular expression of the whole text"),
    field("guided_choice", Any, Supported, "the possible texts"),
    field("guided_grammar", Text, Supported, "Lark grammar of the text"),
    field("response_format", Object, Supported, "`text`, `json_object`, or `json_schema` with a `schema`"),
    field("logits_processors", Any, Rejected(&["[]"]), "not implemented"),
    field("lora", Any, Rejected(&["[]"]), "not implemented"),
];

#[rustfmt::skip]
const COMPLETIONS: &[Field] = &[
    field("prompt", Prompt, Supported, "required; the index of choice k of prompt i is i * n + k"),
    field("logprobs", Integer(0, 20), Supported, "number of alternatives with log-probabilities per token"),
    field("echo", Boolean, Supported, "whether the text begins with the prompt; default false"),
    field("add_special_tokens", Boolean, Supported, "whether a text begins with the model's BOS token; default true"),
    field("best_of", Integer(0, 128), Rejected(&["0", "1"]), "use `n`"),
    field("suffix", Text, Rejected(&["\"\""]), "the models cannot fill in the middle"),
    field("prompt_embeds", Any, Rejected(&[]), "not implemented"),
];

#[rustfmt::skip]
const CHAT: &[Field] = &[
    field("messages", Messages, Supported, "required; roles: system, developer, user, assistant; text only"),
    field("logprobs", Boolean, Supported, "whether tokens have log-probabilities; default false"),
    field("top_logprobs", Integer(0, 20), Supported, "number of alternatives; requires `logprobs`"),
    field("add_generation_prompt", Boolean, Supported, "whether the prompt ends with the start of a reply; default true"),
    field("metadata", Object, NoEffect, "stored by OpenAI"),
    field("store", Boolean, NoEffect, "nothing is stored"),
    field("parallel_tool_calls", Boolean, NoEffect, "there are no tools"),
    field("prompt_cache_key", Text, NoEffect, "the prefix cache needs no key"),
    field("prompt_cache_retention", Text, NoEffect, "the size of the prefix cache is an option of the server"),
    field("prompt_cache_options", Object, NoEffect, "the prefix cache has no options per request"),
    field("safety_identifier", Text, NoEffect, "identifies a user to OpenAI"),
    field("service_tier", Text, NoEffect, "there is one tier"),
    field("reasoning_effort", Text, NoEffect, "the models have no reasoning mode"),
    field("verbosity", Text, NoEffect, "the models have no such setting"),
    field("modalities", Any, Rejected(&["[\"text\"]"]), "only text is implemented"),
    field("tools", Any, Rejected(&["[]"]), "not implemented"),
    field("tool_choice", Any, Rejected(&["\"none\"", "\"auto\""]), "not implemented"),
    field("functions", Any, Rejected(&["[]"]), "not implemented"),
    field("function_call", Any, Rejected(&["\"none\"", "\"auto\""]), "not implemented"),
    field("audio", Object, Rejected(&[]), "not implemented"),
    field("prediction", Object, Rejected(&[]), "not implemented"),
    field("web_search_options", Object, Rejected(&[]), "not implemented"),
    field("moderation", Any, Rejected(&[]), "not implemented"),
    field("echo", Boolean, Rejected(&["false"]), "use `/v1/completions`"),
    field("continue_final_message", Boolean, Rejected(&["false"]), "not implemented"),
    field("chat_template", Text, Rejected(&[]), "templates come from the model only"),
    field("chat_template_kwargs", Object, Rejected(&["{}"]), "not implemented"),
    field("documents", Any, Rejected(&["[]"]), "not implemented"),
];

/// Returns the fields of a route: those of OpenAI, then those that llama-server and vLLM have in
/// addition.
pub fn fields(route: Route) -> impl Iterator<Item = &'static Field> {
    let own = match route {
        Route::Completions => COMPLETIONS,
        Route::Chat => CHAT,
    };
    own.iter().chain(SHARED)
}
