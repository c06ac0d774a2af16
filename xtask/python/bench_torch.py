"""PyTorch's speed at our architecture, eager or compiled, as JSON: cargo xtask bench-peers compares it with ours.

A transformer as one would write it for speed: a preallocated KV cache, fused attention, weights of random numbers.
"""

import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F

question = json.loads(sys.argv[1])
device, dtype = torch.device(question["device"]), getattr(torch, question["dtype"])
prefills, positions, decoded = question["prefill"], question["positions"], question["decoded"]
config = question["config"]
layers, width, heads, kv_heads = (config[name] for name in ("n_layer", "n_embd", "n_head", "n_kv_head"))
context, vocabulary, multiple = (config[name] for name in ("block_size", "vocab_size", "multiple_of"))
head_dim = width // heads
hidden = -(-(width * 8 // 3) // multiple) * multiple


class Norm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(width))

    def forward(self, x):
        wide = x.float()
        return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-6)).to(x.dtype) * self.weight


def linear(inputs, outputs):
    return torch.nn.Linear(inputs, outputs, bias=False)


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.attention_norm, self.ffn_norm = Norm(), Norm()
        self.wq, self.wo = linear(width, width), linear(width, width)
        self.wk, self.wv = linear(width, kv_heads * head_dim), linear(width, kv_heads * head_dim)
        self.w1, self.w2, self.w3 = linear(width, hidden), linear(hidden, width), linear(width, hidden)
        shape = (1, kv_heads, context, head_dim)
        self.register_buffer("keys", torch.zeros(shape))
        self.register_buffer("values", torch.zeros(shape))

    def forward(self, x, rotation, at, mask):
        tokens = x.shape[1]
        normed = self.attention_norm(x)
        query = turn(self.wq(normed).view(1, tokens, heads, head_dim), rotation).transpose(1, 2)
        key = turn(self.wk(normed).view(1, tokens, kv_heads, head_dim), rotation).transpose(1, 2)
        value = self.wv(normed).view(1, tokens, kv_heads, head_dim).transpose(1, 2)
        self.keys.index_copy_(2, at, key)
        self.values.index_copy_(2, at, value)
        mixed = F.scaled_dot_product_attention(query, self.keys, self.values, attn_mask=mask, enable_gqa=True)
        x = x + self.wo(mixed.transpose(1, 2).reshape(1, tokens, width))
        normed = self.ffn_norm(x)
        return x + self.w2(F.silu(self.w1(normed)) * self.w3(normed))


def turn(x, rotation):
    cos, sin = rotation
    re, im = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((re * cos - im * sin, re * sin + im * cos), -1).flatten(-2)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = torch.nn.Embedding(vocabulary, width)
        self.blocks = torch.nn.ModuleList(Block() for _ in range(layers))
        self.norm = Norm()
        angle = torch.arange(context)[:, None] / 10000 ** (torch.arange(0, head_dim, 2) / head_dim)
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())
        self.register_buffer("causal", torch.ones(context, context).tril().bool())

    def forward(self, ids, at):
        rotation = (self.cos[at][:, None], self.sin[at][:, None])
        mask = self.causal[at][None, None]
        x = self.embeddings(ids)
        for block in self.blocks:
            x = block(x, rotation, at, mask)
        return F.linear(self.norm(x[:, -1]), self.embeddings.weight)


def tokens_per_second(run, ids, first, one_by_one):
    """Median over repetitions of passing `ids` from position `first` on, with the logits on the host each time."""
    speeds = []
    for repetition in range(question["repetitions"] + 1):
        start = time.perf_counter()
        if one_by_one:
            for step, id in enumerate(ids):
                run(torch.tensor([[id]], device=device), torch.tensor([first + step], device=device)).float().cpu()
        else:
            run(torch.tensor([ids], device=device), torch.arange(len(ids), device=device)).float().cpu()
        # The first repetition warms up.
        if repetition > 0:
            speeds.append(len(ids) / (time.perf_counter() - start))
    return statistics.median(speeds)


if question["threads"]:
    torch.set_num_threads(question["threads"])
torch.manual_seed(1)
with torch.inference_mode():
    model = Model().to(device, dtype)
    ids = torch.randint(vocabulary, (max(prefills) + decoded,)).tolist()
    run = torch.compile(model, dynamic=False, mode="reduce-overhead") if question["compiled"] else model
    speeds = [tokens_per_second(run, ids[:length], 0, False) for length in prefills]
    speeds += [tokens_per_second(run, ids[:decoded], position, True) for position in positions]
json.dump({"version": f"torch {torch.__version__}", "speeds": speeds}, sys.stdout)
