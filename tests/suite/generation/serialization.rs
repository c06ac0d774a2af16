//! Options and results as serde has them.

use crate::fixtures::faust;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use std::fmt::{Debug, Display};
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;
use wolfgang_generate::{
    ContextOverflow, DeviceName, DryParams, DynamicTemperatureParams, Event, FinishReason,
    GenerateOptions, Message, MirostatParams, ModelOptions, PenaltyScope, Precision,
    PromptTruncation, RngKind, Role, SamplingParams, Score, Timing, TokenLogprobs, XtcParams,
};

/// The JSON of a value that comes back from it.
fn and_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Json {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value);
    serde_json::from_str(&text).unwrap()
}

fn sampling() -> SamplingParams {
    SamplingParams::default()
        .with_allowed_tokens(vec![1, 2])
        .with_logit_bias([(2, -1.5)])
        .with_dry(DryParams::default().with_sequence_breakers([7]))
        .with_dynamic_temperature(DynamicTemperatureParams::new(0.25))
        .with_penalty_scope(PenaltyScope::Generated)
        .with_top_k(None)
        .with_xtc(XtcParams::default())
        .with_mirostat(MirostatParams::default())
        .with_rng(RngKind::Torch)
}

#[test]
fn options_round_trip_through_serde() {
    let options = GenerateOptions::default()
        .with_sampling(sampling())
        .with_stop_strings(["###"])
        .with_max_time(Duration::from_millis(1500))
        .with_seed(u64::MAX)
        .with_context_overflow(ContextOverflow::Stop)
        .with_prompt_truncation(PromptTruncation::Error);
    let json = and_back(&options);
    assert_eq!(json["max_time_seconds"], 1.5);
    assert_eq!(json["context_overflow"], "stop");
    assert_eq!(json["prompt_truncation"], "error");
    assert_eq!(json["sampling"]["rng"], "torch");
    assert_eq!(json["sampling"]["penalty_scope"], "generated");
    assert_eq!(json["sampling"]["top_k"], Json::Null);
    let model = ModelOptions::default()
        .with_precision(Precision::Bf16)
        .with_threads(NonZeroUsize::MIN);
    assert_eq!(and_back(&model)["precision"], "bf16");
    let message = Message::new(Role::User, "Guten Tag");
    let expected = json!({"role": "user", "content": "Guten Tag"});
    assert_eq!(and_back(&message), expected);
}

#[test]
fn missing_fields_are_defaults_and_unknown_fields_are_errors() {
    let read = |json: Json| serde_json::from_value::<GenerateOptions>(json);
    assert_eq!(read(json!({})).unwrap(), GenerateOptions::default());
    let dynamic = json!({"sampling": {"dynamic_temperature": {"range": 0.5}}});
    let expected =
        SamplingParams::default().with_dynamic_temperature(DynamicTemperatureParams::new(0.5));
    assert_eq!(read(dynamic).unwrap().sampling, expected);
    let errors = [
        json!({"max_tokens": 5}),
        json!({"sampling": {"topk": 5}}),
        json!({"sampling": {"dry": {"multiply": 5}}}),
        json!({"sampling": {"rng": "mersenne"}}),
        json!({"max_time_seconds": -1.0}),
    ];
    for (json, named) in
        errors
            .into_iter()
            .zip(["max_tokens", "topk", "multiply", "mersenne", "-1"])
    {
        let message = read(json).unwrap_err().to_string();
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn names_are_those_of_the_command_line() {
    fn check<T>(all: &[T])
    where
        T: Serialize + DeserializeOwned + FromStr<Err: Display> + Display + PartialEq + Debug,
    {
        for one in all {
            assert_eq!(and_back(one), one.to_string());
            assert_eq!(T::from_str(&one.to_string()).ok().as_ref(), Some(one));
        }
        let error = T::from_str("no").err().unwrap().to_string();
        let last = all.last().unwrap().to_string();
        assert!(error.contains("\"no\"") && error.contains(&last), "{error}");
    }
    check(&Precision::ALL);
    check(&RngKind::ALL);
    check(&PenaltyScope::ALL);
    check(&["auto", "tch:cuda:1", "flex"].map(|name| name.parse::<DeviceName>().unwrap()));
}

#[test]
fn results_have_numbers_for_times_and_null_for_the_logarithm_of_0() {
    let options = GenerateOptions::default()
        .with_max_new_tokens(4)
        .with_seed(3)
        .with_logprobs(50)
        .with_explain(50);
    let free = faust().generate_text("Ach", &options).unwrap();
    let stop = options.with_stop_tokens([free.ids[3]]);
    let events: Result<Vec<Event>, _> = faust().generate("Ach", &stop).unwrap().collect();
    let events = serde_json::to_value(events.unwrap()).unwrap();
    assert_eq!(events[0]["type"], "text");
    let last = events.as_array().unwrap().last().unwrap();
    assert_eq!(last["type"], "finished");
    assert_eq!(
        (&last["reason"], &last["stop_token"]),
        (&json!("stop_token"), &json!(free.ids[3]))
    );
    assert!(last["timing"]["prefill_seconds"].as_f64() > Some(0.0));
    let explanation = &last["stop_explanation"];
    assert_eq!(explanation["id"], free.ids[3]);
    assert_eq!(explanation["draw"]["kind"], "inverse_cdf");
    let steps = explanation["steps"].as_array().unwrap();
    let top_k = steps.iter().find(|step| step["step"] == "top_k").unwrap();
    assert_eq!(top_k["top_masked"][0]["logprob_after"], Json::Null);
    let candidates = explanation["candidates"].as_array().unwrap();
    let out = candidates
        .iter()
        .find(|one| one["masked_by"] == "top_k")
        .unwrap();
    assert_eq!(out["sampled"], Json::Null);

    let told: &TokenLogprobs = &free.logprobs[0];
    assert!(
        told.alternatives
            .iter()
            .any(|one| one.sampled == f32::NEG_INFINITY)
    );
    let json = and_back(told);
    assert_eq!(json["id"], told.chosen.id);
    let timing: Timing = serde_json::from_value(last["timing"].clone()).unwrap();
    and_back(&timing);
    let score: Score = faust().score("Wer reitet").unwrap();
    assert_eq!(
        serde_json::to_value(&score).unwrap()["logprobs"][0],
        Json::Null
    );
    assert_eq!(
        serde_json::to_value(FinishReason::StopString(1)).unwrap(),
        "stop_string"
    );
}
