//! Reporting of errors: message, next step, exit code.

use crate::chat::texts;
use crate::console::{Console, one_line, write_line};
use crate::error::{ChatError, ConfigError, InputRejected, Interrupted, UsageError};
use crate::interrupt;
use crate::model_source::hub_name;
use crate::standard_streams;
use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;
use wolfgang_checkpoint::{CheckpointError, TensorError};
use wolfgang_generate::{GenerateError, ModelError, SamplingError, TokenizerError};
use wolfgang_serve::ServeError;

/// Exit code for bad usage or parameters.
pub(crate) const USAGE: u8 = 2;

/// Prints what clap returned instead of arguments: help and version to standard output, errors to
/// standard error.
pub(crate) fn report_usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // The exit code remains if standard error is closed.
        let _ = error.print();
        return ExitCode::from(USAGE);
    }
    match standard_streams::output_by(|| error.print()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error.into(), Console::default()),
    }
}

/// Prints the error and the next step as one line to standard error; returns the exit code.
pub(crate) fn report(error: &anyhow::Error, console: Console) -> ExitCode {
    let broken_pipe = |e: &std::io::Error| e.kind() == ErrorKind::BrokenPipe;
    if error.downcast_ref().is_some_and(broken_pipe) {
        // The reader of the output closed it, as `head` does.
        return ExitCode::SUCCESS;
    }
    if error.is::<Interrupted>() {
        return interrupt::end();
    }
    if error.is::<InputRejected>() {
        return ExitCode::from(USAGE);
    }
    if let Some(error) = error.downcast_ref::<ChatError>() {
        write_line(&one_line(&texts::error(error, console.language)));
        return ExitCode::from(USAGE);
    }
    let message = one_line(&format!("{error:#}"));
    match next_step(error) {
        Some(step) => write_line(&format!("error: {message}; {}", one_line(&step))),
        None => write_line(&format!("error: {message}")),
    }
    if is_usage(error) {
        ExitCode::from(USAGE)
    } else {
        ExitCode::FAILURE
    }
}

fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<UsageError>()
        || error.is::<ConfigError>()
        || matches!(
            checkpoint_error(error),
            Some(CheckpointError::HubName { .. } | CheckpointError::QuantisedInHuggingFace { .. })
        )
        || matches!(error.downcast_ref(), Some(ServeError::InvalidOrigin { .. }))
        || error.chain().any(|cause| {
            matches!(
                cause.downcast_ref(),
                Some(
                    ModelError::NoThreads { .. }
                        | ModelError::UnsupportedCache { .. }
                        | ModelError::ContextTooLong { .. }
                )
            )
        })
        || matches!(
            error.downcast_ref(),
            Some(
                GenerateError::Sampling(
                    SamplingError::InvalidParam { .. }
                        | SamplingError::UnknownId { .. }
                        | SamplingError::ConflictingParams { .. }
                ) | GenerateError::HubNotCompiledIn { .. }
                    | GenerateError::UnknownStopToken { .. }
                    | GenerateError::EmptyStopString { .. }
                    | GenerateError::TooManyAlternatives { .. }
                    | GenerateError::MinAboveMax { .. }
                    | GenerateError::SampleCount { .. }
                    | GenerateError::Model(ModelError::UnknownId { .. })
            )
        )
}

fn checkpoint_error(error: &anyhow::Error) -> Option<&CheckpointError> {
    let alone = error.downcast_ref();
    alone.or_else(|| match error.downcast_ref()? {
        GenerateError::Checkpoint(error) => Some(error),
        _ => None,
    })
}

const PASS_A_TOKENIZER: &str =
    "pass the tokenizer.json that the model was trained with as --tokenizer";

/// What the user can do, where the message alone does not say so.
fn next_step(error: &anyhow::Error) -> Option<Cow<'static, str>> {
    match checkpoint_error(error) {
        Some(CheckpointError::PartOfFolder { folder, .. }) => {
            Some(format!("pass the folder, {}", folder.display()).into())
        }
        Some(CheckpointError::Read { path, .. }) if let Some(name) = hub_name(path) => {
            Some(format!("a model on the Hugging Face Hub is {name}").into())
        }
        Some(CheckpointError::OtherWeights { instruction, .. }) => Some((*instruction).into()),
        Some(error) => checkpoint_step(error).map(Cow::Borrowed),
        None => generate_step(error.downcast_ref()?).map(Cow::Borrowed),
    }
}

fn generate_step(error: &GenerateError) -> Option<&'static str> {
    match error {
        GenerateError::Model(error) => device_step(error),
        GenerateError::GenerationFailed { source, .. } => generate_step(source),
        // The message contains the next step.
        GenerateError::Tokenizer(TokenizerError::GitLfsPointer { .. }) => None,
        // The tokenizer is right, its template or the conversation is not.
        GenerateError::Tokenizer(
            TokenizerError::ChatTemplate { .. }
            | TokenizerError::RefusedByChatTemplate { .. }
            | TokenizerError::UntraceableChat { .. },
        ) => None,
        GenerateError::Tokenizer(TokenizerError::Unsupported { .. }) => {
            Some("this kind of tokenizer is not supported")
        }
        GenerateError::Tokenizer(_) | GenerateError::VocabularyMismatch { .. } => {
            Some(PASS_A_TOKENIZER)
        }
        _ => None,
    }
}

fn device_step(error: &ModelError) -> Option<&'static str> {
    Some(match error {
        ModelError::NoThreads { .. } => "choose fewer with --threads",
        ModelError::NoBackend => "build it with --features flex",
        ModelError::NotCompiledIn { .. } => {
            "build it with that feature, or choose a device listed by `wolfgang devices`"
        }
        ModelError::NoDevice { .. } => "choose a device listed by `wolfgang devices`",
        ModelError::DeviceFails { .. } => {
            "docs/backends.md lists its requirements; `wolfgang devices` lists other devices"
        }
        ModelError::UnsupportedCache { .. } => "choose another --cache-dtype",
        ModelError::ContextTooLong { .. } => "choose a smaller --context",
        ModelError::UnsupportedPrecision { .. } => "choose another --dtype or --device",
        ModelError::Backend { .. } => {
            "free some of the device's memory, or choose another --device"
        }
        _ => return None,
    })
}

fn checkpoint_step(error: &CheckpointError) -> Option<&'static str> {
    Some(match error {
        CheckpointError::Device { source, .. } => return device_step(source),
        CheckpointError::Read { .. } => {
            "a model is a .pt or .gguf file, a native or a Hugging Face folder, or hf:OWNER/NAME"
        }
        CheckpointError::GitLfsPointer { .. } => "`git lfs pull` in its repository downloads it",
        CheckpointError::Damaged { .. } => "copy or download it again",
        CheckpointError::Tensors { problems, .. }
            if problems
                .0
                .iter()
                .all(|p| matches!(p, TensorError::Type { .. })) =>
        {
            "save the weights in one of these types"
        }
        CheckpointError::MissingEntry { .. } => {
            "save it with torch.save({\"model\": model.state_dict(), \"model_config\": {…}}, path)"
        }
        CheckpointError::NotACheckpoint { path, .. } if has_torch_ending(path) => {
            "a .pt is written by torch.save({\"model\": model.state_dict(), \"model_config\": {…}}, path)"
        }
        CheckpointError::UnsupportedTokenizer { .. } => PASS_A_TOKENIZER,
        CheckpointError::UnsupportedFormat { found, .. } if found.contains("opcode") => {
            "save it again with torch.save and its default protocol"
        }
        CheckpointError::UnsupportedFormat { .. } => {
            "load it with a current PyTorch on a little-endian machine and save it there with torch.save"
        }
        CheckpointError::UnsafePickle { .. } => {
            "if it is your own, load it with Python and save only {\"model\": …, \"model_config\": …} with torch.save; \
             otherwise do not load it with Python"
        }
        CheckpointError::TooLarge {
            precision: "f16" | "int8" | "int4",
            ..
        } => "choose another --dtype",
        CheckpointError::QuantisedInHuggingFace { .. } => {
            "choose one of these with --dtype, or use --to native"
        }
        CheckpointError::Exists { .. } => "choose another folder, or replace it with --force",
        CheckpointError::NotReplaced { .. } => {
            "choose another folder, or move the existing one away"
        }
        CheckpointError::HubName { .. } => {
            "a model on the Hub is hf:OWNER/NAME, with /FILE.pt for one file and @REVISION for another revision"
        }
        CheckpointError::HubNotFound { .. } => {
            "check the name; a private or gated model requires HF_TOKEN, and its terms to be accepted"
        }
        CheckpointError::HubUnreachable { .. } => "check the connection and HF_ENDPOINT",
        CheckpointError::HubNoSuchFile { found, .. } if found.is_empty() => {
            "hf:OWNER/NAME names the model of a repository without a .pt file"
        }
        CheckpointError::HubSeveral { .. } | CheckpointError::HubNoSuchFile { .. } => {
            "hf:OWNER/NAME/FILE.pt names one of them"
        }
        CheckpointError::HubUnexpectedResponse { .. } | CheckpointError::HubBusy { .. } => {
            "try again later, and check that HF_ENDPOINT is a Hugging Face Hub"
        }
        CheckpointError::HubInterrupted { .. } => "run the command again to resume the download",
        CheckpointError::HubSize { .. } => "the partial download was deleted; try again later",
        CheckpointError::HubNotCached { .. } => "unset HF_HUB_OFFLINE to download it",
        _ => return None,
    })
}

fn has_torch_ending(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending == "pt" || ending == "pth")
}
