"""Threads, cancellation, signals and asynchronous calls."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import wolfgang

PROMPTS = ["Habe nun, ach!", "Wer reitet so spät", "Es war einmal", "Der Mond"]
ENDLESS = 10**6


def test_threads_share_a_model(model: wolfgang.Model) -> None:
    jobs = [(prompt, seed) for prompt in PROMPTS for seed in range(8)]

    def text(job: tuple[str, int]) -> str:
        return model.generate(job[0], max_new_tokens=8, seed=job[1]).text

    expected = [text(job) for job in jobs]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(text, jobs * 2)) == expected * 2


def test_threads_share_a_tokenizer(model: wolfgang.Model) -> None:
    tokenizer = model.tokenizer
    expected = [tokenizer.encode(prompt).ids for prompt in PROMPTS]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda prompt: tokenizer.encode(prompt).ids, PROMPTS * 500))
    assert found == expected * 500


def test_different_calls_run_at_once(model: wolfgang.Model) -> None:
    session = model.session()
    calls: list[Any] = [
        lambda: "".join(model.stream("Ach", max_new_tokens=20, seed=1)),
        lambda: "".join(model.stream("Und", max_new_tokens=20, seed=2)),
        lambda: session.generate("Der", max_new_tokens=20, seed=3).text,
        lambda: model.score("Habe nun, ach! Philosophie").logprobs,
        lambda: model.loglikelihood("Habe nun", ", ach!"),
    ]
    expected = [call() for call in calls]
    with ThreadPoolExecutor(5) as pool:
        for _ in range(3):
            assert [one.result() for one in [pool.submit(call) for call in calls]] == expected


def test_threads_share_a_stream(model: wolfgang.Model) -> None:
    options: dict[str, Any] = {"max_new_tokens": 60, "seed": 3}
    expected = list(model.stream("Habe nun", **options))
    stream = model.stream("Habe nun", **options)
    parts: list[list[str]] = [[] for _ in range(4)]

    def advance(part: list[str]) -> None:
        part.extend(stream)

    threads = [threading.Thread(target=advance, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(piece for part in parts for piece in part) == sorted(expected)
    assert stream.result is not None and stream.result.text == "".join(expected)


def test_other_threads_run_during_a_call(model: wolfgang.Model) -> None:
    ticks = 0
    is_over = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not is_over.wait(0.001):
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    long = [5] * 256
    try:
        for call in (
            lambda: model.generate(long, max_new_tokens=20),
            lambda: model.score(long),
            lambda: wolfgang.Model.load("faust", threads=1),
        ):
            before = ticks
            call()
            # One that holds the GIL permits one at most.
            assert ticks - before > 3
    finally:
        is_over.set()
        thread.join()


def test_a_stream_can_be_cancelled_by_another_thread(model: wolfgang.Model) -> None:
    stream = model.stream("Habe nun", max_new_tokens=ENDLESS, ignore_eos=True)
    next(stream)
    timer = threading.Timer(0.05, stream.cancel)
    timer.start()
    for _ in stream:
        pass
    assert stream.result is not None and stream.result.reason == "cancelled"
    before_start = model.stream("Habe nun", max_new_tokens=ENDLESS, ignore_eos=True)
    before_start.cancel()
    assert list(before_start) == []


def test_a_closed_stream_ends(model: wolfgang.Model) -> None:
    stream = model.stream("Habe nun", max_new_tokens=ENDLESS, ignore_eos=True)
    waiting = threading.Thread(target=lambda: list(stream))
    waiting.start()
    time.sleep(0.05)
    stream.close()
    waiting.join(10)
    assert not waiting.is_alive()
    with model.stream("Habe nun", max_new_tokens=ENDLESS, ignore_eos=True) as other:
        next(other)
    assert list(other) == []


def test_abandoned_streams_release_their_memory(model: wolfgang.Model) -> None:
    def resident() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    def abandon(n: int) -> None:
        for seed in range(n):
            next(model.stream("Habe nun, ach! Philosophie, Juristerei", seed=seed))

    abandon(20)
    before = resident()
    abandon(300)
    assert resident() - before < 32 << 20


@pytest.mark.parametrize(
    "call",
    [
        "model.generate('Ach', max_new_tokens=10**6, ignore_eos=True)",
        "model.generate_many(['Ach', 'Und'], max_new_tokens=10**6, ignore_eos=True)",
        "list(model.stream([5] * 256, max_new_tokens=10**6, allowed_tokens=[0], ignore_eos=True))",
        "model.score([5] * 10**6)",
        # A reply ends at the end of the context.
        "while True: list(model.conversation().stream('Ach', ignore_eos=True))",
        "generator.generate('Ach', max_new_tokens=10**6)",
        "list(generator.generate('Ach', max_new_tokens=10**6, stream=True))",
    ],
)
def test_ctrl_c_interrupts(call: str) -> None:
    # A background job of a shell ignores the signal.
    script = f"""
import signal, wolfgang
from conftest import FAUST
signal.signal(signal.SIGINT, signal.default_int_handler)
model = wolfgang.Model.load("faust", threads=1)
generator = wolfgang.WolfgangGenerator(FAUST, FAUST / "tokenizer.json", threads=1)
print("ready", flush=True)
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", flush=True)
model.generate("Ach", max_new_tokens=2)
print("works", flush=True)
"""
    folder = __file__.rpartition("/")[0]
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (out, err, process.returncode) == ("interrupted\nworks\n", "", 0)


def test_daemon_threads_do_not_disturb_the_end_of_the_interpreter(python: Any) -> None:
    script = """
import threading, time, wolfgang
model = wolfgang.Model.load("faust", threads=2)
def work():
    while True:
        model.generate("Ach", max_new_tokens=50)
        list(model.stream("Ach", max_new_tokens=50, stopping=lambda *_: False))
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)
"""
    for _ in range(5):
        done = python(script)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_asynchronous_calls_return_the_same_texts(model: wolfgang.Model) -> None:
    async def main() -> None:
        options: dict[str, Any] = {"max_new_tokens": 16, "seed": 2}
        expected = [model.generate(prompt, **options).text for prompt in PROMPTS]
        results = await asyncio.gather(*(model.agenerate(one, **options) for one in PROMPTS))
        assert [result.text for result in results] == expected

        async def joined(prompt: str) -> str:
            stream = model.astream(prompt, **options)
            text = "".join([piece async for piece in stream])
            assert stream.result is not None and stream.result.text == text
            return text

        streams = [joined(PROMPTS[place % 4]) for place in range(16)]
        assert await asyncio.gather(*streams) == expected * 4

    asyncio.run(main())


def test_a_cancelled_task_cancels_its_generation(model: wolfgang.Model) -> None:
    async def main() -> None:
        task = asyncio.create_task(model.agenerate("Ach", max_new_tokens=ENDLESS, ignore_eos=True))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with model.astream("Ach", max_new_tokens=ENDLESS, ignore_eos=True) as stream:
            await anext(stream)
        assert [piece async for piece in stream] == []

    asyncio.run(main())
