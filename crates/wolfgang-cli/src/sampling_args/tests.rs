//! Tests of the options and of their merging.

use super::*;
use clap::{CommandFactory, Parser};
use params::ALL_TOKENS;
use wolfgang_generate::{
    DryParams, DynamicTemperatureParams, MirostatParams, SamplingParams, XtcParams,
};

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    sampling: SamplingArgs,
}

fn parse(args: &str) -> SamplingArgs {
    let args = args.split_whitespace();
    Command::parse_from(std::iter::once("command").chain(args)).sampling
}

/// Written out in full, so that a new parameter without an option does not compile.
#[test]
fn every_parameter_has_an_option() {
    let args = parse(
        "--allow-token 7 --allow-token 8 --ban-token 9 --no-repeat-ngram 3 --logit-bias 8=-1.5 \
         --frequency-penalty 0.25 --presence-penalty -0.5 --dry-multiplier 0.5 --dry-base 2 \
         --dry-allowed-length 3 --dry-window 99 --dry-breaker 11 --temperature 0.75 \
         --dynatemp-range 0.125 --dynatemp-exponent 2 --repetition-penalty 1.25 \
         --repetition-window 12 --penalize generated --top-n-sigma 1.5 --top-k 5 --typical-p 0.5 \
         --top-p 0.25 --min-p 0.0625 --xtc-probability 0.75 --xtc-threshold 0.375 \
         --mirostat-tau 4 --mirostat-eta 0.25 --rng torch",
    );
    args.check().unwrap();
    let expected = SamplingParams::default()
        .with_allowed_tokens(vec![7, 8])
        .with_banned_tokens([9])
        .with_min_new_tokens(6)
        .with_no_repeat_ngram_size(3)
        .with_logit_bias([(8, -1.5)])
        .with_frequency_penalty(0.25)
        .with_presence_penalty(-0.5)
        .with_dry(
            DryParams::default()
                .with_multiplier(0.5)
                .with_base(2.0)
                .with_allowed_length(3)
                .with_window(99)
                .with_sequence_breakers([11]),
        )
        .with_temperature(0.75)
        .with_dynamic_temperature(DynamicTemperatureParams::new(0.125).with_exponent(2.0))
        .with_repetition_penalty(1.25)
        .with_repetition_window(12)
        .with_penalty_scope(PenaltyScope::Generated)
        .with_top_n_sigma(1.5)
        .with_top_k(5)
        .with_typical_p(0.5)
        .with_top_p(0.25)
        .with_min_p(0.0625)
        .with_xtc(
            XtcParams::default()
                .with_probability(0.75)
                .with_threshold(0.375),
        )
        .with_mirostat(MirostatParams::default().with_tau(4.0).with_eta(0.25))
        .with_rng(RngKind::Torch);
    let found = args
        .params_for(None, &crate::bundled_model::tokenizer().unwrap(), 6)
        .unwrap();
    assert_eq!(found, expected);
}

#[test]
fn without_options_the_parameters_are_the_libraries() {
    assert_eq!(parse("").params(None), SamplingParams::default());
    let steps = [
        "--dry-multiplier 1",
        "--xtc-probability 0.5",
        "--mirostat-tau 5",
    ];
    let params = parse(&steps.join(" ")).params(None);
    let dry = DryParams::default().with_multiplier(1.0);
    assert_eq!(params.dry, Some(dry));
    assert_eq!(params.xtc, Some(XtcParams::default()));
    assert_eq!(params.mirostat, Some(MirostatParams::default()));
}

#[test]
fn what_means_off_is_off() {
    let params =
        parse("--top-k 0 --top-p 1 --min-p 0 --typical-p 1 --dynatemp-range 0").params(None);
    let expected = SamplingParams::default().with_top_k(None).with_top_p(None);
    assert_eq!(params, expected);
    assert_eq!(
        parse("--preset creative --min-p 0").params(None).min_p,
        None
    );
}

#[test]
fn minus_one_means_what_other_programs_mean_by_it() {
    let params = parse(
        "--top-k -1 --top-n-sigma -1 --no-repeat-ngram 0 --repetition-window -1 \
         --dry-multiplier 1 --dry-window -1",
    )
    .params(None);
    params.validate().unwrap();
    assert_eq!(
        (
            params.top_k,
            params.top_n_sigma,
            params.no_repeat_ngram_size
        ),
        (None, None, None)
    );
    assert_eq!(params.repetition_window, usize::MAX);
    assert_eq!(params.dry.unwrap().window, ALL_TOKENS);
}

#[test]
fn the_higher_layer_wins_and_its_preset_is_a_whole() {
    let file = || parse("--temperature 0.9 --min-p 0.3 --seed 5");
    let over = |args: &str| parse(args).over(file());
    assert_eq!(over("").params(None).temperature, 0.9);
    assert_eq!(over("--temperature 0.4").params(None).temperature, 0.4);
    assert_eq!(over("--temperature 0.4").params(None).min_p, Some(0.3));
    let goethe = over("--preset goethe --top-k 3");
    let expected = Preset::Goethe.sampling(None).with_top_k(3);
    assert_eq!((goethe.params(None), goethe.seed()), (expected, Some(5)));
    assert_eq!(over("--seed -1").seed(), None);
    // The lower layer's preset, changed by what stands above.
    let lower = parse("--preset greedy");
    let mixed = file().over(lower).params(None);
    assert_eq!((mixed.temperature, mixed.repetition_penalty), (0.9, 1.0));
}

#[test]
fn help_states_the_defaults_that_hold() {
    let params = SamplingParams::default();
    let (dry, xtc) = (DryParams::default(), XtcParams::default());
    let stated = [
        ("temperature", params.temperature.to_string()),
        ("top_k", params.top_k.unwrap().to_string()),
        ("top_p", params.top_p.unwrap().to_string()),
        ("repetition_penalty", params.repetition_penalty.to_string()),
        ("repetition_window", params.repetition_window.to_string()),
        ("dry_base", dry.base.to_string()),
        ("dry_allowed_length", dry.allowed_length.to_string()),
        ("dry_window", dry.window.to_string()),
        ("xtc_threshold", xtc.threshold.to_string()),
        ("mirostat_eta", MirostatParams::default().eta.to_string()),
    ];
    let command = Command::command();
    for (option, default) in stated {
        let argument = command.get_arguments().find(|a| a.get_id() == option);
        let help = argument.unwrap().get_help().unwrap().to_string();
        assert!(
            help.ends_with(&format!("[default: {default}]")),
            "{option}: {help}"
        );
    }
}

#[test]
fn an_option_that_would_do_nothing_is_refused() {
    for (alone, needed) in [
        ("--dry-base 2", "--dry-multiplier"),
        ("--dry-breaker 1", "--dry-multiplier"),
        ("--xtc-threshold 0.2", "--xtc-probability"),
        ("--mirostat-eta 0.2", "--mirostat-tau"),
        ("--dynatemp-exponent 2", "--dynatemp-range"),
    ] {
        let UsageError(message) = parse(alone).check().unwrap_err();
        assert!(message.ends_with(needed), "{message}");
    }
}

#[test]
fn options_override_what_the_model_recommends() {
    let recommended = SamplingParams::default()
        .with_temperature(0.3)
        .with_top_k(7)
        .with_min_p(0.1);
    let args = parse("--preset model --top-k 5 --min-p 0");
    let expected = recommended.clone().with_top_k(5).with_min_p(None);
    assert_eq!(args.params(Some(&recommended)), expected);
    assert_eq!(
        parse("--top-k 5").params(Some(&recommended)).temperature,
        0.6
    );
}
