//! Phrases of the libraries that stand in reports, in German.

const PHRASES: &[(&str, &str)] = &[
    ("tied to the embeddings", "dasselbe wie die Einbettungen"),
    ("computed, not learned", "berechnet, nicht gelernt"),
    (
        "training state, not part of the model",
        "Stand des Trainings, kein Teil des Modells",
    ),
    ("outside the vocabulary", "jenseits des Vokabulars"),
    (
        "load the folder with the transformers library and save it with save_pretrained, which writes model.safetensors",
        "laden Sie den Ordner mit der Bibliothek transformers und speichern Sie ihn mit save_pretrained, das model.safetensors schreibt",
    ),
    (
        "convert the folder with the transformers library's convert_llama_weights_to_hf.py, which writes model.safetensors",
        "wandeln Sie den Ordner mit convert_llama_weights_to_hf.py aus der Bibliothek transformers um, das model.safetensors schreibt",
    ),
    (
        "use the original repository of this model, with model.safetensors",
        "nehmen Sie das Repository, aus dem das gemacht wurde, mit model.safetensors",
    ),
    ("not part of the model", "kein Teil des Modells"),
    (
        "its weights are stored in big-endian byte order, and only little-endian is read",
        "die Gewichte sind in Big-Endian-Reihenfolge gespeichert, und nur Little-Endian wird gelesen",
    ),
    ("nothing but a CPU", "nichts als einen Prozessor"),
    (
        "a driver for Vulkan, Metal or DirectX",
        "einen Treiber für Vulkan, Metal oder DirectX",
    ),
    (
        "the shared libraries of libtorch",
        "die Bibliotheken von libtorch",
    ),
    (
        "an NVIDIA GPU and its driver",
        "eine GPU von NVIDIA und deren Treiber",
    ),
];

/// As it is, if there is no German for it.
pub(crate) fn phrase(english: &str) -> &str {
    let known = PHRASES.iter().find(|(key, _)| *key == english);
    known.map_or(english, |(_, german)| german)
}
