#!/usr/bin/env python3
"""Writes the GGUF files of the tests, and the weights that the package gguf reads from them.

Usage: make_gguf_cases.py tests/fixtures/gguf fuzz/seeds/gguf

Needs the packages gguf and numpy. In the first folder, NAME.gguf holds random weights; NAME.safetensors holds the same
weights in f32 under the names of wolfgang, dequantised by gguf.quants.dequantize, with the rows of
queries and keys in the order of the original (adjacent pairs). The second folder gets small files
for the fuzz target.
"""

import json
import struct
import sys
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as T

NAMES = {
    "attn_norm": "attention_norm",
    "attn_q": "attention.wq",
    "attn_k": "attention.wk",
    "attn_v": "attention.wv",
    "attn_output": "attention.wo",
    "attn_q_norm": "attention.q_norm",
    "attn_k_norm": "attention.k_norm",
    "ffn_norm": "ffn_norm",
    "ffn_gate": "feed_forward.w1",
    "ffn_down": "feed_forward.w2",
    "ffn_up": "feed_forward.w3",
}
OUTSIDE = {
    "token_embd.weight": "embeddings.weight",
    "output_norm.weight": "norm.weight",
    "output.weight": "output.weight",
}

rng = np.random.default_rng(0)


def original_name(name):
    if name in OUTSIDE:
        return OUTSIDE[name]
    _, layer, module, kind = name.split(".")
    return f"layers.{layer}.{NAMES[module]}.{kind}"


def stored(shape, kind):
    """Random weights as they are stored: bytes for a quantised type."""
    weights = rng.normal(0, 0.3, shape).astype(np.float32)
    if kind in (T.F32, T.F16, T.BF16):
        return gguf.quants.quantize(weights, kind)
    if kind not in (T.Q4_K, T.Q6_K):
        return gguf.quants.quantize(weights, kind)
    # The package does not quantise to these types: random bytes, with finite scales.
    block, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (shape[0], shape[1] // block, size), dtype=np.uint8)
    scales = rng.uniform(1e-4, 1e-3, (shape[0], shape[1] // block, 2)).astype(np.float16)
    scales = scales.view(np.uint8)
    if kind == T.Q4_K:
        blocks[..., :4] = scales
    else:
        blocks[..., -2:] = scales[..., :2]
    return blocks.reshape(shape[0], -1)


def adjacent(weights, head_dim):
    """Rows in halves to rows in adjacent pairs."""
    heads = weights.reshape(-1, 2, head_dim // 2, *weights.shape[1:])
    return np.ascontiguousarray(heads.swapaxes(1, 2)).reshape(weights.shape)


def add_tokenizer(writer, vocab, pre):
    """Adds a byte-level BPE of letters, or, without `pre`, a SentencePiece of `vocab` tokens."""
    if pre is None:
        tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
        tokens += ["▁", "a", "b", "ab", "▁a", "aab"]
        assert len(tokens) == vocab
        writer.add_tokenizer_model("llama")
        writer.add_token_list(tokens)
        writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * 6)
        writer.add_token_scores([0.0] * 262 + [-1.0, -2.0, -3.0])
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        return
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([chr(ord("a") + i) for i in range(vocab - 2)] + ["ab", "<|end|>"])
    writer.add_token_types([1] * (vocab - 1) + [3])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(vocab - 1)
    writer.add_add_bos_token(False)
    writer.add_chat_template("{{ messages[0].content }}")


def write(path, arch, shapes, values, halves, head_dim, pre="smollm"):
    """Writes a file. Returns the weights by the names of wolfgang."""
    writer = gguf.GGUFWriter(path, arch)
    for key, value in values.items():
        kind = {float: writer.add_float32, int: writer.add_uint32, str: writer.add_string}
        kind[type(value)](key.replace("ARCH", arch), value)
    vocab = next(shape[0] for name, shape, _ in shapes if name == "token_embd.weight")
    add_tokenizer(writer, vocab, pre)
    expected = {}
    for name, shape, kind in shapes:
        data = stored(shape, kind)
        writer.add_tensor(name, data, raw_dtype=kind)
        weights = gguf.quants.dequantize(data, kind).astype(np.float32).reshape(shape)
        if halves and name.split(".")[-2] in ("attn_q", "attn_k", "attn_q_norm", "attn_k_norm"):
            weights = adjacent(weights, head_dim)
        expected[original_name(name)] = weights
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return expected


def write_case(folder, name, *model):
    expected = write(folder / f"{name}.gguf", *model)
    save_safetensors(folder / f"{name}.safetensors", expected)


def save_safetensors(path, tensors):
    header, data = {}, b""
    for name, weights in sorted(tensors.items()):
        end = len(data) + weights.nbytes
        header[name] = {
            "dtype": "F32",
            "shape": list(weights.shape),
            "data_offsets": [len(data), end],
        }
        data += weights.tobytes()
    header = json.dumps(header).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)


def values(embed, heads, kv, ffn, head_dim, **more):
    return {
        "ARCH.context_length": 64,
        "ARCH.embedding_length": embed,
        "ARCH.block_count": 1,
        "ARCH.feed_forward_length": ffn,
        "ARCH.attention.head_count": heads,
        "ARCH.attention.head_count_kv": kv,
        "ARCH.attention.key_length": head_dim,
        "ARCH.attention.layer_norm_rms_epsilon": 1e-5,
        "ARCH.rope.freq_base": 100000.0,
        **more,
    }


def shapes(embed, heads, kv, ffn, head_dim, vocab, kinds):
    """The tensors of one layer; kinds by module, F32 for others."""
    matrices = {
        "token_embd": (vocab, embed),
        "blk.0.attn_q": (heads * head_dim, embed),
        "blk.0.attn_k": (kv * head_dim, embed),
        "blk.0.attn_v": (kv * head_dim, embed),
        "blk.0.attn_output": (embed, heads * head_dim),
        "blk.0.ffn_gate": (ffn, embed),
        "blk.0.ffn_down": (embed, ffn),
        "blk.0.ffn_up": (ffn, embed),
    }
    vectors = {"blk.0.attn_norm": (embed,), "blk.0.ffn_norm": (embed,), "output_norm": (embed,)}
    kind = lambda name: kinds.get(name.split(".")[-1], T.F32)
    return [
        (f"{name}.weight", shape, kind(name)) for name, shape in (matrices | vectors).items()
    ]


def main():
    folder, seeds = (Path(path) for path in sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    seeds.mkdir(parents=True, exist_ok=True)
    write_cases(folder)
    write_seeds(seeds)


def write_cases(folder):
    # All types. Blocks of 256 need rows of 256.
    kinds = {
        "token_embd": T.Q8_0,
        "attn_q": T.Q4_K,
        "attn_k": T.Q6_K,
        "attn_v": T.Q4_0,
        "attn_output": T.F16,
        "ffn_gate": T.Q4_1,
        "ffn_down": T.Q5_1,
        "ffn_up": T.Q5_0,
    }
    size = (256, 2, 1, 32, 8)
    head = [("output.weight", (16, 256), T.BF16)]
    write_case(folder, "llama", "llama", shapes(*size, 16, kinds) + head, values(*size), False, 8)
    # Biases.
    size = (32, 4, 2, 64, 8)
    kinds = {"attn_q": T.Q8_0, "attn_k": T.Q8_0}
    biases = [
        ("blk.0.attn_q.bias", (32,), T.F32),
        ("blk.0.attn_k.bias", (16,), T.F32),
        ("blk.0.attn_v.bias", (16,), T.F32),
    ]
    write_case(folder, "qwen2", "qwen2", shapes(*size, 16, kinds) + biases, values(*size), True, 8)
    # Norms of queries and keys, and heads that are wider than the embeddings divided by heads.
    size = (32, 4, 2, 64, 16)
    norms = [
        ("blk.0.attn_q_norm.weight", (16,), T.F32),
        ("blk.0.attn_k_norm.weight", (16,), T.F32),
    ]
    write_case(folder, "qwen3", "qwen3", shapes(*size, 16, kinds) + norms, values(*size), True, 16)


def write_seeds(folder):
    def seed(name, arch, size, kinds={}, more=[], vocab=4, pre="smollm", **settings):
        tensors = shapes(*size, vocab, kinds) + more
        write(folder / name, arch, tensors, values(*size, **settings), False, size[-1], pre)

    small = (8, 2, 1, 4, 4)
    seed("llama", "llama", small)
    f16 = {"token_embd": T.F16, "attn_q": T.BF16, "ffn_down": T.F16}
    head = [("output.weight", (4, 8), T.BF16)]
    seed("untied_linear", "llama", small, f16, head, **{"ARCH.rope.scaling.factor": 2.0})
    blocks = {"attn_q": T.Q8_0, "attn_k": T.Q4_0, "attn_v": T.Q4_1, "ffn_gate": T.Q5_0}
    blocks |= {"ffn_up": T.Q5_1}
    seed("blocks", "llama", (32, 2, 1, 4, 4), blocks)
    blocks = {"attn_q": T.Q4_K, "attn_k": T.Q6_K, "attn_output": T.F16, "ffn_down": T.F16}
    blocks |= {"token_embd": T.Q8_0, "attn_v": T.Q8_0, "ffn_gate": T.Q4_K, "ffn_up": T.Q6_K}
    seed("blocks_of_256", "llama", (256, 2, 1, 2, 2), blocks)
    biases = [(f"blk.0.attn_{x}.bias", (n,), T.F32) for x, n in (("q", 8), ("k", 4), ("v", 4))]
    seed("qwen2", "qwen2", small, more=biases)
    norms = [(f"blk.0.attn_{x}_norm.weight", (6,), T.F32) for x in "qk"]
    seed("qwen3", "qwen3", (8, 2, 1, 4, 6), more=norms)
    seed("yarn", "llama", small, **{"ARCH.rope.scaling.type": "yarn"})
    seed("experts", "llama", small, **{"ARCH.expert_count": 2})
    seed("llama_bpe", "llama", small, pre="llama-bpe")
    seed("sentencepiece", "llama", small, {"token_embd": T.F16}, vocab=265, pre=None)
    llama = (folder / "llama").read_bytes()
    (folder / "big_endian").write_bytes(llama[:4] + bytes([0, 0, 0, 3]) + llama[8:])
    (folder / "version_1").write_bytes(llama[:4] + bytes([1]) + llama[5:])
    tokens = llama.index(b"tokenizer.ggml.tokens") + len("tokenizer.ggml.tokens") + 4
    (folder / "array_of_arrays").write_bytes(llama[:tokens] + bytes([9]) + llama[tokens + 1 :])
    offset = llama.index(b"blk.0.attn_k.weight") + len("blk.0.attn_k.weight") + 4 + 16 + 4
    (folder / "overlap").write_bytes(llama[:offset] + bytes(8) + llama[offset + 8 :])


main()
