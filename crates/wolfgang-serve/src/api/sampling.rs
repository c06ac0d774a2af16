//! From the fields of a request to the options of a generation.

use crate::api::reader::Reader;
use crate::api::{ApiContext, ApiError, bias, constraint};
use wolfgang_generate::{
    DryParams, DynamicTemperatureParams, GenerateOptions, MirostatParams, SamplingParams,
    Tokenizer, XtcParams,
};

/// Each stop string costs time for each byte of the text. OpenAI allows 4.
const MAX_STOP_STRINGS: usize = 64;

/// Maximum size of all stop strings in bytes. Each choice of a request has a table of them.
const MAX_STOP_BYTES: usize = 4096;

/// The options of a generation: the defaults, changed by the fields of the request.
pub(crate) fn options(
    reader: &mut Reader,
    context: &ApiContext,
    max_tokens: usize,
) -> Result<GenerateOptions, ApiError> {
    let mut options = context.defaults.options.clone();
    options.sampling = sampling(reader, context, options.sampling)?;
    let given = reader.either(["max_tokens", "max_completion_tokens"], Reader::count)?;
    options.max_new_tokens = given.or(context.defaults.max_tokens).unwrap_or(max_tokens);
    options.stop_strings = reader.texts("stop").unwrap_or(options.stop_strings);
    if options.stop_strings.len() > MAX_STOP_STRINGS {
        let n = options.stop_strings.len();
        let message = format!("stop has {n} strings, but at most {MAX_STOP_STRINGS}");
        return Err(ApiError::invalid("stop", message + " are allowed"));
    }
    let bytes: usize = options.stop_strings.iter().map(String::len).sum();
    if bytes > MAX_STOP_BYTES {
        let message = format!("stop has {bytes} bytes, but at most {MAX_STOP_BYTES}");
        return Err(ApiError::invalid("stop", message + " are allowed"));
    }
    options.stop_tokens = reader
        .id_set("stop_token_ids")
        .unwrap_or(options.stop_tokens);
    let keep = reader.flag("include_stop_str_in_output");
    options.keep_stop_string = keep.unwrap_or(options.keep_stop_string);
    options.ignore_eos = reader.flag("ignore_eos").unwrap_or(options.ignore_eos);
    options.seed = seed(reader).unwrap_or(options.seed);
    options.grammar = constraint::grammar(reader)?.or(options.grammar);
    Ok(options)
}

/// The seed; −1 is a random one, and other negative numbers are taken modulo 2^64.
fn seed(reader: &mut Reader) -> Option<Option<u64>> {
    let value = reader.take("seed")?;
    match value.as_i64() {
        Some(-1) => Some(None),
        Some(seed) => Some(Some(seed as u64)),
        None => Some(value.as_u64()),
    }
}

fn sampling(
    reader: &mut Reader,
    context: &ApiContext,
    base: SamplingParams,
) -> Result<SamplingParams, ApiError> {
    let tokenizer = context.generator.tokenizer();
    let mut params = base;
    if let Some(value) = reader.take("logit_bias") {
        let vocab_size = context.generator.model().config().vocab_size;
        params.logit_bias = bias::parse(&value, vocab_size)?;
    }
    if let Some(ids) = reader.id_set("allowed_token_ids") {
        params.allowed_tokens = Some(ids);
    }
    set(&mut params.banned_tokens, reader.id_set("banned_token_ids"));
    set(&mut params.min_new_tokens, reader.count("min_tokens"));
    let ngram = reader.count("no_repeat_ngram_size");
    set_unless(&mut params.no_repeat_ngram_size, ngram, &[0]);
    let frequency = reader.number("frequency_penalty");
    set(&mut params.frequency_penalty, frequency);
    set(
        &mut params.presence_penalty,
        reader.number("presence_penalty"),
    );
    params.dry = dry(reader, tokenizer, params.dry)?;
    set(&mut params.temperature, reader.number("temperature"));
    params.dynamic_temperature = dynamic_temperature(reader, params.dynamic_temperature)?;
    let names = ["repetition_penalty", "repeat_penalty"];
    set(
        &mut params.repetition_penalty,
        reader.either(names, Reader::number)?,
    );
    if let Some(window) = reader.integer("repeat_last_n") {
        params.repetition_window = usize::try_from(window).unwrap_or(usize::MAX);
    }
    let sigma = reader.number("top_n_sigma");
    set_unless(&mut params.top_n_sigma, sigma, &[-1.0]);
    if let Some(k) = reader.integer("top_k") {
        params.top_k = usize::try_from(k).ok().filter(|k| *k > 0);
    }
    set_unless(&mut params.typical_p, reader.number("typical_p"), &[1.0]);
    set_unless(&mut params.top_p, reader.number("top_p"), &[1.0]);
    set_unless(&mut params.min_p, reader.number("min_p"), &[0.0]);
    params.xtc = xtc(reader, params.xtc)?;
    params.mirostat = mirostat(reader, params.mirostat)?;
    Ok(params)
}

fn set<T>(parameter: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *parameter = given;
    }
}

/// Sets an optional parameter, to `None` for the values that disable it.
fn set_unless<T: PartialEq>(parameter: &mut Option<T>, given: Option<T>, off: &[T]) {
    if let Some(given) = given {
        *parameter = Some(given).filter(|given| !off.contains(given));
    }
}

fn requires(field: &str, other: &str) -> ApiError {
    ApiError::invalid(field, format!("{field} has no effect without {other}"))
}

fn dry(
    reader: &mut Reader,
    tokenizer: &Tokenizer,
    base: Option<DryParams>,
) -> Result<Option<DryParams>, ApiError> {
    let multiplier = reader.number("dry_multiplier");
    let mut dry = match (multiplier, base) {
        (Some(multiplier), base) => Some(base.unwrap_or_default().with_multiplier(multiplier)),
        (None, base) => base,
    };
    for name in [
        "dry_base",
        "dry_allowed_length",
        "dry_penalty_last_n",
        "dry_sequence_breakers",
    ] {
        let Some(value) = reader.take(name) else {
            continue;
        };
        let Some(dry) = &mut dry else {
            return Err(requires(name, "dry_multiplier"));
        };
        let count = || value.as_i64().and_then(|n| usize::try_from(n).ok());
        match name {
            "dry_base" => dry.base = value.as_f64().unwrap_or_default() as f32,
            "dry_allowed_length" => dry.allowed_length = count().unwrap_or_default(),
            // -1: more tokens than any context has.
            "dry_penalty_last_n" => dry.window = count().unwrap_or(1 << 20),
            _ => dry.sequence_breakers = breakers(&value, tokenizer)?,
        }
    }
    Ok(dry.filter(|dry| dry.multiplier != 0.0))
}

fn breakers(value: &serde_json::Value, tokenizer: &Tokenizer) -> Result<Vec<u32>, ApiError> {
    let texts = match value {
        serde_json::Value::Array(texts) => texts.iter().collect(),
        text => vec![text],
    };
    let id = |text: &serde_json::Value| {
        let text = text.as_str().unwrap_or_default();
        tokenizer.token_id(text).ok_or_else(|| {
            let message = format!(
                "dry_sequence_breakers has {text:.40?}, but it must be a text of exactly one token"
            );
            ApiError::invalid("dry_sequence_breakers", message)
        })
    };
    texts.into_iter().map(id).collect()
}

fn dynamic_temperature(
    reader: &mut Reader,
    base: Option<DynamicTemperatureParams>,
) -> Result<Option<DynamicTemperatureParams>, ApiError> {
    let mut dynamic = match reader.number("dynatemp_range") {
        Some(0.0) => None,
        Some(range) => Some(DynamicTemperatureParams::new(range)),
        None => base,
    };
    if let Some(exponent) = reader.number("dynatemp_exponent") {
        let dynamic = dynamic.as_mut();
        let dynamic = dynamic.ok_or_else(|| requires("dynatemp_exponent", "dynatemp_range"))?;
        dynamic.exponent = exponent;
    }
    Ok(dynamic)
}

fn xtc(reader: &mut Reader, base: Option<XtcParams>) -> Result<Option<XtcParams>, ApiError> {
    let mut xtc = match reader.number("xtc_probability") {
        Some(probability) => Some(base.unwrap_or_default().with_probability(probability)),
        None => base,
    };
    if let Some(threshold) = reader.number("xtc_threshold") {
        let xtc = xtc.as_mut();
        xtc.ok_or_else(|| requires("xtc_threshold", "xtc_probability"))?
            .threshold = threshold;
    }
    Ok(xtc.filter(|xtc| xtc.probability != 0.0))
}

fn mirostat(
    reader: &mut Reader,
    base: Option<MirostatParams>,
) -> Result<Option<MirostatParams>, ApiError> {
    let mode = reader.integer("mirostat");
    let (tau, eta) = (reader.number("mirostat_tau"), reader.number("mirostat_eta"));
    let base = match mode {
        Some(1) => {
            let message = "mirostat is 1, but only Mirostat 2 is implemented: use 2";
            return Err(ApiError::invalid("mirostat", message));
        }
        Some(0) => return Ok(None),
        Some(_) => Some(base.unwrap_or_default()),
        None if tau.is_some() => Some(base.unwrap_or_default()),
        None => base,
    };
    let Some(mut params) = base else {
        return match eta {
            Some(_) => Err(requires("mirostat_eta", "mirostat_tau")),
            None => Ok(None),
        };
    };
    set(&mut params.tau, tau);
    set(&mut params.eta, eta);
    Ok(Some(params))
}
