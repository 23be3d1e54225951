"""The limits that Meta documents: what its stand-in refuses, and with which code."""

from __future__ import annotations

import re
import time
from typing import Any, Final

Row = dict[str, Any]

WINDOW_S: Final = 24 * 3600
#: Templates of the WhatsApp business account, as its list shows them.
TEMPLATES: Final[list[Row]] = [
    {
        "name": "reply_later",
        "language": "en",
        "status": "APPROVED",
        "components": [
            {
                "type": "BODY",
                "text": "Hello {{1}}, about your question: {{2}}",
                "example": {"body_text": [["Bat", "It has arrived."]]},
            },
            {"type": "FOOTER", "text": "Reply to go on."},
        ],
    },
    {
        "name": "write_again",
        "language": "mn",
        "status": "APPROVED",
        "components": [
            {"type": "BODY", "text": "Танд хариу байна. Бидэнд дахин бичээрэй."}
        ],
    },
    {
        "name": "order_update",
        "language": "en_US",
        "status": "APPROVED",
        "components": [{"type": "BODY", "text": "Order {{order}} is on its way."}],
    },
    {
        "name": "with_picture",
        "language": "en",
        "status": "APPROVED",
        "components": [
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": "Look at this."},
        ],
    },
    {
        "name": "not_yet",
        "language": "en",
        "status": "PENDING",
        "components": [{"type": "BODY", "text": "Not yet."}],
    },
]


class Refused(Exception):
    """The API says no."""

    def __init__(self, words: str, status: int = 400, code: int = 100, sub: int = 0):
        super().__init__(words)
        self.status, self.code, self.sub = status, code, sub


def text_of(body: Row) -> str:
    """What a message says."""
    if "message" in body:
        return str(body["message"].get("text", ""))
    if "template" in body:
        return _filled(body["template"])
    shown = body.get("interactive") or body
    name = "text" if "interactive" in body else "body"
    return str((shown.get("body") or body.get("text") or {}).get(name, ""))


def check(product: str, body: Row, heard_at: float) -> None:
    """Raise `Refused` for a message that breaks a limit, as the API does.

    `heard_at` is when the customer wrote last.
    """
    age_s = time.time() - heard_at
    if product == "whatsapp":
        _check_whatsapp(body, age_s)
    else:
        _check_messaging(product, body, age_s)


def _check_messaging(product: str, body: Row, age_s: float) -> None:
    text = text_of(body)
    most = 1000 if product == "instagram" else 2000
    size = len(text.encode()) if product == "instagram" else len(text)
    replies = body["message"].get("quick_replies", [])
    is_tagged = body.get("messaging_type") == "MESSAGE_TAG"
    if not text.strip():
        raise Refused("(#100) The text is empty")
    if not body.get("recipient", {}).get("id"):
        raise Refused("(#100) The recipient is missing")
    if size > most:
        raise Refused(
            f"(#100) Length of param message[text] must be less than or equal to {most}"
        )
    if is_tagged and body.get("tag") != "HUMAN_AGENT":
        raise Refused("(#100) The tag is unknown")
    if len(replies) > 13 or any(len(each["title"]) > 20 for each in replies):
        raise Refused("(#100) Quick replies are too many or too long")
    if age_s >= (7 * WINDOW_S if is_tagged else WINDOW_S):
        raise Refused(
            "(#10) This message is sent outside of allowed window.", 400, 10, 2018278
        )


def _check_whatsapp(body: Row, age_s: float) -> None:
    if body.get("messaging_product") != "whatsapp" or not body.get("to"):
        raise Refused("(#100) messaging_product or to is missing")
    if body.get("type") == "template":
        _check_template(body["template"])
        return
    text = text_of(body)
    action = body.get("interactive", {}).get("action", {})
    buttons = [each["reply"] for each in action.get("buttons", [])]
    if not text.strip():
        raise Refused("(#100) The text is empty")
    if len(text) > (1024 if "interactive" in body else 4096):
        raise Refused("(#100) Param text is too long")
    if len(buttons) > 3 or any(len(each["title"]) > 20 for each in buttons):
        raise Refused("(#100) Buttons are too many or too long")
    if len({each["id"] for each in buttons}) != len(buttons):
        raise Refused("(#100) Two buttons have the same id")
    if age_s >= WINDOW_S:
        raise Refused("(#131047) Re-engagement message", 400, 131047)


def _check_template(said: Row) -> None:
    known = _find(said)
    if known is None:
        raise Refused("(#132001) Template name does not exist", 404, 132001)
    if known["status"] != "APPROVED":
        raise Refused("(#132015) Template is paused or not approved", 400, 132015)
    places, given = _places(known), _given(said)
    if set(given) != set(places) or len(_parameters(said)) != len(places):
        raise Refused("(#132000) Number of parameters does not match", 400, 132000)
    for value in given.values():
        if not value.strip() or re.search(r"[\n\t]| {5,}", value):
            raise Refused("(#132018) A parameter has line breaks", 400, 132018)
    if len(_filled(said)) > 1024:
        raise Refused("(#132005) Translated text too long", 400, 132005)


def _find(said: Row) -> Row | None:
    name = (said.get("name"), said.get("language", {}).get("code"))
    same = (each for each in TEMPLATES if (each["name"], each["language"]) == name)
    return next(same, None)


def _parameters(said: Row) -> list[Row]:
    body = (each for each in said.get("components", []) if each["type"] == "body")
    return [each for part in body for each in part["parameters"]]


def _given(said: Row) -> dict[str, str]:
    """What stands in the places, by their names."""
    numbered = enumerate(_parameters(said), start=1)
    return {each.get("parameter_name", str(at)): each["text"] for at, each in numbered}


def _body(known: Row) -> str:
    return next(str(e["text"]) for e in known["components"] if e["type"] == "BODY")


def _places(known: Row) -> list[str]:
    return re.findall(r"\{\{(\w+)\}\}", _body(known))


def _filled(said: Row) -> str:
    known, given = _find(said), _given(said)
    body = _body(known) if known else ""
    return re.sub(r"\{\{(\w+)\}\}", lambda place: given.get(place[1], ""), body)
