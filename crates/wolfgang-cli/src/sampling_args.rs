//! Options for sampling.

use crate::error::UsageError;
use crate::merge::options;
use crate::named;
use crate::preset::Preset;
use crate::whole_number::{self, WholeNumber};
use wolfgang_generate::{
    DryParams, DynamicTemperatureParams, MirostatParams, PenaltyScope, RngKind, SamplingParams,
    Tokenizer, XtcParams,
};

options! {
    #[command(next_help_heading = "Sampling")]
    pub(crate) struct SamplingArgs {
        /// Named set of sampling parameters; individual options override it
        #[arg(long, value_enum, env = "WOLFGANG_PRESET", hide_env_values = true)]
        pub(crate) preset: Option<Preset>,

        /// Temperature: below 1 more predictable, above 1 more random; 0 is greedy decoding
        /// [default: 0.6]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) temperature: Option<f32>,

        /// Keep the N most likely tokens; 0 or -1 disables it [default: 40]
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        pub(crate) top_k: Option<WholeNumber>,

        /// Nucleus sampling: keep the most likely tokens up to cumulative probability F; 1 disables
        /// it [default: 0.9]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) top_p: Option<f32>,

        /// Keep the tokens with at least F times the probability of the most likely token [default:
        /// 0, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) min_p: Option<f32>,

        /// Locally typical sampling: keep the tokens whose surprisal is closest to the entropy, up
        /// to cumulative probability F [default: 1, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) typical_p: Option<f32>,

        /// Keep the tokens whose logit is within F standard deviations of the largest logit
        /// [default: -1, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) top_n_sigma: Option<f32>,

        /// Repetition penalty of recent tokens; above 1 makes them less likely, 1 disables it
        /// [default: 1.2]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) repetition_penalty: Option<f32>,

        /// Number of last tokens that the repetition penalty covers; -1 is all [default: 24]
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        pub(crate) repetition_window: Option<WholeNumber>,

        /// Tokens that the repetition penalty covers [default: context]
        #[arg(long, value_parser = named::penalty_scope())]
        pub(crate) penalize: Option<PenaltyScope>,

        /// Subtract F from the logit of a token for each time it was generated [default: 0, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) frequency_penalty: Option<f32>,

        /// Subtract F once from the logit of every token already generated [default: 0, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) presence_penalty: Option<f32>,

        /// Never repeat a sequence of N tokens [default: 0, off]
        #[arg(long, value_name = "N", value_parser = whole_number::count, allow_negative_numbers = true)]
        #[serde(deserialize_with = "whole_number::read_count")]
        pub(crate) no_repeat_ngram: Option<usize>,

        /// DRY: penalty on continuing a repetition, which grows with its length [default: 0, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) dry_multiplier: Option<f32>,

        /// DRY: growth factor of the penalty per further repeated token [default: 1.75]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) dry_base: Option<f32>,

        /// DRY: length of the shortest repetition that is penalised [default: 2]
        #[arg(long, value_name = "N", value_parser = whole_number::count, allow_negative_numbers = true)]
        #[serde(deserialize_with = "whole_number::read_count")]
        pub(crate) dry_allowed_length: Option<usize>,

        /// DRY: number of last tokens that are searched for repetitions; -1 is all [default: 4096]
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        pub(crate) dry_window: Option<WholeNumber>,

        /// DRY: sequence breaker, a token that no repetition extends across; may be repeated
        #[arg(long = "dry-breaker", value_name = "ID|TOKEN")]
        pub(crate) dry_breaker: Vec<String>,

        /// XTC: probability of removing the top choices at a step, 0 to 1 [default: 0, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) xtc_probability: Option<f32>,

        /// XTC: probability from which a token is a top choice; the least likely of them is kept
        /// [default: 0.1]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) xtc_threshold: Option<f32>,

        /// Mirostat 2: target surprisal, in bits per token [default: off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) mirostat_tau: Option<f32>,

        /// Mirostat 2: learning rate [default: 0.1]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) mirostat_eta: Option<f32>,

        /// Dynamic temperature: range around --temperature, by the entropy of the model [default:
        /// 0, off]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) dynatemp_range: Option<f32>,

        /// Dynamic temperature: exponent of the normalised entropy [default: 1]
        #[arg(long, value_name = "F", allow_negative_numbers = true)]
        pub(crate) dynatemp_exponent: Option<f32>,

        /// Add F to the logit of a token; may be repeated
        #[arg(long, value_name = "ID|TOKEN=F")]
        pub(crate) logit_bias: Vec<String>,

        /// Sample only from the tokens given; may be repeated
        #[arg(long = "allow-token", value_name = "ID|TOKEN")]
        pub(crate) allow_token: Vec<String>,

        /// Never sample this token; may be repeated
        #[arg(long = "ban-token", value_name = "ID|TOKEN")]
        pub(crate) ban_token: Vec<String>,

        /// Random seed; the same seed gives the same text [default: -1, a new one]
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        pub(crate) seed: Option<WholeNumber>,

        /// Random number generator; torch gives the texts of the Python original for its seeds
        /// [default: chacha]
        #[arg(long, value_parser = named::rng())]
        pub(crate) rng: Option<RngKind>,
    }
}

impl SamplingArgs {
    /// These options, and for those that neither they nor their preset sets the ones of `lower`.
    pub(crate) fn over(self, lower: Self) -> Self {
        if self.preset.is_some() {
            // A preset replaces all options of the lower layer but those of the random numbers.
            let (seed, rng) = (lower.seed, lower.rng);
            return self.or(Self {
                seed,
                rng,
                ..Self::default()
            });
        }
        self.or(lower)
    }

    /// The seed; `None` for a random one.
    pub(crate) fn seed(&self) -> Option<u64> {
        self.seed.and_then(WholeNumber::number)
    }

    /// The parameters, without those that contain token ids.
    pub(crate) fn params(&self) -> SamplingParams {
        self.params_over(SamplingParams::default())
    }

    /// The parameters over those that hold without options, without those that contain token ids.
    pub(crate) fn params_over(&self, default: SamplingParams) -> SamplingParams {
        let base = self.preset.map_or(default, Preset::sampling);
        let mut params = base.clone();
        params.no_repeat_ngram_size = unless(self.no_repeat_ngram, 0, base.no_repeat_ngram_size);
        params.frequency_penalty = self.frequency_penalty.unwrap_or(base.frequency_penalty);
        params.presence_penalty = self.presence_penalty.unwrap_or(base.presence_penalty);
        params.dry = self.dry();
        params.temperature = self.temperature.unwrap_or(base.temperature);
        params.dynamic_temperature = self.dynamic_temperature();
        params.repetition_penalty = self.repetition_penalty.unwrap_or(base.repetition_penalty);
        params.repetition_window = self
            .repetition_window
            .map_or(base.repetition_window, WholeNumber::tokens);
        params.penalty_scope = self.penalize.unwrap_or(base.penalty_scope);
        params.top_n_sigma = unless(self.top_n_sigma, -1.0, base.top_n_sigma);
        params.top_k = match self.top_k {
            Some(WholeNumber::Number(0) | WholeNumber::MinusOne) => None,
            Some(k) => Some(k.tokens()),
            None => base.top_k,
        };
        params.typical_p = unless(self.typical_p, 1.0, base.typical_p);
        params.top_p = unless(self.top_p, 1.0, base.top_p);
        params.min_p = unless(self.min_p, 0.0, base.min_p);
        params.xtc = self.xtc();
        params.mirostat = self.mirostat();
        params.rng = self.rng.unwrap_or(base.rng);
        params
    }

    /// The parameters with those that contain token ids.
    pub(crate) fn params_for(
        &self,
        tokenizer: &Tokenizer,
        min_new_tokens: usize,
    ) -> Result<SamplingParams, UsageError> {
        self.with_ids(self.params(), tokenizer, min_new_tokens)
    }

    /// Adds the parameters that contain token ids.
    pub(crate) fn with_ids(
        &self,
        mut params: SamplingParams,
        tokenizer: &Tokenizer,
        min_new_tokens: usize,
    ) -> Result<SamplingParams, UsageError> {
        let ids = |option, tokens: &[String]| token_ids(option, tokens, tokenizer);
        if !self.allow_token.is_empty() {
            params.allowed_tokens = Some(ids("--allow-token", &self.allow_token)?);
        }
        params.banned_tokens = ids("--ban-token", &self.ban_token)?;
        let biases = self.logit_bias.iter();
        let biases = biases.map(|bias| logit_bias(bias, tokenizer));
        params.logit_bias = biases.collect::<Result<_, _>>()?;
        if let Some(dry) = &mut params.dry {
            dry.sequence_breakers = ids("--dry-breaker", &self.dry_breaker)?;
        }
        params.min_new_tokens = min_new_tokens;
        Ok(params)
    }

    /// Off unless its multiplier is given.
    fn dry(&self) -> Option<DryParams> {
        let default = DryParams::default();
        let multiplier = self.dry_multiplier?;
        let base = self.dry_base.unwrap_or(default.base);
        let allowed_length = self.dry_allowed_length.unwrap_or(default.allowed_length);
        let window = match self.dry_window {
            Some(WholeNumber::MinusOne) => ALL_TOKENS,
            Some(window) => window.tokens(),
            None => default.window,
        };
        let dry = default.with_multiplier(multiplier).with_base(base);
        Some(dry.with_allowed_length(allowed_length).with_window(window))
    }

    /// Off unless its range is given.
    fn dynamic_temperature(&self) -> Option<DynamicTemperatureParams> {
        let range = unless(self.dynatemp_range, 0.0, None)?;
        let exponent = self.dynatemp_exponent.unwrap_or(1.0);
        Some(DynamicTemperatureParams::new(range).with_exponent(exponent))
    }

    /// Off unless its probability is given.
    fn xtc(&self) -> Option<XtcParams> {
        let default = XtcParams::default();
        let probability = self.xtc_probability?;
        let threshold = self.xtc_threshold.unwrap_or(default.threshold);
        Some(
            default
                .with_probability(probability)
                .with_threshold(threshold),
        )
    }

    /// Off unless its target is given.
    fn mirostat(&self) -> Option<MirostatParams> {
        let default = MirostatParams::default();
        let tau = self.mirostat_tau?;
        let eta = self.mirostat_eta.unwrap_or(default.eta);
        Some(default.with_tau(tau).with_eta(eta))
    }

    /// Returns an error for options that have no effect without another one that is missing.
    pub(crate) fn check(&self) -> Result<(), UsageError> {
        let dry = self.dry_multiplier.is_some();
        let needs = [
            (
                "--dry-base",
                self.dry_base.is_some(),
                "--dry-multiplier",
                dry,
            ),
            (
                "--dry-allowed-length",
                self.dry_allowed_length.is_some(),
                "--dry-multiplier",
                dry,
            ),
            (
                "--dry-window",
                self.dry_window.is_some(),
                "--dry-multiplier",
                dry,
            ),
            (
                "--dry-breaker",
                !self.dry_breaker.is_empty(),
                "--dry-multiplier",
                dry,
            ),
            (
                "--xtc-threshold",
                self.xtc_threshold.is_some(),
                "--xtc-probability",
                self.xtc_probability.is_some(),
            ),
            (
                "--mirostat-eta",
                self.mirostat_eta.is_some(),
                "--mirostat-tau",
                self.mirostat_tau.is_some(),
            ),
            (
                "--dynatemp-exponent",
                self.dynatemp_exponent.is_some(),
                "--dynatemp-range",
                self.dynatemp_range.is_some(),
            ),
        ];
        match needs.iter().find(|(_, given, _, met)| *given && !met) {
            Some((option, _, other, _)) => Err(UsageError(format!(
                "{option} has no effect without {other}"
            ))),
            None => Ok(()),
        }
    }
}

/// The largest window of DRY, more tokens than any context has.
const ALL_TOKENS: usize = 1 << 20;

/// The value given, or `None` if it is the one for "off"; without a value, that of the preset.
fn unless<T: PartialEq>(given: Option<T>, off: T, preset: Option<T>) -> Option<T> {
    match given {
        Some(value) if value == off => None,
        Some(value) => Some(value),
        None => preset,
    }
}

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

fn logit_bias(given: &str, tokenizer: &Tokenizer) -> Result<(u32, f32), UsageError> {
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
    use clap::{CommandFactory, Parser};

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        sampling: SamplingArgs,
    }

    fn parse(args: &str) -> SamplingArgs {
        let args = args.split_whitespace();
        Command::parse_from(std::iter::once("command").chain(args)).sampling
    }

    fn faust_tokenizer() -> Tokenizer {
        crate::bundled_model::tokenizer().unwrap()
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
        let found = args.params_for(&faust_tokenizer(), 6).unwrap();
        assert_eq!(found, expected);
    }

    #[test]
    fn without_options_the_parameters_are_the_libraries() {
        assert_eq!(parse("").params(), SamplingParams::default());
        let steps = [
            "--dry-multiplier 1",
            "--xtc-probability 0.5",
            "--mirostat-tau 5",
        ];
        let params = parse(&steps.join(" ")).params();
        let dry = DryParams::default().with_multiplier(1.0);
        assert_eq!(params.dry, Some(dry));
        assert_eq!(params.xtc, Some(XtcParams::default()));
        assert_eq!(params.mirostat, Some(MirostatParams::default()));
    }

    #[test]
    fn what_means_off_is_off() {
        let params =
            parse("--top-k 0 --top-p 1 --min-p 0 --typical-p 1 --dynatemp-range 0").params();
        let expected = SamplingParams::default().with_top_k(None).with_top_p(None);
        assert_eq!(params, expected);
        assert_eq!(parse("--preset creative --min-p 0").params().min_p, None);
    }

    #[test]
    fn minus_one_means_what_other_programs_mean_by_it() {
        let params = parse(
            "--top-k -1 --top-n-sigma -1 --no-repeat-ngram 0 --repetition-window -1 \
             --dry-multiplier 1 --dry-window -1",
        )
        .params();
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
        assert_eq!(over("").params().temperature, 0.9);
        assert_eq!(over("--temperature 0.4").params().temperature, 0.4);
        assert_eq!(over("--temperature 0.4").params().min_p, Some(0.3));
        let goethe = over("--preset goethe --top-k 3");
        let expected = Preset::Goethe.sampling().with_top_k(3);
        assert_eq!((goethe.params(), goethe.seed()), (expected, Some(5)));
        assert_eq!(over("--seed -1").seed(), None);
        // The lower layer's preset, changed by what stands above.
        let lower = parse("--preset greedy");
        let mixed = file().over(lower).params();
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
    fn tokens_go_by_id_or_by_text() {
        let tokenizer = faust_tokenizer();
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
