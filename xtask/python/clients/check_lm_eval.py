"""The client `lm-eval`: the log-likelihoods that its model `local-completions` gets from the server, as JSON.

The first argument is that of the other clients, the second {"items": [{"context", "choices", "answer"}], "texts": [...]}.
`cargo xtask check-clients` compares the answer with what the library computes.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from checks import servers

base, _ = servers()
FOLDER = tempfile.TemporaryDirectory()
os.environ.update(HF_HOME=FOLDER.name, HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", OPENAI_API_KEY=base.key)

import lm_eval  # noqa: E402


def task(name, documents, **fields):
    """A task over these documents, which lie in a local file."""
    path = Path(FOLDER.name, name + ".json")
    path.write_text("\n".join(json.dumps(document) for document in documents))
    files = {"data_files": {"test": str(path)}}
    return {"task": name, "dataset_path": "json", "dataset_kwargs": files, "test_split": "test", **fields}


question = json.loads(sys.argv[2])
choice = task(
    "verses",
    question["items"],
    output_type="multiple_choice",
    doc_to_text="{{context}}",
    doc_to_choice="choices",
    doc_to_target="answer",
)
rolling = task(
    "poems",
    [{"text": text} for text in question["texts"]],
    output_type="loglikelihood_rolling",
    doc_to_text="",
    doc_to_target="{{text}}",
)
results = lm_eval.simple_evaluate(
    model="local-completions",
    model_args={
        "model": base.model,
        "base_url": base.base_url + "/completions",
        "tokenizer_backend": "remote",
        "auth_token": base.key,
        # It sends one token less.
        "max_length": question["context_length"] + 1,
        "num_concurrent": 8,
        "max_retries": 1,
    },
    tasks=[choice, rolling],
    bootstrap_iters=0,
    log_samples=True,
)
samples = results["samples"]
choices = [
    {"context": context, "continuation": continuation, "logprob": logprob, "is_greedy": is_greedy}
    for sample in samples["verses"]
    for (context, continuation), (logprob, is_greedy) in zip(
        [request[:2] for request in sample["arguments"]], [response[0] for response in sample["resps"]], strict=True
    )
]
texts = [
    {"text": sample["arguments"][0][0], "logprob": response[0]}
    for sample in samples["poems"]
    for response in sample["resps"]
]
accuracy = results["results"]["verses"]["acc,none"]
print(json.dumps({"choices": choices, "texts": texts, "accuracy": accuracy}))
