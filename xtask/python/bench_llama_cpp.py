"""llama.cpp's speed at our architecture, as JSON: cargo xtask bench-peers compares it with ours.

Writes a model of the same shape with random weights, unless it is there, and measures one round: prefill, then decode
from each position, with the logits on the host each time.
"""

import ctypes
import json
import os
import sys
import time

import gguf
import llama_cpp
import numpy as np

question = json.loads(sys.argv[1])
config, path = question["config"], question["path"]
layers, width, heads, kv_heads = (config[name] for name in ("n_layer", "n_embd", "n_head", "n_kv_head"))
context, vocabulary, multiple = (config[name] for name in ("block_size", "vocab_size", "multiple_of"))
head_dim = width // heads
hidden = config["intermediate_size"] or -(-(width * 8 // 3) // multiple) * multiple
# Tokens of the cache of which a longer one consists.
COPIED = 2048
KINDS = {
    "f32": (gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
    "f16": (gguf.GGMLQuantizationType.F16, gguf.LlamaFileType.MOSTLY_F16),
    "bf16": (gguf.GGMLQuantizationType.BF16, gguf.LlamaFileType.MOSTLY_BF16),
    "q8_0": (gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
    "q4_0": (gguf.GGMLQuantizationType.Q4_0, gguf.LlamaFileType.MOSTLY_Q4_0),
}


def write():
    kind, file_type = KINDS[question["dtype"]]
    writer = gguf.GGUFWriter(path + ".part", "llama")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_dimension_count(head_dim)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(vocabulary)
    writer.add_tokenizer_model("none")
    writer.add_file_type(file_type)
    random = np.random.default_rng(1)

    def matrix(name, outputs, inputs):
        weight = random.standard_normal((outputs, inputs), dtype=np.float32) * 0.02
        # As in ours, the embeddings, which are also the head, have 8 bits beside matrices of 4.
        is_head = name == "token_embd" and question["dtype"] == "q4_0"
        own = gguf.GGMLQuantizationType.Q8_0 if is_head else kind
        writer.add_tensor(name + ".weight", gguf.quantize(weight, own), raw_dtype=own)

    def norm(name):
        writer.add_tensor(name + ".weight", np.ones(width, dtype=np.float32))

    matrix("token_embd", vocabulary, width)
    norm("output_norm")
    for layer in range(layers):
        block = f"blk.{layer}."
        norm(block + "attn_norm")
        norm(block + "ffn_norm")
        matrix(block + "attn_q", width, width)
        matrix(block + "attn_k", kv_heads * head_dim, width)
        matrix(block + "attn_v", kv_heads * head_dim, width)
        matrix(block + "attn_output", width, width)
        matrix(block + "ffn_gate", hidden, width)
        matrix(block + "ffn_up", hidden, width)
        matrix(block + "ffn_down", width, hidden)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.rename(path + ".part", path)


def quiet(level, text, data):
    pass


callback = llama_cpp.llama_log_callback(quiet)
llama_cpp.llama_log_set(callback, ctypes.c_void_p(0))
if not os.path.exists(path):
    write()
llama_cpp.llama_backend_init()
model_params = llama_cpp.llama_model_default_params()
model_params.use_extra_bufts = question["extra_buffers"]
model = llama_cpp.llama_model_load_from_file(path.encode(), model_params)
if not model:
    sys.exit("llama.cpp does not load the model")
params = llama_cpp.llama_context_default_params()
params.n_ctx = params.n_batch = context
params.n_ubatch = min(context, 512)
params.n_threads = params.n_threads_batch = question["threads"]
# Sequences from which a long cache is put together, see `fill`.
params.n_seq_max = -(-max(question["positions"]) // COPIED)
params.kv_unified = True
llama = llama_cpp.llama_init_from_model(model, params)
memory = llama_cpp.llama_get_memory(llama)
ids = np.random.default_rng(2).integers(vocabulary, size=context).tolist()


def run(ids):
    tokens = (llama_cpp.llama_token * len(ids))(*ids)
    if llama_cpp.llama_decode(llama, llama_cpp.llama_batch_get_one(tokens, len(ids))) != 0:
        sys.exit("llama.cpp does not compute")
    logits = llama_cpp.llama_get_logits_ith(llama, -1)
    return np.ctypeslib.as_array(logits, shape=(vocabulary,))[0]


def prefill(length):
    llama_cpp.llama_memory_clear(memory, True)
    start = time.perf_counter()
    run(ids[:length])
    return length / (time.perf_counter() - start)


def fill(position):
    """Fills the cache up to a position. A prefill of thousands of tokens takes minutes here, so a long cache consists of
    copies of a shorter one, one behind the other: the time of decoding does not depend on what is in it."""
    llama_cpp.llama_memory_clear(memory, True)
    for copy in range(-(-position // COPIED)):
        load(copy, min(position, COPIED))
        llama_cpp.llama_memory_seq_add(memory, copy, 0, -1, copy * COPIED)
        if copy > 0:
            llama_cpp.llama_memory_seq_cp(memory, copy, 0, -1, -1)
            llama_cpp.llama_memory_seq_rm(memory, copy, -1, -1)
    llama_cpp.llama_memory_seq_rm(memory, 0, position, -1)


def load(sequence, length):
    """Fills the cache of a sequence from a file, which is written if it is missing.

    The file is of the first element type that was measured. The cache is the same for all: f16.
    """
    state = os.path.join(os.path.dirname(path), f"{length}.state").encode()
    if not os.path.exists(state):
        run(ids[:length])
        tokens = (llama_cpp.llama_token * length)(*ids[:length])
        if llama_cpp.llama_state_seq_save_file(llama, state, 0, tokens, length) == 0:
            sys.exit("llama.cpp does not save the cache")
        llama_cpp.llama_memory_clear(memory, True)
    read = ctypes.c_size_t(0)
    tokens = (llama_cpp.llama_token * length)()
    if llama_cpp.llama_state_seq_load_file(llama, state, sequence, tokens, length, read) == 0:
        sys.exit("llama.cpp does not load the cache")


def decode(position):
    fill(position)
    run([ids[0]])
    start = time.perf_counter()
    for id in ids[: question["decoded"]]:
        run([id])
    return question["decoded"] / (time.perf_counter() - start)


prefill(question["prefill"][0])
speeds = [prefill(length) for length in question["prefill"]]
speeds += [decode(position) for position in question["positions"]]
json.dump({"version": f"llama-cpp-python {llama_cpp.__version__}", "speeds": speeds}, sys.stdout)
