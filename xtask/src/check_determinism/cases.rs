//! Prompts and parameters.

use serde_json::{Value, json};

/// Maximum number of tokens of a text.
pub(super) const TOKENS: usize = 24;

/// Number of prompts.
pub(super) const PROMPTS: usize = BEGINNINGS.len() * FORMS;

const BEGINNINGS: [&str; 10] = [
    "Habe nun, ach! Philosophie,",
    "Wer reitet so spät durch Nacht und Wind?",
    "Über allen Gipfeln",
    "MEPHISTOPHELES:",
    "Es war ein König in Thule,\nGar treu bis an das Grab,",
    "Größe – „und“ 12 €",
    "The quick brown fox",
    "日本語 🙂 é",
    "FAUST. Wer ruft mir?\n\nGEIST.",
    "Da steh ich nun, ich armer Tor! Und bin so klug als wie zuvor",
];

/// Number of prompts for each beginning.
const FORMS: usize = 5;

/// The prompt with this number; that with the number 40 is empty.
fn prompt(n: usize) -> String {
    let text = BEGINNINGS[n % BEGINNINGS.len()];
    let half = text.chars().count() / 2;
    match n / BEGINNINGS.len() {
        0 => text.to_owned(),
        1 => text.chars().take(half).collect(),
        2 => format!("{text}\n{text}\n"),
        3 => text.to_uppercase() + " ",
        _ => text.chars().skip(half).take(n % BEGINNINGS.len()).collect(),
    }
}

/// A set of parameters: the fields of a request, and the options of the command.
struct Parameters {
    fields: fn() -> Value,
    options: &'static [&'static str],
}

const PARAMETERS: [Parameters; 5] = [
    Parameters {
        fields: || json!({"temperature": 0}),
        options: &["--temperature", "0", "--top-k", "0", "--top-p", "1"],
    },
    Parameters {
        fields: || json!({"temperature": 1, "top_k": 40, "top_p": 0.95}),
        options: &["--temperature", "1", "--top-k", "40", "--top-p", "0.95"],
    },
    Parameters {
        fields: || {
            json!({"temperature": 0.75, "min_p": 0.02, "frequency_penalty": 0.5, "presence_penalty": 0.25,
                "dry_multiplier": 0.8, "stop": ["e ", "\n"]})
        },
        options: &[
            "--temperature",
            "0.75",
            "--top-k",
            "0",
            "--top-p",
            "1",
            "--min-p",
            "0.02",
            "--frequency-penalty",
            "0.5",
            "--presence-penalty",
            "0.25",
            "--dry-multiplier",
            "0.8",
            "--stop",
            "e ",
            "--stop",
            "\n",
        ],
    },
    Parameters {
        fields: || {
            json!({"temperature": 1.5, "typical_p": 0.9, "xtc_probability": 0.5, "logit_bias": {"300": -5, "11": 1.5},
                "min_tokens": 8})
        },
        options: &[
            "--temperature",
            "1.5",
            "--top-k",
            "0",
            "--top-p",
            "1",
            "--typical-p",
            "0.9",
            "--xtc-probability",
            "0.5",
            "--logit-bias",
            "300=-5",
            "--logit-bias",
            "11=1.5",
            "--min-new-tokens",
            "8",
        ],
    },
    Parameters {
        fields: || json!({"temperature": 5, "mirostat": 2, "mirostat_tau": 9, "ignore_eos": true}),
        options: &[
            "--temperature",
            "5",
            "--top-k",
            "0",
            "--top-p",
            "1",
            "--mirostat-tau",
            "9",
            "--ignore-eos",
        ],
    },
];

/// A prompt with parameters and a seed.
pub(super) struct Case {
    prompt: String,
    parameters: &'static Parameters,
    seed: usize,
}

/// The first prompts, each with all parameters.
pub(super) fn all(prompts: usize) -> Vec<Case> {
    let of_prompt = |n: usize| {
        PARAMETERS
            .iter()
            .enumerate()
            .map(move |(at, parameters)| Case {
                prompt: prompt(n),
                parameters,
                seed: 1000 * n + at,
            })
    };
    (0..prompts).flat_map(of_prompt).collect()
}

impl Case {
    /// The body of a request.
    pub(super) fn body(&self, stream: bool) -> Value {
        let mut body = (self.parameters.fields)();
        body["prompt"] = self.prompt.as_str().into();
        body["max_tokens"] = TOKENS.into();
        body["seed"] = self.seed.into();
        body["return_token_ids"] = true.into();
        if stream {
            body["stream"] = true.into();
        }
        body
    }

    /// The arguments of `wolfgang generate`.
    pub(super) fn arguments(&self) -> Vec<String> {
        let limits = [
            "--max-new-tokens",
            &TOKENS.to_string(),
            "--seed",
            &self.seed.to_string(),
            "--repetition-penalty",
            "1",
        ]
        .map(str::to_owned);
        let options = self.parameters.options.iter().map(|&option| option.into());
        let prompt = ["--".to_owned(), self.prompt.clone()];
        limits.into_iter().chain(options).chain(prompt).collect()
    }
}
