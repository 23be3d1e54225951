"""Models that their providers will switch off, and who still uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.utils import timezone
from django.utils.translation import gettext

from ai_model import providers
from ai_model.control import model_of
from ai_model.providers import models

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from ai_model.models import Assistant
    from ai_model.providers.base import Provider

#: Days before its end from which on a model is spoken of.
AHEAD_DAYS: Final = 60


@dataclass(frozen=True, slots=True)
class Ending:
    """A model in use that has an end."""

    provider: str
    model: str
    retires_on: dt.date
    #: Empty: its provider names none.
    successor: str
    is_over: bool

    @property
    def code(self) -> str:
        """A stable name for what it is."""
        return "model_retired" if self.is_over else "model_retiring"

    @property
    def problem(self) -> str:
        """What an operator reads."""
        text = (
            gettext("%(model)s was retired on %(day)s.")
            if self.is_over
            else gettext("%(model)s will be retired on %(day)s.")
        )
        return text % {
            "model": f"{self.provider}: {self.model}",
            "day": f"{self.retires_on:%Y-%m-%d}",
        }

    @property
    def mend(self) -> str:
        """What an operator should do."""
        if not self.successor:
            return gettext("Choose another model under Assistants.")
        command = f"manage.py evaluate ACCOUNT --model {self.provider}={self.successor}"
        return gettext(
            "Choose %(model)s; first try your test questions on it: %(command)s"
        ) % {"model": self.successor, "command": command}


def ending(
    assistant: Assistant, among: Iterable[Provider] | None = None
) -> list[Ending]:
    """The models in use that are gone or have less than `AHEAD_DAYS` left, soonest first.

    `among` names other providers than those that can be asked.
    """
    today = timezone.now().date()
    found = []
    for provider in providers.usable(assistant.chain) if among is None else among:
        known = models.lookup(provider.key, model_of(assistant, provider))
        if known is None or known.retires_on is None:
            continue
        if (known.retires_on - today).days <= AHEAD_DAYS:
            found.append(
                Ending(
                    provider=provider.key,
                    model=known.name,
                    retires_on=known.retires_on,
                    successor=known.successor or "",
                    is_over=not known.is_served(today),
                )
            )
    return sorted(found, key=lambda each: each.retires_on)
