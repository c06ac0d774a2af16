//! The arguments of `wolfgang serve`.

use crate::generation_args::GenerationArgs;
use crate::{home, whole_number};
use clap::Args;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Arguments of `wolfgang serve`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  wolfgang serve
  wolfgang serve --model my-model --port 0 --preset goethe
  wolfgang serve --host 0.0.0.0 --api-key-file keys.txt
  curl 127.0.0.1:8080/v1/completions --json '{\"prompt\": \"Habe nun, ach!\"}'")]
pub(crate) struct ServeArgs {
    /// Address to listen on; 0.0.0.0 or :: is every address of this machine
    #[arg(long, value_name = "IP", default_value = "127.0.0.1", value_parser = address)]
    pub(crate) host: IpAddr,

    /// Port to listen on; 0 selects a free one, which is printed
    #[arg(long, value_name = "N", default_value = "8080")]
    pub(crate) port: u16,

    /// Name of the model in requests and responses [default: the name of its file or folder]
    #[arg(long, value_name = "NAME")]
    pub(crate) model_name: Option<String>,

    /// Require one of the API keys in this file, one per line
    #[arg(long, value_name = "FILE", value_parser = home::path())]
    pub(crate) api_key_file: Option<PathBuf>,

    /// Name by which clients may address the server, besides localhost and IP addresses; `*` is
    /// every name; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) allowed_host: Vec<String>,

    /// Origin of web pages that may use the server, such as https://example.com; `*` is every page;
    /// may be repeated
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) cors_origin: Vec<String>,

    /// Maximum number of texts that are generated at the same time
    #[arg(long, value_name = "N", default_value = "16", value_parser = whole_number::positive, allow_negative_numbers = true)]
    pub(crate) max_running: NonZeroUsize,

    /// Maximum number of texts that wait for others; further requests are refused with status 429
    #[arg(long, value_name = "N", default_value = "256", value_parser = whole_number::count, allow_negative_numbers = true)]
    pub(crate) max_queue: usize,

    /// Maximum size of a request in bytes
    #[arg(long, value_name = "N", default_value = "1048576", value_parser = whole_number::count, allow_negative_numbers = true)]
    pub(crate) max_body_bytes: usize,

    /// Seconds that running requests have to finish after SIGTERM or Ctrl-C
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "30",
        allow_negative_numbers = true
    )]
    pub(crate) shutdown_timeout: f64,

    #[command(flatten)]
    pub(crate) generation: GenerationArgs,
}

fn address(text: &str) -> Result<IpAddr, String> {
    match text {
        "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        _ => text
            .parse()
            .map_err(|_| "it must be an IP address, such as 127.0.0.1 or ::1".to_owned()),
    }
}
