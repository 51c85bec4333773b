"""Processes that do one side's work when asked, so that no side pays for what another has loaded.

`Hand("benchmarks.bare")` starts `python -m benchmarks.bare`, which answers by `serve`: a line of JSON for
each question, on standard input and output.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any


class Hand:
    """One such process."""

    def __init__(self, module: str, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid

    def begin(self, what: str, **arguments: Any) -> None:
        """Has it begin; `result` waits for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([what, arguments]) + "\n")
        self._process.stdin.flush()

    def result(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args} ended with {self._process.wait()}")
        return json.loads(line)

    def ask(self, what: str, **arguments: Any) -> Any:
        self.begin(what, **arguments)
        return self.result()

    def kill(self) -> None:
        """Whatever it is doing."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def hand(module: str, env: Mapping[str, str] | None = None) -> Iterator[Hand]:
    """One of them, for as long as it is needed."""
    one = Hand(module, env or {})
    try:
        yield one
    finally:
        one.close()


@contextmanager
def several(module: str, count: int, env: Mapping[str, str] | None = None) -> Iterator[list[Hand]]:
    with ExitStack() as stack:
        yield [stack.enter_context(hand(module, env)) for _ in range(count)]


def all_at_once(of: Sequence[Hand], what: str, **arguments: Any) -> list[Any]:
    """All begin together; what each of them says in the end."""
    for one in of:
        one.begin(what, **arguments)
    return [one.result() for one in of]


def serve(functions: Mapping[str, Callable[..., Any]]) -> None:
    """Answers until nobody asks any more. What the functions print goes to the error output."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        what, arguments = json.loads(line)
        answers.write(json.dumps(functions[what](**arguments)) + "\n")
        answers.flush()
