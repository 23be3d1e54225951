"""The local answerer: quotes the best passage, needs no key and never fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.utils.translation import gettext_lazy as _

from ai_model.extract import extract
from ai_model.providers.base import Completion, Finish, Provider

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django_stubs_ext import StrOrPromise

    from ai_model.providers.base import OnText, Passage, Request


class Local(Provider):
    """Answers with sentences of the knowledge base, word for word."""

    key: ClassVar[str] = "local"
    label: ClassVar[StrOrPromise] = _("Local answerer")

    def is_configured(self) -> bool:
        """Always: it is part of the program."""
        return True

    async def complete(
        self, request: Request, on_text: OnText | None = None
    ) -> Completion:
        """Quote a passage for each question; EMPTY when there is nothing to quote."""
        asked = request.asked or ((request.question, 1),)
        quotes = [_quote(request.passages, *each) for each in asked]
        text = "\n\n".join(dict.fromkeys(each for each in quotes if each))
        if text and on_text is not None:
            on_text(text)
        return Completion(
            text=text,
            finish=Finish.STOP if text else Finish.EMPTY,
            provider=self.key,
            model="extract",
        )

    async def check(self, timeout_s: float) -> None:
        """Nothing outside is needed, so there is nothing to check."""


def _quote(passages: Sequence[Passage], question: str, number: int) -> str:
    """The sentences of that passage; the others only tell which words are common."""
    ranked = sorted(passages, key=lambda each: each.number != number)
    lang = ranked[0].lang if ranked else ""
    texts = [(passage.title, passage.text) for passage in ranked]
    return extract(question, texts, lang=lang, max_words=60).strip()
