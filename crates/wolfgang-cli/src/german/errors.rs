//! Errors and their next steps, in German.

use super::phrase;
use crate::chat::Mistake;
use crate::explain::NotWritable;
use crate::model_source::hub_name;
use wolfgang_generate::{CheckpointError, GenerateError, ModelError, TokenizerError};

/// The whole line for this error, if all of it can be said in German: errors that come with words of the system, of a
/// driver or of a file are left in English, so that no line is half and half.
pub(crate) fn error(error: &anyhow::Error) -> Option<String> {
    if let Some(error) = error.downcast_ref() {
        return checkpoint(error);
    }
    if let Some(error) = error.downcast_ref::<NotWritable>() {
        return Some(error.german());
    }
    if let Some(mistake) = error.downcast_ref::<Mistake>() {
        return mistake.german();
    }
    generate(error.downcast_ref()?)
}

fn generate(error: &GenerateError) -> Option<String> {
    match error {
        GenerateError::Checkpoint(error) => checkpoint(error),
        GenerateError::Tokenizer(error) => tokenizer(error),
        GenerateError::Model(error) => model(error),
        GenerateError::VocabularyMismatch { tokenizer, model } => Some(format!(
            "der Tokenizer hat {tokenizer} Token, aber die vocab_size des Modells ist {model}: sie gehören zu \
             verschiedenen Modellen; --tokenizer nimmt die tokenizer.json, mit der das Modell trainiert wurde"
        )),
        GenerateError::EmptyStopString { index } => Some(format!(
            "der Text {index} von --stop ist leer, aber er muss mindestens ein Zeichen haben"
        )),
        GenerateError::UnknownStopToken { id, vocab_size } => Some(format!(
            "das Stopp-Token {id} liegt jenseits des Vokabulars von {vocab_size}"
        )),
        GenerateError::PromptTooLong { tokens, block_size } => Some(format!(
            "der Text hat {tokens} Token, aber der Kontext des Modells fasst {block_size}; kürzen Sie ihn; in einem Gespräch \
             gehört der System-Prompt von --system dazu"
        )),
        GenerateError::ReplyInProgress => Some(
            "die Antwort auf die letzte Nachricht ist noch nicht zu Ende; warten Sie sie ab, oder brechen Sie sie ab"
                .into(),
        ),
        GenerateError::GenerationFailed { source, partial } => {
            let token = partial.generated_tokens + 1;
            let cause = generate(source)?;
            Some(format!("das Token {token} ist nicht zu erzeugen: {cause}"))
        }
        GenerateError::NothingToAnswer => Some("noch hat niemand etwas gesagt".into()),
        GenerateError::TooManyAlternatives { n, vocab_size } => Some(format!(
            "{n} Alternativen wurden verlangt, aber das Vokabular hat {vocab_size} Token"
        )),
        GenerateError::MinAboveMax { min, max } => Some(format!(
            "min_new_tokens ist {min}, aber max_new_tokens ist {max}: beides geht nicht"
        )),
        GenerateError::SampleCount { n, limit } => Some(format!(
            "{n} Texte wurden verlangt, aber möglich sind 1 bis {limit} auf einmal"
        )),
        GenerateError::EmptyPrompt => Some(
            "der Text ist leer, und der Tokenizer hat kein <|endoftext|>, mit dem ein neuer beginnen könnte".into(),
        ),
        _ => None,
    }
}

fn not_there(source: &std::io::Error) -> bool {
    source.kind() == std::io::ErrorKind::NotFound
}

fn tokenizer(error: &TokenizerError) -> Option<String> {
    match error {
        TokenizerError::Read { path, source } if not_there(source) => Some(format!(
            "es gibt keinen Tokenizer {}; --tokenizer nimmt die tokenizer.json, mit der das Modell trainiert wurde",
            path.display()
        )),
        TokenizerError::GitLfsPointer { origin } => Some(format!(
            "{origin} ist ein Verweis von git-lfs, nicht der Tokenizer selbst; `git lfs pull` in seinem Repository lädt ihn"
        )),
        TokenizerError::NoChatToken { token } => Some(format!(
            "der Tokenizer hat kein Token {token}, das ein Gespräch braucht"
        )),
        _ => None,
    }
}

fn model(error: &ModelError) -> Option<String> {
    Some(match error {
        ModelError::NoMemory { bytes } => {
            format!("die Gewichte brauchen {bytes} Bytes, die das System nicht hergibt")
        }
        ModelError::UnknownDevice { found, expected } => {
            format!("ein Gerät {found:?} gibt es nicht; Geräte sind {expected}")
        }
        ModelError::NoBackend => {
            "dieses Programm wurde ohne Backend gebaut; bauen Sie es mit --features flex".into()
        }
        ModelError::NotCompiledIn { device, feature } => format!(
            "{device} braucht das Feature {feature}, ohne das dieses Programm gebaut wurde; bauen Sie es damit, oder \
             wählen Sie ein Gerät, das `wolfgang devices` auflistet"
        ),
        ModelError::UnsupportedPrecision {
            precision,
            supported,
        } => format!(
            "dieses Gerät rechnet nicht in {precision}, aber in {supported}; wählen Sie anders mit --dtype oder --device"
        ),
        ModelError::UnsupportedCache {
            precision,
            supported,
        } => format!(
            "der Cache kann hier nicht in {precision} liegen, nur in {supported}; wählen Sie anders mit --cache-dtype"
        ),
        ModelError::UnknownId {
            id,
            position,
            vocab_size,
        } => {
            format!(
                "das Token {id} an der Stelle {position} liegt jenseits des Vokabulars von {vocab_size}"
            )
        }
        _ => return None,
    })
}

fn checkpoint(error: &CheckpointError) -> Option<String> {
    Some(match error {
        CheckpointError::Read { path, source } if not_there(source) && hub_name(path).is_some() => format!(
            "{} gibt es nicht; ein Modell auf dem Hugging Face Hub ist {}",
            path.display(),
            hub_name(path)?
        ),
        CheckpointError::Read { path, source } if not_there(source) => format!(
            "{} gibt es nicht; ein Modell ist eine .pt, ein eigener oder ein Hugging-Face-Ordner oder hf:OWNER/NAME",
            path.display()
        ),
        CheckpointError::GitLfsPointer { path } => format!(
            "{} ist ein Verweis von git-lfs, nicht die Datei selbst; `git lfs pull` in ihrem Repository lädt sie",
            path.display()
        ),
        CheckpointError::OtherWeights { path, instruction } => format!(
            "{} enthält Gewichte in einer Form, die nicht gelesen wird; {}",
            path.display(),
            phrase(instruction)
        ),
        CheckpointError::PartOfFolder { path, folder } => format!(
            "{} ist eine Datei eines Modells, das ein Ordner ist; nennen Sie seinen Ordner, {}",
            path.display(),
            folder.display()
        ),
        CheckpointError::HubSeveral { model, found } => format!(
            "{model} hat mehrere .pt: {found}; eine davon nennt hf:OWNER/NAME/FILE.pt"
        ),
        CheckpointError::HubNoSuchFile { model, found } if found.is_empty() => format!(
            "{model} gibt es nicht; das Repository hat keine .pt; hf:OWNER/NAME nennt das Modell eines solchen Repositorys"
        ),
        CheckpointError::HubNoSuchFile { model, found } => format!(
            "{model} gibt es nicht; die .pt des Repositorys: {found}; eine davon nennt hf:OWNER/NAME/FILE.pt"
        ),
        CheckpointError::Exists { path } => format!(
            "{} gibt es schon; wählen Sie einen anderen Ordner, oder ersetzen Sie ihn mit --force",
            path.display()
        ),
        CheckpointError::UnsafePickle { path, callable } => format!(
            "{} wird abgelehnt: beim Laden mit Python würde {callable} aufgerufen, was Code ausführen kann; ist es Ihre \
             eigene Datei, laden Sie sie mit Python und speichern Sie nur {{\"model\": …, \"model_config\": …}} mit \
             torch.save; sonst laden Sie sie nicht mit Python",
            path.display()
        ),
        CheckpointError::UnsupportedFormat { path, found } => {
            let german = phrase(found);
            if german == found {
                return None;
            }
            format!(
                "{} wird nicht unterstützt: {german}; laden Sie es auf einem Little-Endian-Rechner mit einem aktuellen \
                 PyTorch, und speichern Sie es dort mit torch.save",
                path.display()
            )
        }
        CheckpointError::NotFinite { path, tensor, index, value } => format!(
            "{}: {tensor} enthält {value} an der Stelle {index}, aber Gewichte müssen endlich sein",
            path.display()
        ),
        CheckpointError::UntiedHead { path } => format!(
            "{}: output.weight ist nicht embeddings.weight, aber beide müssen dasselbe sein",
            path.display()
        ),
        CheckpointError::Int8InHuggingFace => {
            "in einem Hugging-Face-Ordner liegen Gewichte in f32, bf16 oder f16, nicht in int8; wählen Sie eines davon \
             mit --dtype, oder --to native"
                .into()
        }
        CheckpointError::HubNotFound { endpoint, model, what, status } => format!(
            "{endpoint} verweigert {what} von {model}: die Antwort war {status}; prüfen Sie den Namen; ein \
             privates Modell braucht HF_TOKEN, manches auch Ihr Einverständnis mit seinen Bedingungen"
        ),
        CheckpointError::HubInterrupted { file, found, expected, .. } => format!(
            "das Laden von {file} brach bei {found} von {expected} Bytes ab; derselbe Befehl macht dort weiter"
        ),
        CheckpointError::HubSize { file, found, expected } => format!(
            "das Geladene von {file} hat {found} Bytes, angekündigt waren {expected}; behalten wurde nichts, versuchen \
             Sie es später noch einmal"
        ),
        CheckpointError::HubNotCached { model, missing, path } => format!(
            "{model} ist nicht im Cache: in {} fehlt {missing}; ohne HF_HUB_OFFLINE wird es geladen",
            path.display()
        ),
        CheckpointError::Device { source, .. } | CheckpointError::NoMemory { source, .. } => {
            return model(source);
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_line_is_german_or_english_as_a_whole() {
        let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let read = |source| CheckpointError::Read {
            path: PathBuf::from("modell.pt"),
            source,
        };
        let german = error(&anyhow::Error::from(read(missing()))).unwrap();
        assert!(german.starts_with("modell.pt gibt es nicht; "), "{german}");
        let wrapped = anyhow::Error::from(GenerateError::from(read(missing())));
        assert_eq!(error(&wrapped), Some(german));
        // What the system said is not ours to translate.
        let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        assert_eq!(error(&anyhow::Error::from(read(denied))), None);
        assert_eq!(error(&anyhow::anyhow!("something else")), None);
    }
}
