//! Counters and histograms in Prometheus' text format.
//!
//! Names are those of vLLM with the prefix `wolfgang_`, where the meaning is the same.

mod histogram;

use crate::api::finish_reason;
use histogram::Histogram;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wolfgang_generate::{EngineStats, Summary};

/// Metrics of a server.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    cancelled: AtomicU64,
    failed: AtomicU64,
    stopped: AtomicU64,
    length: AtomicU64,
    first_token: Histogram,
    token: Histogram,
    total: Histogram,
    queue: Histogram,
    prefill: Histogram,
    decode: Histogram,
    responses: Mutex<BTreeMap<(&'static str, u16), u64>>,
}

/// What the gauges show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) engine: EngineStats,
    pub(crate) in_progress: usize,
    pub(crate) unsent: usize,
    pub(crate) limit: usize,
    pub(crate) connections: usize,
}

fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

impl Metrics {
    /// Counts a finished choice. `total` is the time since its submission, `first_token` the time
    /// until its first token, which is known of streams only.
    pub(crate) fn finished(
        &self,
        summary: &Summary,
        total: Duration,
        first_token: Option<Duration>,
    ) {
        let timing = summary.timing;
        let reason = match finish_reason(summary.reason) {
            "stop" => &self.stopped,
            _ => &self.length,
        };
        add(reason, 1);
        self.total.observe(total);
        self.prefill.observe(timing.prefill);
        self.decode.observe(timing.decode);
        let queue = total.saturating_sub(timing.prefill + timing.decode);
        self.queue.observe(queue);
        self.first_token
            .observe(first_token.unwrap_or(queue + timing.prefill));
        let steps = u32::try_from(summary.generated_tokens.saturating_sub(1)).unwrap_or(u32::MAX);
        if steps > 0 {
            self.token.observe(timing.decode / steps);
        }
    }

    /// Counts a choice whose client is gone, or that the server cancelled.
    pub(crate) fn cancelled(&self) {
        add(&self.cancelled, 1);
    }

    pub(crate) fn failed(&self) {
        add(&self.failed, 1);
    }

    /// Counts a response. `path` is one of the routes.
    pub(crate) fn response(&self, path: &'static str, status: u16) {
        let mut responses = self
            .responses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *responses.entry((path, status)).or_default() += 1;
    }

    /// The mean time of a choice, from its submission to its end.
    pub(crate) fn mean_time(&self) -> Option<Duration> {
        self.total.mean()
    }

    /// Renders all metrics.
    pub(crate) fn render(&self, load: Load) -> String {
        let mut text = Text(String::new());
        let Load { engine, .. } = load;
        text.gauge(
            "num_requests_running",
            "Choices that the engine generates.",
            engine.running,
        );
        text.gauge(
            "num_requests_waiting",
            "Choices in the queue of the engine.",
            engine.queued,
        );
        let used = load.in_progress as f64 / load.limit.max(1) as f64;
        text.gauge(
            "num_requests_in_progress",
            "Choices admitted, from the end of the request to the end of the text.",
            load.in_progress,
        );
        text.gauge(
            "num_requests_unsent",
            "Choices admitted, from the end of the request until the response has been sent.",
            load.unsent,
        );
        text.gauge(
            "admission_usage_perc",
            "Share of the choices that can be admitted, 0 to 1.",
            used,
        );
        text.gauge(
            "prefix_cache_bytes",
            "Size of the prefix cache.",
            engine.prefix_cache_bytes,
        );
        text.gauge(
            "kv_cache_bytes",
            "Size of the KV caches of the choices that the engine generates.",
            engine.kv_cache_bytes,
        );
        text.gauge("http_connections", "Open connections.", load.connections);
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let prompt_tokens = engine.prompt_tokens + engine.cached_tokens;
        for (name, help, count) in [
            ("prompt_tokens_total", "Prompt tokens.", prompt_tokens),
            (
                "generation_tokens_total",
                "Generated tokens.",
                engine.generated_tokens,
            ),
            (
                "prefix_cache_queries_total",
                "Prompt tokens looked up in the prefix cache.",
                prompt_tokens,
            ),
            (
                "prefix_cache_hits_total",
                "Prompt tokens found in the prefix cache.",
                engine.cached_tokens,
            ),
        ] {
            text.head(name, help, "counter");
            text.value(name, "", count);
        }
        let name = "request_success_total";
        text.head(name, "Finished choices by their reason.", "counter");
        for (reason, counter) in [
            ("stop", &self.stopped),
            ("length", &self.length),
            ("abort", &self.cancelled),
            ("error", &self.failed),
        ] {
            text.value(
                name,
                &format!("{{finished_reason=\"{reason}\"}}"),
                get(counter),
            );
        }
        for (name, help, histogram) in [
            (
                "time_to_first_token_seconds",
                "Time from the submission of a choice to its first token.",
                &self.first_token,
            ),
            (
                "request_time_per_output_token_seconds",
                "Mean time between two tokens of a choice.",
                &self.token,
            ),
            (
                "e2e_request_latency_seconds",
                "Time from the submission of a choice to its end.",
                &self.total,
            ),
            (
                "request_queue_time_seconds",
                "Time that a choice waits.",
                &self.queue,
            ),
            (
                "request_prefill_time_seconds",
                "Time that the prompt of a choice takes.",
                &self.prefill,
            ),
            (
                "request_decode_time_seconds",
                "Time that the tokens of a choice take.",
                &self.decode,
            ),
        ] {
            text.head(name, help, "histogram");
            histogram.render(name, &mut text.0);
        }
        let name = "http_requests_total";
        text.head(name, "Responses by route and status.", "counter");
        let responses = self
            .responses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for ((path, status), count) in responses.iter() {
            text.value(
                name,
                &format!("{{path=\"{path}\",status=\"{status}\"}}"),
                *count,
            );
        }
        text.0
    }
}

struct Text(String);

impl Text {
    fn head(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.0,
            "# HELP wolfgang_{name} {help}\n# TYPE wolfgang_{name} {kind}"
        );
    }

    fn value(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "wolfgang_{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, help, "gauge");
        self.value(name, "", value);
    }
}
