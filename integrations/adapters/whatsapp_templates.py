"""Templates of WhatsApp: what may be said after the window has closed.

The owner chooses one that Meta has approved. Its places are filled with words of the
owner's, in which `{reply}` stands for what a person wrote and `{name}` for the customer.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext as _

from core.exceptions import InvalidPayload
from integrations.adapters.rows import Row, rows, words

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Longest body, once its places are filled.
LONGEST: Final = 1024
_PLACE: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Template:
    """An approved template, and what stands in its places."""

    name: str
    lang: str
    #: Its words, with places such as `{{1}}` or `{{order}}`.
    body: str
    #: One for each place, in order.
    values: tuple[str, ...] = ()

    @classmethod
    def load(cls, text: str) -> Template | None:
        """As `dump` has written it; None for nothing."""
        if not text:
            return None
        row = json.loads(text)
        return cls(row["name"], row["lang"], row["body"], tuple(row["values"]))

    def dump(self) -> str:
        """It as one text."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.name} ({self.lang})"

    @property
    def places(self) -> list[str]:
        """The names of its places, each once."""
        return list(dict.fromkeys(_PLACE.findall(self.body)))

    def with_values(self, values: Sequence[str]) -> Template:
        """It with these in its places; raises `InvalidPayload`."""
        given = tuple(_line(each) for each in values)
        if len(given) != len(self.places) or not all(given):
            raise InvalidPayload(
                _("This template has %(count)d places, and each needs words.")
                % {"count": len(self.places)}
            )
        made = replace(self, values=given)
        made.text("", "")  # what is too long without a reply is too long with any
        return made

    def text(self, reply: str, name: str) -> str:
        """What the customer reads; raises `InvalidPayload` where that is too long."""
        filled = dict(zip(self.places, self._filled(reply, name), strict=True))
        text = _PLACE.sub(lambda place: filled[place[1]], self.body)
        if len(text) > LONGEST:
            raise InvalidPayload(
                _("With the template this is too long: at most %(most)d characters.")
                % {"most": LONGEST}
            )
        return text

    def message(self, reply: str, name: str) -> Row:
        """It as their calls take it."""
        filled = zip(self.places, self._filled(reply, name), strict=True)
        parameters = [
            {"type": "text", "text": value}
            | ({} if place.isdigit() else {"parameter_name": place})
            for place, value in filled
        ]
        body = [{"type": "body", "parameters": parameters}] if parameters else []
        shown = {"name": self.name, "language": {"code": self.lang}}
        return {"type": "template", "template": {**shown, "components": body}}

    def problem(self, known: Sequence[Template]) -> str:
        """Why it cannot be sent; empty: it is among those that are approved."""
        same = (
            each for each in known if (each.name, each.lang) == (self.name, self.lang)
        )
        found = next(same, None)
        if found is None:
            return _("%(template)s is not approved.") % {"template": self.title}
        if found.body != self.body:
            return _("%(template)s reads differently now; choose it again.") % {
                "template": self.title
            }
        return ""

    def _filled(self, reply: str, name: str) -> list[str]:
        # A customer without a name is nobody, and a place may not be empty.
        known = {"{reply}": _line(reply) or "…", "{name}": _line(name) or "…"}
        return [
            re.sub(r"\{reply\}|\{name\}", lambda found: known[found[0]], value)
            for value in self.values
        ]


def approved(answer: Row) -> list[Template]:
    """Those of Meta's list that are approved and need nothing but words."""
    return [
        Template(words(each, "name"), words(each, "language"), body)
        for each in rows(answer, "data")
        if words(each, "status") == "APPROVED" and (body := _body(each))
    ]


def _body(row: Row) -> str:
    """The words of a template; empty where more is wanted than they."""
    kinds = {words(each, "type"): each for each in rows(row, "components")}
    header = kinds.get("HEADER", {})
    has_file = words(header, "format") not in ("", "TEXT")
    others = json.dumps([each for kind, each in kinds.items() if kind != "BODY"])
    if has_file or _PLACE.search(others):
        return ""
    return words(kinds.get("BODY", {}), "text")


def _line(text: str) -> str:
    """The words in one line: a place takes no line breaks and no rows of blanks."""
    return " ".join(text.split())
