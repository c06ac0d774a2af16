//! docs/parity.md names every parameter there is: ours, the command's, and those of the three that it compares us with.

use crate::fixtures::{repository, wolfgang};
use wolfgang_generate::{
    DryParams, DynamicTemperatureParams, GenerateOptions, MirostatParams, SamplingParams, XtcParams,
};

fn document() -> String {
    std::fs::read_to_string(repository("docs/parity.md")).unwrap()
}

/// The part of the document under this heading.
fn section(heading: &str) -> String {
    let document = document();
    let (_, rest) = document.split_once(&format!("\n## {heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

/// Names that this part does not have as code.
fn missing<'a>(section: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let spans: Vec<&str> = section.split('`').skip(1).step_by(2).collect();
    let names = names.into_iter();
    names.filter(|name| !spans.contains(name)).collect()
}

/// The names of the fields of a value as `{:#?}` writes it, those of a field's own fields behind a dot.
fn fields(debug: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    let mut outer = String::new();
    for line in debug.lines() {
        let name = line.trim_start();
        let depth = line.len() - name.len();
        let Some((name, _)) = name.split_once(": ") else {
            continue;
        };
        if depth == 4 {
            name.clone_into(&mut outer);
            fields.push(outer.clone());
        } else {
            fields.push(format!("{outer}.{name}"));
        }
    }
    fields
}

#[test]
fn every_field_of_ours_is_explained() {
    let everything = SamplingParams::default()
        .with_dry(DryParams::default())
        .with_dynamic_temperature(DynamicTemperatureParams::new(0.1))
        .with_xtc(XtcParams::default())
        .with_mirostat(MirostatParams::default());
    let sampling = fields(&format!("{everything:#?}"));
    assert!(sampling.contains(&"dry.sequence_breakers".to_owned()));
    let options = fields(&format!("{:#?}", GenerateOptions::default()));
    assert!(options.contains(&"max_new_tokens".to_owned()));
    // What is below the parameters of sampling is the first list again.
    let options = options.iter().filter(|name| !name.contains('.'));
    let names = sampling.iter().chain(options).map(String::as_str);
    let section = section("Every option, exactly");
    assert_eq!(missing(&section, names), [""; 0]);
}

/// The options of `wolfgang generate` under this heading of its help.
fn flags(heading: &str) -> Vec<String> {
    let help = wolfgang().args(["generate", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, rest) = help.split_once(&format!("\n{heading}:\n")).unwrap();
    let words = rest
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with(' '));
    words
        .filter(|line| line.trim_start().starts_with('-'))
        .filter_map(|line| Some(line.split_once("--")?.1))
        .map(|flag| format!("--{}", flag.split(' ').next().unwrap()))
        .collect()
}

#[test]
fn every_flag_is_explained_and_none_is_made_up() {
    let shaping: Vec<String> = ["Sampling", "Length"].map(flags).concat();
    assert!(shaping.contains(&"--top-p".to_owned()), "{shaping:?}");
    let section = section("Every option, exactly");
    let names = shaping.iter().map(String::as_str);
    assert_eq!(missing(&section, names), [""; 0]);

    let known: Vec<String> = ["Options", "Model", "Sampling", "Length"]
        .map(flags)
        .concat();
    let document = document();
    let spans = document.split('`').skip(1).step_by(2);
    for flag in spans.flat_map(str::split_whitespace) {
        let is_flag = flag.starts_with("--");
        assert!(!is_flag || known.iter().any(|name| name == flag), "{flag}");
    }
}

/// The fields of `GenerationConfig` in transformers 4.57.6 and 5.24.0.
const TRANSFORMERS: &str = "
    max_length max_new_tokens min_length min_new_tokens early_stopping max_time stop_strings do_sample num_beams use_mtp
    use_cache cache_implementation cache_config max_cache_len temperature top_k top_p min_p top_h typical_p epsilon_cutoff
    eta_cutoff repetition_penalty encoder_repetition_penalty length_penalty no_repeat_ngram_size bad_words_ids
    renormalize_logits forced_bos_token_id forced_eos_token_id remove_invalid_values exponential_decay_length_penalty
    suppress_tokens begin_suppress_tokens sequence_bias token_healing guidance_scale watermarking_config
    num_return_sequences output_attentions output_hidden_states output_scores output_logits return_dict_in_generate
    pad_token_id bos_token_id eos_token_id encoder_no_repeat_ngram_size decoder_start_token_id is_assistant
    num_assistant_tokens num_assistant_tokens_schedule assistant_confidence_threshold prompt_lookup_num_tokens
    max_matching_ngram_size assistant_early_exit assistant_lookbehind target_lookbehind assistant_ensemble_weight
    speculation_type compile_config disable_compile continuous_batching_config low_memory penalty_alpha dola_layers
    diversity_penalty num_beam_groups constraints force_words_ids prefill_chunk_size transformers_version
    return_legacy_cache";

/// The sampling parameters of llama.cpp, and those of `common_params` that shape a text.
const LLAMA_CPP: &str = "
    seed n_prev n_probs min_keep top_k top_p min_p xtc_probability xtc_threshold typ_p temp dynatemp_range
    dynatemp_exponent penalty_last_n penalty_repeat penalty_freq penalty_present dry_multiplier dry_base
    dry_allowed_length dry_penalty_last_n adaptive_target adaptive_decay mirostat top_n_sigma mirostat_tau mirostat_eta
    ignore_eos no_perf timing_per_token dry_sequence_breakers samplers grammar grammar_lazy grammar_triggers
    preserved_tokens logit_bias logit_bias_eog generation_prompt reasoning_budget_tokens backend_sampling n_predict n_ctx
    n_keep ctx_shift n_parallel n_sequences prompt prompt_file antiprompt special escape display_prompt";

const ORIGINAL: &str = "checkpoint tokenizer device prompt max_new_tokens temperature top_k top_p
    repetition_penalty stop_tokens seed stream";

#[test]
fn every_parameter_of_the_others_has_an_answer() {
    let others = [
        ("From the original", ORIGINAL),
        ("From transformers", TRANSFORMERS),
        ("From llama.cpp", LLAMA_CPP),
    ];
    for (heading, names) in others {
        let section = section(heading);
        assert_eq!(
            missing(&section, names.split_whitespace()),
            [""; 0],
            "{heading}"
        );
    }
}
