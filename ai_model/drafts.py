"""What a model hands in: its judgement, its evidence and then its answer.

The evidence stands before the answer, so that it can be checked before the first word
is shown; `docs/decisions/009` says why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import orjson

from ai_model import prompts
from knowledge import text as words

#: What the model is asked to write, for providers that can hold it to a schema.
SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "judgement": {"type": "number"},
        "citations": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "passage": {"type": "integer"},
                    "quote": {"type": "string"},
                },
                "required": ["passage", "quote"],
                "additionalProperties": False,
            },
        },
        "answer": {"type": "string"},
    },
    "required": ["judgement", "citations", "answer"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Citation:
    """A passage by its number, and what the model copied from it."""

    passage: int
    quote: str


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer as a model wants it, before anybody has checked it."""

    text: str
    citations: tuple[Citation, ...] = ()
    #: Whether the passages answer the question, 0 to 1; None: it did not say.
    judgement: float | None = None


def read(written: str) -> Draft:
    """Read what a model wrote, whole or cut off; without a shape it is plain text."""
    written = _unfenced(written)
    if not written.startswith("{"):
        return _plain(written)
    try:
        return _draft(orjson.loads(written))
    except (ValueError, TypeError, AttributeError):
        return begun(written) or Draft("")


def only_value(written: str, name: str) -> str:
    """The one value that a model was to write, on one line; plain text is taken as it is."""
    written = _unfenced(written)
    try:
        found = orjson.loads(written)
        text = str(found[name]) if isinstance(found, dict) else ""
    except (ValueError, KeyError):
        text = "" if written.startswith("{") else written
    return " ".join(text.split())


def begun(written: str) -> Draft | None:
    """What can be told of an answer that is still being written.

    None as long as the evidence is not complete, and for anything that has no shape.
    """
    written = _unfenced(written)
    # A string cannot hold this: its quotes would stand behind backslashes.
    start = _ANSWER.search(written)
    if start is None or not written.startswith("{"):
        return None
    try:
        evidence = orjson.loads(written[: start.start()].rstrip().rstrip(",") + "}")
        return _draft(evidence | {"answer": _string(written[start.end() :])})
    except (ValueError, TypeError, AttributeError):
        return None


_ANSWER = re.compile(r'"answer"\s*:\s*"')
#: Whole letters and escapes of a JSON string; half a pair of surrogates is left out.
_STRING = re.compile(
    r'(?:[^"\\]|\\["\\/bfnrt]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}'
    r"|\\u(?![dD][89a-fA-F])[0-9a-fA-F]{4})*"
)


def _string(raw: str) -> str:
    """The beginning of a JSON string, as far as it has come."""
    found = _STRING.match(raw)
    inner = found[0] if found else ""
    # Some models write line breaks as they are.
    inner = inner.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return str(orjson.loads(f'"{inner}"'))


def _unfenced(written: str) -> str:
    """Without the code fence that some models put around JSON."""
    return _FENCE.sub("", written.strip()).strip()


_FENCE = re.compile(r"^```(?:json)?\s*|\s*```$", re.IGNORECASE)


def _draft(data: dict[str, Any]) -> Draft:
    cited = data.get("citations") or ()
    judgement = data.get("judgement")
    if isinstance(judgement, bool) or not isinstance(judgement, int | float):
        judgement = None
    return Draft(
        # A model may still mark its sentences in the text.
        prompts.resolve_citations(prompts.shaped(str(data.get("answer") or "")), 0)[0],
        tuple(
            Citation(int(each["passage"]), str(each["quote"]))
            for each in cited
            if isinstance(each, dict) and {"passage", "quote"} <= each.keys()
        ),
        None if judgement is None else min(1.0, max(0.0, float(judgement))),
    )


def _plain(written: str) -> Draft:
    """Plain text of a server that knows no shapes: cited sentences are its quotes."""
    if prompts.is_no_answer(written):
        return Draft("", judgement=0.0)
    citations = []
    for sentence in words.sentences(written):
        clean, numbers = prompts.resolve_citations(sentence, 99)
        citations += [Citation(number, clean) for number in numbers]
    text, _ = prompts.resolve_citations(prompts.shaped(written), 0)
    return Draft(text, tuple(citations))
