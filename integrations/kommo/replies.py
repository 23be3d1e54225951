"""What we say to a bot that waits: the JSON of `continue`."""

from __future__ import annotations

from typing import Any, Final

from integrations.kommo.chunks import HANDLERS, chunks

#: Steps of the block that our widget builds; `static/kommo/script.js` has the same.
ASK, SHOW_REPLY, DECIDE = 0, 1, 2
#: What `{{json.status}}` may be.
WAIT, HANDOFF = "wait", "handoff"
#: One of the handlers is the `goto`.
_MOST_SHOWN: Final = HANDLERS - 1


def continuation(text: str, *, hands_off: bool = False) -> dict[str, Any]:
    """The body that shows a text, and sends the bot on.

    A text for which there are not enough `show` handlers goes whole into `reply`, which
    the bot's own step shows as one message.
    """
    pieces = chunks(text)
    is_long = len(pieces) > _MOST_SHOWN
    shown = [] if is_long else [_show(each) for each in pieces]
    step = SHOW_REPLY if is_long else DECIDE
    return {
        "data": {
            "status": HANDOFF if hands_off else WAIT,
            "reply": text if is_long else "",
        },
        "execute_handlers": [
            *shown,
            {"handler": "goto", "params": {"type": "question", "step": step}},
        ],
    }


def _show(text: str) -> dict[str, Any]:
    return {"handler": "show", "params": {"type": "text", "value": text}}
