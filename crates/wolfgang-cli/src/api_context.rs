//! The model and the defaults of requests in OpenAI's form, for `serve` and `run-batch`.

use crate::console::Console;
use crate::error::UsageError;
use crate::generation_args::GenerationArgs;
use crate::length_args::OnContextFull;
use crate::whole_number::WholeNumber;
use wolfgang_generate::Tokenizer;
use wolfgang_serve::{ApiContext, Defaults};

/// Checks what can be checked before the model is loaded, which takes a second.
pub(crate) fn check(generation: &GenerationArgs) -> anyhow::Result<()> {
    generation.check()?;
    let length = &generation.length;
    let is_limited = matches!(length.max_new_tokens, Some(limit) if limit != WholeNumber::MinusOne);
    let refusal = match length.overflow {
        Some(OnContextFull::Slide) => {
            "--overflow slide is not available here, where a text past the context would delay all others; \
             use --overflow shift or --overflow stop"
        }
        Some(OnContextFull::Shift) if !is_limited => {
            "--overflow shift needs --max-new-tokens here, because a text may never end without a limit"
        }
        _ => return Ok(()),
    };
    Err(UsageError(refusal.to_owned()).into())
}

/// Loads the model. Its name is that of its file or folder, unless another is given.
pub(crate) fn load(
    generation: &mut GenerationArgs,
    name: Option<String>,
    console: Console,
) -> anyhow::Result<ApiContext> {
    let (generator, _) = generation.load_with_settings(console)?;
    let defaults = defaults(generation, generator.tokenizer())?;
    let name = name.unwrap_or_else(|| name_of(generation));
    Ok(ApiContext::new(generator, name, defaults)?)
}

/// The parameters of requests that do not give them: the options of the command, over the settings
/// of the model, or those of OpenAI if it has none.
fn defaults(generation: &GenerationArgs, tokenizer: &Tokenizer) -> anyhow::Result<Defaults> {
    let GenerationArgs {
        sampling, length, ..
    } = generation;
    let recommended = generation.recommended();
    let options = length.options(sampling, recommended, tokenizer, usize::MAX)?;
    let mut options = options.with_grammar(generation.constraint.grammar()?);
    let default = recommended.cloned().unwrap_or_else(Defaults::sampling);
    let params = sampling.params_over(default, recommended);
    let min_new_tokens = options.sampling.min_new_tokens;
    options.sampling = sampling.with_ids(params, tokenizer, min_new_tokens)?;
    let max_tokens = length.max_new_tokens.map(WholeNumber::tokens);
    Ok(Defaults::new(options, max_tokens))
}

/// The name of the file or folder of the model.
fn name_of(generation: &GenerationArgs) -> String {
    let name = generation.model.model.as_deref().map(|path| {
        let name = path.file_stem().unwrap_or(path.as_os_str());
        name.to_string_lossy().into_owned()
    });
    name.unwrap_or_else(|| "faust".to_owned())
}
