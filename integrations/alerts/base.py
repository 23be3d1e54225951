"""The contract of an alert service: tell staff that a person is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import datetime as dt
    from uuid import UUID

    from django.utils.functional import Promise


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What an adapter knows of the account whose staff it tells."""

    account_id: int
    account_name: str
    owner_emails: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """A person is needed."""

    #: The same for each attempt.
    reference: UUID
    #: Why, in words.
    reason: str
    customer: str
    #: The customer's last words.
    text: str
    at: dt.datetime
    #: What went wrong on the way, where something did.
    problem: str = ""
    #: Where the conversation is, and where somebody says "I take it". Empty: we do not
    #: know our own address.
    url: str = ""
    take_url: str = ""


class AlertAdapter:
    """Speaks one alert service's language, for one account. Keeps no state."""

    key: ClassVar[str]
    label: ClassVar[str | Promise]

    def __init__(self, account: AlertFacts) -> None:
        self.account = account

    async def send(self, alert: Alert) -> None:
        """Tell staff once; raises `ProviderError`."""
        raise NotImplementedError
