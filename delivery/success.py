"""What an answer must say to count as a yes: rules that staff set without code."""

from dataclasses import dataclass

import orjson
import regex

KINDS = ("contains", "json", "regex")
# A pattern that staff typed runs on what a stranger answered: it may take so long and no longer.
PATTERN_SECONDS = 0.25
_QUOTED = 60  # characters of an answer that a message repeats


@dataclass(frozen=True, slots=True)
class SuccessRule:
    """Beside a 2xx: `contains` a text, `json` value at a path equals a text, or matches a `regex`."""

    kind: str
    value: str
    path: str = ""


def fault(rule: SuccessRule) -> str:
    """What is wrong with the rule itself, in a sentence; "" if nothing is."""
    if rule.kind == "json" and not rule.path.strip():
        return "Say where in the JSON to look, as in result.status or items.0.ok."
    if rule.kind == "contains" and not rule.value:
        return "Say which text the answer must contain."
    if rule.kind == "regex":
        if not rule.value:
            return "Say which regular expression the answer must match."
        try:
            regex.compile(rule.value)
        except (regex.error, RecursionError, OverflowError, ValueError) as error:
            return f"The regular expression cannot be read: {error}"
    return ""


def missed(rule: SuccessRule, answer: str) -> str:
    """Why the answer is not a yes by this rule, in a sentence; "" if it is."""
    if rule.kind == "contains":
        return "" if rule.value in answer else f"The answer does not contain “{rule.value}”{_said(answer)}"
    if rule.kind == "json":
        return _missed_json(rule, answer)
    try:
        found = regex.search(rule.value, answer, timeout=PATTERN_SECONDS)
    except TimeoutError:
        return "The regular expression took too long on this answer; make it simpler."
    except (regex.error, RecursionError, MemoryError):
        return "The regular expression cannot be used."
    return "" if found else f"The answer does not match “{rule.value}”{_said(answer)}"


def _missed_json(rule: SuccessRule, answer: str) -> str:
    try:
        value = orjson.loads(answer)
    except ValueError:
        return f"The answer is not JSON{_said(answer)}"
    for step in _steps(rule.path):
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, ValueError, TypeError):
            return f"The answer has nothing at {rule.path}{_said(answer)}"
    found = value if isinstance(value, str) else orjson.dumps(value).decode()
    if found == rule.value:
        return ""
    return f"At {rule.path} the answer has “{found[:_QUOTED]}”, not “{rule.value}”."


def _steps(path: str) -> list[str]:
    """`$.items[0].ok` and `items.0.ok` are the same: names and numbers, no more of JSONPath."""
    plain = path.strip().removeprefix("$").replace("[", ".").replace("]", "")
    return [step.strip("'\" ") for step in plain.split(".") if step.strip("'\" ")]


def _said(answer: str) -> str:
    text = " ".join(answer.split())
    return f": “{text[:_QUOTED]}{'…' if len(text) > _QUOTED else ''}”" if text else "; it is empty."
