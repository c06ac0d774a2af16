"""What transformers makes of an exported folder, as JSON: cargo xtask check-transformers compares it with ours."""

import json
import sys

import torch
import transformers

folder, question = sys.argv[1], json.loads(sys.argv[2])
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
stored = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

text_ids = tokenizer(question["text"])["input_ids"]
chat = tokenizer.apply_chat_template(
    question["messages"], add_generation_prompt=True, tokenize=True, return_dict=True
)
prompt = torch.tensor([text_ids])
with torch.no_grad():
    logits = model(prompt).logits[0, -1]
    greedy = model.generate(
        prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=question["new_tokens"]
    )
json.dump(
    {
        "version": transformers.__version__,
        "model": type(model).__name__,
        "dtype": str(stored.dtype).removeprefix("torch."),
        "eos_token_id": model.generation_config.eos_token_id,
        "text_ids": text_ids,
        "decoded": tokenizer.decode(text_ids),
        "chat_ids": chat["input_ids"],
        "logits": logits.tolist(),
        "greedy": greedy[0, len(text_ids) :].tolist(),
    },
    sys.stdout,
)
