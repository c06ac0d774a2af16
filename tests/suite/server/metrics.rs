//! Metrics and probes.

use super::client::{options, server, start, value};
use crate::fixtures::faust;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use wolfgang_generate::{EngineOptions, GenerateOptions, History, LogitsProcessor};

#[test]
fn counters_are_the_sums_of_the_usage() {
    let server = server();
    let mut usage = [0.0; 2];
    for seed in 0..5 {
        let body = json!({"prompt": "Wer reitet so spät", "max_tokens": 3 + seed, "seed": seed});
        let reply = server.post("/v1/completions", &body).json();
        usage[0] += reply["usage"]["prompt_tokens"].as_f64().unwrap();
        usage[1] += reply["usage"]["completion_tokens"].as_f64().unwrap();
    }
    server.post("/v1/completions", &json!({}));
    server.wait_until_idle(Duration::from_secs(10));
    let metrics = server.get("/metrics").text();
    assert_eq!(value(&metrics, "wolfgang_prompt_tokens_total"), usage[0]);
    assert_eq!(
        value(&metrics, "wolfgang_generation_tokens_total"),
        usage[1]
    );
    assert_eq!(
        value(&metrics, "wolfgang_e2e_request_latency_seconds_count"),
        5.0
    );
    let bad = "wolfgang_http_requests_total{path=\"/v1/completions\",status=\"400\"}";
    assert_eq!(value(&metrics, bad), 1.0);

    // Each sample belongs to the family that its HELP and TYPE name.
    let mut types = BTreeMap::new();
    for line in metrics.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(types.insert(name, kind).is_none(), "{name}");
        } else if !line.starts_with("# HELP ") {
            let (sample, number) = line.rsplit_once(' ').unwrap();
            assert!(number.parse::<f64>().unwrap().is_finite(), "{line}");
            let name = sample.split('{').next().unwrap();
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
                let family = name.strip_suffix(end)?;
                (types.get(family) == Some(&"histogram")).then_some(family)
            });
            assert!(types.contains_key(family.unwrap_or(name)), "{line}");
        }
    }
    for family in types
        .iter()
        .filter(|(_, kind)| **kind == "histogram")
        .map(|(name, _)| name)
    {
        let last = value(&metrics, &format!("{family}_bucket{{le=\"+Inf\"}}"));
        assert_eq!(last, value(&metrics, &format!("{family}_count")));
    }
}

/// Waits until the test has seen that the server noticed.
struct Blocking(std::sync::mpsc::Receiver<()>);

impl LogitsProcessor for Blocking {
    fn process(&mut self, _logits: &mut [f32], _history: History<'_>) {
        // An error is the end of the test.
        let _ = self.0.recv();
    }
}

#[test]
fn health_reports_an_engine_without_progress() {
    let mut options = options();
    options.stall_timeout = Duration::from_millis(50);
    let server = start(EngineOptions::default(), options);
    let (sender, receiver) = std::sync::mpsc::channel();
    let generation = faust().generate("Ach", &GenerateOptions::default().with_max_new_tokens(1));
    let generation = generation.unwrap().with_processor(Blocking(receiver));
    let handle = server.engine.submit_generation(generation).unwrap();
    let wait_for = |status: u16| {
        let begun = Instant::now();
        while server.get("/health").status != status {
            assert!(begun.elapsed() < Duration::from_secs(20), "{status}");
        }
    };
    wait_for(503);
    drop(sender);
    handle.into_summary().unwrap();
    wait_for(200);
}
