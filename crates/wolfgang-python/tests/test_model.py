"""The model class."""

from __future__ import annotations

import copy
import gc
import json
import os
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from conftest import FAUST, REPOSITORY

import wolfgang
from wolfgang._options import OPTION_NAMES

PROMPT = "Habe nun, ach!"


def test_a_folder_is_the_same_model_as_the_bundled_one(model: wolfgang.Model) -> None:
    folder = wolfgang.Model.load(FAUST, threads=2)
    options: dict[str, Any] = {"max_new_tokens": 30, "seed": 5}
    assert folder.generate(PROMPT, **options).text == model.generate(PROMPT, **options).text
    assert folder.path == str(FAUST)
    assert (folder.threads, folder.dtype, folder.device) == (2, "f32", "cpu")


def test_a_result_has_text_ids_and_counts(model: wolfgang.Model) -> None:
    result = model.generate(PROMPT, max_new_tokens=8, seed=1)
    assert str(result) == result.text == model.tokenizer.decode(result.ids)
    assert (result.reason, result.seed) == ("max_tokens", 1)
    assert (result.prompt_tokens, result.generated_tokens) == (6, 8)
    assert result.timing.prefill > 0 and result.timing.decode > 0
    assert len(repr(result).splitlines()) == 1


def test_a_text_of_a_grammar(model: wolfgang.Model) -> None:
    # The vocabulary of the Faust model has no braces.
    schema = {"type": "integer", "minimum": 10, "maximum": 99}
    result = model.generate(PROMPT, grammar={"json_schema": schema}, max_new_tokens=60, seed=2)
    assert json.loads(result.text) in range(10, 100)
    assert (result.reason, result.satisfies_constraint) == ("constraint_complete", True)
    lark = 'start: "ja" | "nein"'
    assert model.generate(PROMPT, grammar={"lark": lark}).text in ("ja", "nein")
    pieces = model.stream(PROMPT, grammar={"regex": "(la ){3}"})
    assert "".join(str(piece) for piece in pieces) == "la la la "
    cut = model.generate(PROMPT, grammar={"regex": "[a-z]{300}"}, max_new_tokens=3)
    assert (cut.reason, cut.satisfies_constraint) == ("max_tokens", False)
    with pytest.raises(wolfgang.OptionError, match="regular expression cannot be used"):
        model.generate(PROMPT, grammar={"regex": "a("})


def test_a_text_past_the_context_can_shift(model: wolfgang.Model) -> None:
    options: dict[str, Any] = {"max_new_tokens": 300, "ignore_eos": True, "seed": 2}
    result = model.generate(PROMPT, context_overflow="shift", **options)
    assert (result.generated_tokens, result.context_shifts) == (300, 1)


def test_the_same_seed_gives_the_same_text_in_every_way(model: wolfgang.Model) -> None:
    options: dict[str, Any] = {"max_new_tokens": 24, "seed": 7}
    text = model.generate(PROMPT, **options).text
    assert "".join(model.stream(PROMPT, **options)) == text
    ids = model.tokenizer.encode(PROMPT).ids
    assert model.generate(ids, **options).text == text
    assert model.generate(tuple(ids), **options).text == text
    with model.session() as session:
        assert session.generate(PROMPT, **options).text == text
        assert session.generate(PROMPT, **options).text == text
    mates = ["Wer reitet", PROMPT, "Es war einmal ein König"]
    many = model.generate_many(mates, seeds=[None, 7, 9], max_new_tokens=24)
    assert many[1].text == text


def test_the_seed_of_a_random_text_is_reported(model: wolfgang.Model) -> None:
    result = model.generate(PROMPT, max_new_tokens=12)
    assert model.generate(PROMPT, max_new_tokens=12, seed=result.seed).text == result.text


def test_samples_have_consecutive_seeds(model: wolfgang.Model) -> None:
    results = model.generate_n(PROMPT, 3, max_new_tokens=8, seed=4)
    assert [one.seed for one in results] == [4, 5, 6]
    assert results[1].text == model.generate(PROMPT, max_new_tokens=8, seed=5).text


def test_a_failed_prompt_of_many_does_not_affect_the_others(model: wolfgang.Model) -> None:
    prompts: list[Any] = ["Ach", None, "\ud800", [99999], "Und"]
    results = model.generate_many(prompts, max_new_tokens=4, seed=1, return_exceptions=True)
    texts = [one.text for one in results if isinstance(one, wolfgang.Result)]
    assert texts == [model.generate(one, max_new_tokens=4, seed=1).text for one in ("Ach", "Und")]
    assert [type(one) for one in results[1:4]] == [
        wolfgang.PromptTypeError,
        wolfgang.PromptTypeError,
        wolfgang.PromptError,
    ]
    with pytest.raises(wolfgang.PromptTypeError):
        model.generate_many(prompts, max_new_tokens=4)
    with pytest.raises(wolfgang.OptionError, match="2 seeds for 1 prompts"):
        model.generate_many(["Ach"], seeds=[1, 2])


def test_every_option_of_the_library_has_its_name() -> None:
    fields: set[str] = set()
    for file in (
        "crates/wolfgang-generate/src/options.rs",
        "crates/wolfgang-sampling/src/params.rs",
    ):
        source = (REPOSITORY / file).read_text()
        body = re.search(r"pub struct \w+ \{(.*?)\n\}", source, re.DOTALL)
        assert body is not None
        fields.update(re.findall(r"^    pub (\w+):", body[1], re.MULTILINE))
    assert len(fields) > 30
    assert fields - {"sampling"} == OPTION_NAMES


def test_options_have_an_effect(model: wolfgang.Model) -> None:
    newline = model.tokenizer.encode("\n").ids[0]

    def ids(**options: Any) -> list[int]:
        return model.generate(PROMPT, max_new_tokens=20, seed=1, **options).ids

    plain = ids()
    assert newline in plain
    assert newline not in ids(banned_tokens=[newline])
    assert newline not in ids(logit_bias={newline: -100.0})
    assert set(ids(allowed_tokens=(newline, 13))) <= {newline, 13}
    assert ids(dry={"multiplier": 2.0}, repetition_penalty=1.0) != plain
    assert ids(mirostat={"tau": 3.0}, top_k=None, top_p=None) != plain
    stopped = model.generate(PROMPT, max_new_tokens=20, seed=1, stop_strings="\n")
    assert (stopped.reason, stopped.stop_string) == ("stop_string", 0)
    assert "\n" not in stopped.text
    late = model.generate(PROMPT, max_new_tokens=10**6, ignore_eos=True, max_time=timedelta(seconds=0.05))
    assert late.reason == "max_time"


def test_log_probabilities_and_explanations_are_returned(model: wolfgang.Model) -> None:
    options: dict[str, Any] = {"logprobs": 2, "prompt_logprobs": 1, "explain": 1}
    result = model.generate(PROMPT, max_new_tokens=4, seed=1, **options)
    assert [one.chosen.id for one in result.logprobs] == result.ids
    assert all(len(one.alternatives) == 2 for one in result.logprobs)
    assert result.prompt_logprobs is not None
    assert result.prompt_logprobs.logprobs == model.score(PROMPT).logprobs
    assert [one["id"] for one in result.explanations] == result.ids
    pieces = list(model.stream(PROMPT, max_new_tokens=4, seed=1, logprobs=2).pieces())
    assert [one for piece in pieces for one in piece.logprobs] == result.logprobs


def test_a_long_prompt_is_truncated_with_a_warning_or_refused(model: wolfgang.Model) -> None:
    ids = [5] * 300
    with pytest.warns(wolfgang.PromptWarning, match="300 tokens.*the first 44 were truncated"):
        assert model.generate(ids, max_new_tokens=1).truncated_tokens == 44
    with pytest.raises(wolfgang.PromptTooLong) as caught:
        model.generate(ids, prompt_truncation="error")
    assert (caught.value.tokens, caught.value.block_size) == (300, 256)


def test_scores_are_log_probabilities(model: wolfgang.Model) -> None:
    numpy = pytest.importorskip("numpy")
    ids = model.tokenizer.encode(PROMPT).ids
    score = model.score(PROMPT, alternatives=1)
    logits = model.logits(ids).astype(numpy.float64)
    expected = logits - numpy.log(numpy.exp(logits).sum(axis=1, keepdims=True))
    for place, id in enumerate(ids[1:]):
        assert score.logprobs[place + 1] == pytest.approx(expected[place, id], abs=1e-4)
        assert score.alternatives[place + 1][0].id == expected[place].argmax()
    assert score.logprobs[0] is None
    assert score.sum_logprob == pytest.approx(sum(one for one in score.logprobs if one))
    rolling = model.score(PROMPT, windows="rolling")
    assert None not in rolling.logprobs
    context, continuation = ids[:4], ids[4:]
    (one,) = model.score_continuations(context, [continuation])
    assert one.sum_logprob == pytest.approx(sum(score.logprobs[4:]))  # type: ignore[arg-type]
    assert model.loglikelihood(context, continuation) == (one.sum_logprob, one.is_greedy)
    greedy = model.generate(context, max_new_tokens=3, temperature=0.0, repetition_penalty=1.0)
    assert model.loglikelihood(context, greedy.ids)[1]


def test_logits_are_shared_with_numpy_without_a_copy(model: wolfgang.Model) -> None:
    numpy = pytest.importorskip("numpy")
    buffer = model.logits_buffer([1, 2, 3])
    first, second = numpy.asarray(buffer), numpy.asarray(buffer)
    assert first.dtype == numpy.float32 and first.shape == buffer.shape == (3, 4096)
    assert first.ctypes.data == second.ctypes.data
    assert not first.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 1.0
    copied = first.copy()
    del buffer, second
    gc.collect()
    assert (first == copied).all()
    for dtype in ("int32", "int64", "uint32", "uint64"):
        assert (model.logits(numpy.array([1, 2, 3], dtype=dtype)) == copied).all()
    for wrong in (numpy.array([1.0]), [1.5], b"abc", None, [-1], [2**40]):
        with pytest.raises(wolfgang.PromptTypeError):
            model.logits(wrong)  # type: ignore[arg-type]
    with pytest.raises(wolfgang.PromptError):
        model.logits([4096])


def test_logits_are_a_buffer_without_numpy(model: wolfgang.Model) -> None:
    view = memoryview(model.logits_buffer([1, 2]))
    assert (view.format, view.shape, view.readonly) == ("f", (2, 4096), True)
    assert bytes(view) == view.tobytes() and len(view.tobytes()) == 2 * 4096 * 4
    with pytest.raises(TypeError):
        view[0, 0] = 1.0


def test_a_session_reuses_its_cache(model: wolfgang.Model) -> None:
    with model.session() as session:
        first = session.generate(PROMPT, max_new_tokens=8, seed=1)
        assert len(session.ids) == 13
        again = session.generate(PROMPT + first.text + " Und", max_new_tokens=2, seed=1)
        assert again.cached_tokens >= 13
        copied = session.fork()
        session.truncate(2)
        assert len(session.ids) == 2 and len(copied.ids) > 2
    with pytest.raises(wolfgang.Closed):
        session.generate(PROMPT)


def test_a_conversation_keeps_its_messages(model: wolfgang.Model) -> None:
    with model.conversation("Du bist Mephisto.") as conversation:
        reply = conversation.send("Wer bist du?", max_new_tokens=8, seed=1)
        roles = [message["role"] for message in conversation.messages]
        assert roles == ["user", "assistant"]
        assert conversation.messages[1]["content"] == reply.text.removesuffix("\n")
        other = conversation.fork()
        stream = conversation.stream("Und?", max_new_tokens=8, seed=1)
        assert "".join(stream).removesuffix("\n") == conversation.messages[3]["content"]
        conversation.regenerate(max_new_tokens=4, seed=2)
        assert len(conversation.messages) == 4 and len(other.messages) == 2
        other.messages = [{"role": "user", "content": "Was?"}]
        assert other.messages == [{"role": "user", "content": "Was?"}]
        other.reset()
        other.system = "Du bist Faust."
        assert (other.messages, other.system) == ([], "Du bist Faust.")
    messages = [{"role": "user", "content": "Wer bist du?"}]
    chat = model.generate(messages, max_new_tokens=8, seed=1)
    ids = model.tokenizer.encode_chat(messages)
    assert chat.text == model.generate(ids, max_new_tokens=8, seed=1).text
    for wrong in ([{"role": "nobody", "content": "x"}], [{"role": "user"}]):
        with pytest.raises(wolfgang.PromptTypeError, match="messages are not valid"):
            model.generate(wrong)


def test_callbacks_change_logits_and_end_the_text(model: wolfgang.Model) -> None:
    def only_5(prompt: Any, generated: list[int], logits: memoryview) -> None:
        for id in range(len(logits)):
            logits[id] = 0.0 if id == 5 else float("-inf")

    assert model.generate("Ach", max_new_tokens=3, processors=only_5).ids == [5, 5, 5]

    def three(prompt: Any, generated: list[int], text: str) -> bool:
        return len(generated) == 3

    result = model.generate("Ach", stopping=[three], seed=1)
    assert (result.reason, result.criterion, result.generated_tokens) == ("criterion", 0, 3)
    text = model.generate("Ach", max_new_tokens=3, seed=1).text
    assert result.text == text == "".join(model.stream("Ach", stopping=three, seed=1))


def test_an_exception_of_a_callback_arrives_unchanged(model: wolfgang.Model) -> None:
    error = LookupError("from the callback")

    def fails(*arguments: Any) -> None:
        # A callback can use the model.
        model.generate("Und", max_new_tokens=2)
        raise error

    for options in ({"processors": fails}, {"stopping": fails}):
        with pytest.raises(LookupError) as caught:
            model.generate("Ach", **options)
        assert caught.value is error
        with pytest.raises(LookupError):
            list(model.stream("Ach", **options))
    assert model.generate("Ach", max_new_tokens=2).generated_tokens == 2


def test_a_closed_model_is_refused_and_its_memory_released() -> None:
    def resident() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    model = wolfgang.Model.load("faust", threads=1)
    model.generate(PROMPT, max_new_tokens=2)
    session, conversation = model.session(), model.conversation()
    session.generate(PROMPT, max_new_tokens=2)
    stream = model.stream(PROMPT, max_new_tokens=10**6, ignore_eos=True)
    next(stream)
    before = resident()
    model.close()
    assert before - resident() > 0.9 * model.weight_bytes
    assert list(stream) is not None
    assert stream.result is None or stream.result.reason == "cancelled"
    for use in (
        lambda: model.generate("Ach"),
        lambda: model.score("Ach"),
        lambda: model.session(),
        lambda: session.generate("Ach"),
        lambda: conversation.send("Ach"),
    ):
        with pytest.raises(wolfgang.Closed):
            use()
    model.close()
    assert model.closed and repr(model)


def test_a_deleted_model_releases_its_memory() -> None:
    import os
    import time

    def resident() -> int:
        with open(f"/proc/{os.getpid()}/statm") as file:
            return int(file.read().split()[1]) * 4096

    with wolfgang.Model.load("faust", threads=1) as model:
        model.generate(PROMPT, max_new_tokens=2)
        bytes_ = model.weight_bytes
    model = wolfgang.Model.load("faust", threads=1)
    model.generate(PROMPT, max_new_tokens=2)
    before = resident()
    gc.disable()
    try:
        del model
        for _ in range(500):
            if before - resident() > 0.9 * bytes_:
                break
            time.sleep(0.01)
    finally:
        gc.enable()
    assert before - resident() > 0.9 * bytes_


def test_copies_are_the_same_object(
    model: wolfgang.Model, generator: wolfgang.WolfgangGenerator
) -> None:
    for one in (model, generator):
        assert copy.copy(one) is copy.deepcopy(one) is one


def test_representations_are_one_line(
    model: wolfgang.Model, generator: wolfgang.WolfgangGenerator
) -> None:
    assert repr(model) == (
        "Model('faust', parameters=5475584, dtype='f32', threads=1, device='cpu')"
    )
    for one in (model, generator, model.tokenizer, model.config, model.session()):
        assert len(repr(one).splitlines()) == 1


def test_types_of_weights_can_be_chosen() -> None:
    sizes = [wolfgang.Model.load(dtype=dtype).weight_bytes for dtype in ("f32", "bf16", "int8")]
    assert sizes == sorted(sizes, reverse=True)
    with pytest.raises(wolfgang.OptionError, match='"f64" is not a precision'):
        wolfgang.Model.load(dtype="f64")


def test_the_number_of_threads_comes_from_the_environment(python: Any) -> None:
    script = "import wolfgang; print(wolfgang.Model.load().threads)"
    for environment, expected in (
        ({"OMP_NUM_THREADS": "1"}, "1"),
        ({"OMP_NUM_THREADS": "1", "WOLFGANG_THREADS": "3"}, "3"),
    ):
        assert python(script, env=environment).stdout.strip() == expected
    with pytest.raises(wolfgang.OptionError, match="threads is 0"):
        wolfgang.Model.load(threads=0)
