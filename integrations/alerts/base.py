"""The contract of an alert service: tell staff that a person is needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from uuid import UUID

    from django.utils.functional import Promise

    from integrations.adapters.base import CredentialField


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What an adapter knows of the account whose staff it tells."""

    account_id: int
    account_name: str
    owner_emails: tuple[str, ...]
    #: What the owner entered for this service.
    credentials: Mapping[str, str] = field(default_factory=dict)
    #: Language of the staff, as a code; empty: the installation's.
    lang: str = ""

    @property
    def spoken(self) -> str:
        """The language in which staff are told."""
        return self.lang or settings.LANGUAGE_CODE


@dataclass(frozen=True, slots=True)
class Waiting:
    """One more customer who waits, in a few words."""

    customer: str
    reason: str


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
    #: Where the provider's own app shows the conversation, and what that is called.
    provider_url: str = ""
    provider: str = ""
    #: Others that this one stands for as well, and where all of them are.
    others: tuple[Waiting, ...] = ()
    list_url: str = ""


class AlertAdapter:
    """Speaks one alert service's language, for one account. Keeps no state."""

    key: ClassVar[str]
    label: ClassVar[str | Promise]
    credential_fields: ClassVar[tuple[CredentialField, ...]] = ()
    #: Attempts after which an alert has failed.
    most_attempts: ClassVar[int] = 8
    #: Seconds after an alert in which all others become one; 0: each is sent by itself.
    sums_up_s: ClassVar[float] = 0.0

    def __init__(self, account: AlertFacts) -> None:
        self.account = account

    def refusal(self) -> str:
        """Why this cannot work with what was entered; empty: it may."""
        return ""

    def warning(self) -> str:
        """What will keep it from working later; empty: nothing that we know of."""
        return ""

    async def send(self, alert: Alert) -> None:
        """Tell staff once; raises `ProviderError`."""
        raise NotImplementedError
