"""Cuts the vocabulary of a model of the transformers library to the ids that its cases use.

    python make_llama_family.py GOLDEN OUT MODEL...

GOLDEN has a folder for each model, logits.safetensors and greedy.json. The logits of the ids that
are kept do not change, so the cases stay those of the transformers library. Needs no packages.
"""

import json
import pathlib
import struct
import sys


def read(path):
    data = path.read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    begin = 8 + size
    return {
        name: (info["dtype"], info["shape"], data[begin + info["data_offsets"][0] : begin + info["data_offsets"][1]])
        for name, info in header.items()
    }


def write(path, tensors):
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    body = b"".join(data for _, _, data in tensors.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def rows(data, kept):
    """The rows of a tensor with one row for each id that are kept."""
    size = len(data) // VOCABULARY
    return b"".join(data[i * size : (i + 1) * size] for i in kept)


golden, out, *models = sys.argv[1:]
golden, out = pathlib.Path(golden), pathlib.Path(out)
VOCABULARY = 4096
logits = read(golden / "logits.safetensors")
all_greedy = json.loads((golden / "greedy.json").read_text())
cases, greedy = {}, []
for model in models:
    of_model = {name: tensor for name, tensor in logits.items() if name.startswith(model + "/")}
    of_greedy = [case for case in all_greedy if case["model"] == model]
    used = {id for case in of_greedy for id in case["prompt_ids"] + case["greedy"]}
    for name, (_, shape, data) in of_model.items():
        if name.endswith(".ids"):
            used |= set(struct.unpack(f"<{shape[0]}i", data))
        else:
            numbers = struct.unpack(f"<{VOCABULARY}f", data)
            # The largest logit, of which the tolerance is a share.
            used.add(max(range(VOCABULARY), key=lambda i: abs(numbers[i])))
    kept = sorted(used)
    new = {id: i for i, id in enumerate(kept)}
    for name, (dtype, shape, data) in of_model.items():
        if name.endswith(".ids"):
            ids = [new[id] for id in struct.unpack(f"<{shape[0]}i", data)]
            cases[name] = "I64", shape, struct.pack(f"<{shape[0]}q", *ids)
        else:
            cases[name] = dtype, [len(kept)], rows(data, kept)
    for case in of_greedy:
        for field in ("prompt_ids", "greedy"):
            case[field] = [new[id] for id in case[field]]
        greedy.append(case)
    folder = out / model
    folder.mkdir(parents=True, exist_ok=True)
    tensors = read(golden / model / "model.safetensors")
    for name, (dtype, shape, data) in tensors.items():
        if shape[0] == VOCABULARY:
            tensors[name] = dtype, [len(kept), shape[1]], rows(data, kept)
    write(folder / "model.safetensors", tensors)
    config = json.loads((golden / model / "config.json").read_text())
    config["vocab_size"] = len(kept)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
write(out / "logits.safetensors", cases)
(out / "greedy.json").write_text(json.dumps(greedy) + "\n")
