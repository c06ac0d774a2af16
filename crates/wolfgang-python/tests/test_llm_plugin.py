"""The plugin for `llm`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import wolfgang

llm = pytest.importorskip("llm")
plugin = pytest.importorskip("wolfgang.llm_plugin")

OPTIONS: dict[str, Any] = {"seed": 1, "max_new_tokens": 12}


@pytest.mark.parametrize("stream", [True, False])
def test_the_text_is_that_of_the_model(stream: bool, model: wolfgang.Model) -> None:
    expected = model.generate("Habe nun, ach!", **OPTIONS)
    response = plugin.Faust().prompt("Habe nun, ach!", stream=stream, **OPTIONS)
    pieces = list(response)
    assert "".join(pieces) == response.text() == expected.text
    assert len(pieces) > 1
    usage = response.usage()
    assert (usage.input, usage.output) == (expected.prompt_tokens, 12)
    assert response.json() == {"seed": 1, "reason": "max_tokens"}


def test_a_conversation_is_one_text(model: wolfgang.Model) -> None:
    conversation = plugin.Faust().conversation()
    first = conversation.prompt("Habe nun, ach!", **OPTIONS).text()
    second = conversation.prompt(" Und", **OPTIONS).text()
    assert second == model.generate(f"Habe nun, ach!{first} Und", **OPTIONS).text


def test_invalid_requests_are_errors() -> None:
    with pytest.raises(llm.ModelError, match="no system prompt"):
        plugin.Faust().prompt("Ach", system="Du bist Mephisto").text()
    with pytest.raises(wolfgang.OptionError, match="temperature"):
        plugin.Faust().prompt("Ach", temperature=-1).text()
    with pytest.raises(ValueError, match="temperatur"):
        plugin.Faust().prompt("Ach", temperatur=1)


def test_the_command_has_the_model(tmp_path: Path, model: wolfgang.Model) -> None:
    from importlib.metadata import entry_points

    if "wolfgang.llm_plugin" not in [one.value for one in entry_points(group="llm")]:
        pytest.skip("the package is not installed, but imported from a checkout")
    done = subprocess.run(
        [sys.executable, "-m", "llm", "-m", "faust", "Habe nun, ach!", "--no-log",
         "-o", "seed", "1", "-o", "max_new_tokens", "12"],
        capture_output=True,
        text=True,
        env={"LLM_USER_PATH": str(tmp_path)},
    )
    assert done.stdout == model.generate("Habe nun, ach!", **OPTIONS).text + "\n", done.stderr
