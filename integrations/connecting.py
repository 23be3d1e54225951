"""Channels and their providers: who sends events where, and whether it is still so."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from core import http
from core.exceptions import Conflict, CredentialsRefused, ProviderError
from integrations import breakage, services
from integrations.facts import adapter_of, cache
from integrations.models import Channel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from accounts.models import Account
    from integrations.adapters.base import Check

logger = logging.getLogger(__name__)


def create(
    *,
    account: Account,
    provider: str,
    credentials: Mapping[str, str],
    name: str = "",
    is_default: bool = False,
) -> Channel:
    """Make a channel and have the provider send its events here.

    What the provider refuses leaves no channel behind. Raises `InvalidPayload`,
    `Conflict` where another channel has the same credentials, and `ProviderError`.
    """
    refuse_twin(provider, credentials)
    channel = services.create_channel(
        account=account,
        provider=provider,
        credentials=credentials,
        name=name,
        is_default=is_default,
    )
    try:
        connect(channel)
    except ProviderError:
        channel.delete()
        raise
    return channel


def refuse_twin(
    provider: str, credentials: Mapping[str, str], *, but: Channel | None = None
) -> None:
    """One key, one channel: the provider sends its events to one address only.

    Raises `Conflict` where another channel than `but` has the same.
    """
    fields = services.find_adapter(provider).credential_fields
    own = [each.name for each in fields if each.is_unique]
    for other in Channel.objects.filter(provider=provider).exclude(
        pk=but.pk if but else 0
    ):
        for name in own:
            if other.credentials.get(name) == credentials.get(name, "").strip():
                raise Conflict(_("Another channel is connected with the same key."))


def address_of(channel: Channel) -> str:
    """Where the provider is to send its events."""
    return f"{settings.PUBLIC_URL.rstrip('/')}{channel.webhook_path}"


def connect(channel: Channel) -> None:
    """Have the provider send its events here; may be done again.

    Raises `ProviderError`.
    """
    adapter = adapter_of(channel)
    if not adapter.connects:
        return
    # What is made here must be known to the inbox before the first event comes.
    _learn(channel, {**adapter.prepare(), **channel.credentials})
    learned = http.run(adapter_of(channel).connect(address_of(channel)))
    _learn(channel, {**channel.credentials, **learned})
    breakage.note_success(channel.pk)


def check(channel: Channel) -> list[Check]:
    """How the connection stands; raises `ProviderError` where nothing can be asked."""
    return http.run(adapter_of(channel).check())


def keep_connected(channel: Channel) -> bool:
    """Mend a connection that somebody else took; returns whether that was needed.

    Raises `ProviderError`; a refused key is kept for the owner first.
    """
    try:
        renewed = http.run(adapter_of(channel).renew())
        _learn(channel, {**channel.credentials, **renewed})
        if http.run(adapter_of(channel).is_connected(address_of(channel))):
            breakage.note_success(channel.pk)
            return False
        connect(channel)
    except CredentialsRefused as exc:
        breakage.note_refusal(channel.pk, str(exc))
        raise
    logger.warning("Channel %s had lost its webhook; it is set again", channel.uuid)
    return True


@transaction.atomic
def _learn(channel: Channel, credentials: Mapping[str, str]) -> None:
    if credentials != channel.credentials:
        channel.credentials = dict(credentials)
        channel.save(update_fields=["credentials"])
        transaction.on_commit(cache.clear)
