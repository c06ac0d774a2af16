#!/usr/bin/env python3
"""Writes the fields of requests of OpenAI's client for Python.

Usage: make_openai_fields.py tests/fixtures/server/openai_fields.json

Needs the package openai, which it reads without running it.
"""

import ast
import json
import sys
from importlib.metadata import distribution

ROUTES = {
    "/v1/completions": "completion_create_params.py",
    "/v1/chat/completions": "chat/completion_create_params.py",
}
PACKAGE = distribution("openai")


def fields(path):
    """The fields of all classes of the request: those of streams and of other responses differ."""
    file = PACKAGE.locate_file(f"openai/types/{path}")
    module = ast.parse(file.read_text(encoding="utf-8"))
    classes = [
        node
        for node in module.body
        if isinstance(node, ast.ClassDef) and node.name.startswith("CompletionCreateParams")
    ]
    lines = [line for node in classes for line in node.body if isinstance(line, ast.AnnAssign)]
    return sorted({line.target.id for line in lines})


result = {"version": PACKAGE.version}
result.update({route: fields(path) for route, path in ROUTES.items()})
with open(sys.argv[1], "w", encoding="utf-8") as output:
    json.dump(result, output, indent=1)
    output.write("\n")
