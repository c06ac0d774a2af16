//! lm-eval: its log-likelihoods are those of `wolfgang score`.

use super::environment::Environment;
use super::server::Server;
use super::{BASE_MODEL, described, succeeded};
use anyhow::ensure;
use serde::Deserialize;
use serde_json::{Value, json};
use wolfgang_generate::{Device, ScoreOptions, ScoreWindows, WolfgangGenerator};

/// Beginnings of German verses with four continuations each, of which the answer is the poet's.
const VERSES: &str = include_str!("../../data/verses.json");
const POEM: &str = include_str!("../../data/erlkoenig.txt");

const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Verse {
    context: String,
    choices: Vec<String>,
    answer: usize,
}

/// The output of the script.
#[derive(Deserialize)]
struct Found {
    choices: Vec<Choice>,
    texts: Vec<Text>,
    accuracy: f64,
}

#[derive(Deserialize)]
struct Choice {
    context: String,
    continuation: String,
    logprob: f64,
    is_greedy: bool,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    logprob: f64,
}

/// Returns lines for the report.
pub(super) fn check(python: &Environment, servers: &[Server; 2]) -> anyhow::Result<Vec<String>> {
    let generator = WolfgangGenerator::from_path(BASE_MODEL, &Device::flex())?;
    let verses: Vec<Verse> = serde_json::from_str(VERSES)?;
    let question = json!({
        "items": serde_json::from_str::<Value>(VERSES)?,
        "texts": POEM.split("\n\n").collect::<Vec<_>>(),
        "context_length": generator.model().config().block_size,
    });
    let output = python
        .script("check_lm_eval.py")
        .args([described(servers), question.to_string()])
        .output()?;
    succeeded(&output)?;
    let found: Found = serde_json::from_slice(&output.stdout)?;
    Ok(vec![
        continuations(&generator, &verses, &found)?,
        texts(&generator, &found)?,
    ])
}

fn continuations(
    generator: &WolfgangGenerator,
    verses: &[Verse],
    found: &Found,
) -> anyhow::Result<String> {
    let (mut largest, mut greedy) = (0f64, 0);
    for choice in &found.choices {
        let (context, continuation) = (choice.context.as_str(), choice.continuation.as_str());
        let expected = generator.score_continuation(context, continuation)?;
        let difference = (choice.logprob - expected.sum_logprob()).abs();
        ensure!(
            difference <= TOLERANCE && choice.is_greedy == expected.is_greedy,
            "of {continuation:?} after {context:?} the log-likelihood is {} and greedy {}, expected {} and {}",
            choice.logprob,
            choice.is_greedy,
            expected.sum_logprob(),
            expected.is_greedy
        );
        largest = largest.max(difference);
        greedy += usize::from(choice.is_greedy);
    }
    let n = found.choices.len();
    let all: usize = verses.iter().map(|verse| verse.choices.len()).sum();
    ensure!(n == all, "{n} of {all} continuations have a log-likelihood");
    ensure!(
        (1..n).contains(&greedy),
        "{greedy} of {n} continuations are greedy"
    );
    let accuracy = accuracy(generator, verses)?;
    ensure!(
        (found.accuracy - accuracy).abs() <= TOLERANCE,
        "the accuracy is {}, expected {accuracy}",
        found.accuracy
    );
    Ok(format!(
        "log-likelihoods of {n} continuations: largest difference {largest:.0e}, {greedy} greedy, accuracy {accuracy:.3}"
    ))
}

/// The share of the verses whose most likely continuation is the poet's.
fn accuracy(generator: &WolfgangGenerator, verses: &[Verse]) -> anyhow::Result<f64> {
    let mut right = 0;
    for verse in verses {
        let choices: Vec<_> = verse
            .choices
            .iter()
            .map(|choice| format!(" {choice}"))
            .collect();
        let scores = generator
            .score_continuations(verse.context.as_str(), choices.iter().map(String::as_str))?;
        let best = (0..scores.len()).max_by(|a, b| {
            scores[*a]
                .sum_logprob()
                .total_cmp(&scores[*b].sum_logprob())
        });
        right += usize::from(best == Some(verse.answer));
    }
    Ok(f64::from(u32::try_from(right)?) / verses.len() as f64)
}

fn texts(generator: &WolfgangGenerator, found: &Found) -> anyhow::Result<String> {
    let options = ScoreOptions::default().with_windows(ScoreWindows::Rolling);
    let mut largest = 0f64;
    for Text { text, logprob } in &found.texts {
        let expected = generator.score_with(text.as_str(), &options)?.sum_logprob();
        let difference = (logprob - expected).abs();
        ensure!(
            difference <= TOLERANCE,
            "the log-likelihood of {text:?} is {logprob}, expected {expected}"
        );
        largest = largest.max(difference);
    }
    let n = found.texts.len();
    ensure!(n > 0, "no text has a log-likelihood");
    Ok(format!(
        "rolling log-likelihoods of {n} texts: largest difference {largest:.0e}"
    ))
}
