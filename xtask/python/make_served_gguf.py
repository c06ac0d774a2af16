"""Writes a GGUF of random weights in f32, the same weights in q8_0, and their tokenizer.json: that of a smaller model, to
which tokens are added.

Usage: make_served_gguf.py FOLDER TOKENIZER, with the model's configuration as JSON on standard input. Needs gguf and numpy.
cargo xtask bench-serve gives the files to both servers.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np

folder, tokenizer = Path(sys.argv[1]), Path(sys.argv[2])
config = json.load(sys.stdin)
layers, width, heads, kv_heads = (config[name] for name in ("n_layer", "n_embd", "n_head", "n_kv_head"))
context, vocabulary, multiple = (config[name] for name in ("block_size", "vocab_size", "multiple_of"))
head_dim = width // heads
hidden = -(-(width * 8 // 3) // multiple) * multiple
KINDS = {
    "f32": (gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
    "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
}

random = np.random.default_rng(1)
matrices = {"token_embd": (vocabulary, width)}
for layer in range(layers):
    block = f"blk.{layer}."
    matrices |= {
        block + "attn_q": (width, width),
        block + "attn_k": (kv_heads * head_dim, width),
        block + "attn_v": (kv_heads * head_dim, width),
        block + "attn_output": (width, width),
        block + "ffn_gate": (hidden, width),
        block + "ffn_up": (hidden, width),
        block + "ffn_down": (width, hidden),
    }
weights = {
    name: random.standard_normal(shape, dtype=np.float32) * np.float32(0.02) for name, shape in matrices.items()
}
norms = ["output_norm"] + [f"blk.{layer}.{norm}" for layer in range(layers) for norm in ("attn_norm", "ffn_norm")]

pipeline = json.loads(tokenizer.read_text(encoding="utf-8"))
special = {token["id"] for token in pipeline["added_tokens"]}
ids = pipeline["model"]["vocab"] | {token["content"]: token["id"] for token in pipeline["added_tokens"]}
names = {id: name for name, id in ids.items()}
tokens = [names.get(id, f"unused{id}") for id in range(vocabulary)]
types = [gguf.TokenType.CONTROL if id in special else gguf.TokenType.NORMAL for id in range(vocabulary)]
pipeline["model"]["vocab"] |= {name: id for id, name in enumerate(tokens) if id not in special}
(folder / "tokenizer.json").write_text(json.dumps(pipeline), encoding="utf-8")
merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in pipeline["model"]["merges"]]

for kind, (tensor_type, file_type) in KINDS.items():
    writer = gguf.GGUFWriter(folder / f"{kind}.gguf", "llama")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_dimension_count(head_dim)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(vocabulary)
    writer.add_file_type(file_type)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(ids["<|endoftext|>"])
    writer.add_bos_token_id(ids["<|endoftext|>"])
    writer.add_add_bos_token(False)
    for name, weight in weights.items():
        writer.add_tensor(f"{name}.weight", gguf.quantize(weight, tensor_type), raw_dtype=tensor_type)
    for name in norms:
        writer.add_tensor(f"{name}.weight", np.ones(width, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
