"""Writes a .pt as the original's training leaves it: random weights of the standard shape, and AdamW's state."""

import dataclasses
import sys

import torch


@dataclasses.dataclass
class ModelConfig:
    block_size: int = 512
    vocab_size: int = 32768
    n_layer: int = 12
    n_head: int = 10
    n_kv_head: int = 5
    n_embd: int = 640
    dropout: float = 0.0
    bias: bool = False
    multiple_of: int = 32


config = ModelConfig()
width, kv = config.n_embd, config.n_embd // config.n_head * config.n_kv_head
hidden = -(-(width * 8 // 3) // config.multiple_of) * config.multiple_of
shapes = {"embeddings.weight": (config.vocab_size, width)}
for layer in range(config.n_layer):
    within = {
        "attention_norm": (width,),
        "attention.wq": (width, width),
        "attention.wk": (kv, width),
        "attention.wv": (kv, width),
        "attention.wo": (width, width),
        "ffn_norm": (width,),
        "feed_forward.w1": (hidden, width),
        "feed_forward.w2": (width, hidden),
        "feed_forward.w3": (hidden, width),
    }
    shapes |= {f"layers.{layer}.{name}.weight": shape for name, shape in within.items()}
shapes["norm.weight"] = (width,)

torch.manual_seed(1)
weights = {name: torch.nn.Parameter(torch.randn(shape) * 0.02) for name, shape in shapes.items()}
optimizer = torch.optim.AdamW(weights.values())
for weight in weights.values():
    weight.grad = torch.zeros_like(weight)
optimizer.step()
model = {name: weight.detach() for name, weight in weights.items()}
model["output.weight"] = model["embeddings.weight"]
torch.save(
    {
        "model": {f"_orig_mod.{name}": weight for name, weight in model.items()},
        "optimizer": optimizer.state_dict(),
        "model_config": dataclasses.asdict(config),
        "iter_num": 1,
        "best_val_loss": 10.0,
    },
    sys.argv[1],
)
