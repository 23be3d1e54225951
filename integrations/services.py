"""What is done to channels and to the events that arrived on them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.db import transaction

from accounts.models import Account
from core import work
from core.exceptions import Conflict, InvalidPayload
from integrations import adapters
from integrations.adapters.web import FORMER_SECRET, SECRET
from integrations.facts import cache
from integrations.models import Channel, Desk, Event
from integrations.signals import channel_disconnected

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from integrations.adapters.base import Adapter, CredentialField


#: Rows that are deleted at once.
_BATCH = 1_000


def find_adapter(provider: str) -> type[Adapter]:
    """The adapter of a provider key; raises `InvalidPayload` naming the known ones."""
    try:
        return adapters.get(provider)
    except KeyError as exc:
        known = ", ".join(adapters.REGISTRY)
        raise InvalidPayload(
            f"There is no provider “{provider}”; there are: {known}."
        ) from exc


def check_credentials(provider: str, credentials: Mapping[str, str]) -> dict[str, str]:
    """The credentials without blanks around them.

    Raises `InvalidPayload` that names each one which is unknown, missing or no address.
    """
    return check_fields(provider, find_adapter(provider).credential_fields, credentials)


def check_fields(
    provider: str, wanted: Iterable[CredentialField], credentials: Mapping[str, str]
) -> dict[str, str]:
    """The same, of whatever has credential fields."""
    fields = {each.name: each for each in wanted}
    given = {name: value.strip() for name, value in credentials.items()}
    known = ", ".join(fields) or "none"
    problems = [
        f"{provider} has no “{name}”; it has: {known}"
        for name in given
        if name not in fields
    ]
    problems += [
        f"“{name}” is missing ({field.label})"
        for name, field in fields.items()
        if field.is_required and not given.get(name)
    ]
    problems += [
        f"“{name}” must be an address that begins with https:// or http://"
        for name, value in given.items()
        if name.endswith("_url") and value and not _is_address(value)
    ]
    if problems:
        raise InvalidPayload("; ".join(problems) + ".")
    return {name: value for name, value in given.items() if value}


@transaction.atomic
def create_channel(
    *,
    account: Account,
    provider: str,
    credentials: Mapping[str, str] | None = None,
    name: str = "",
    is_default: bool = False,
) -> Channel:
    """Connect an account to a provider; raises `InvalidPayload`.

    A new default channel takes that place from the former one.
    """
    label = name.strip() or find_adapter(provider).label
    if len(label) > 100:
        raise InvalidPayload("The name of a channel has at most 100 characters.")
    usable = check_credentials(provider, credentials or {})
    if is_default:
        Channel.objects.filter(is_default=True).update(is_default=False)
    transaction.on_commit(cache.clear)
    return Channel.objects.create(
        account=account,
        provider=provider,
        name=label,
        credentials=usable,
        is_default=is_default,
    )


@transaction.atomic
def api_channel(*, account: Account) -> Channel:
    """The channel on which the account's own programs ask; made when first used.

    Raises `Conflict` where the owner has switched it off.
    """
    rows = Channel.objects.for_account(account).filter(provider="api").order_by("pk")
    channel = rows.select_related("account").first()
    if channel is None:
        # Two first calls at once make one.
        Account.objects.select_for_update().get(pk=account.pk)
        channel = rows.first() or create_channel(account=account, provider="api")
    if not channel.is_active:
        raise Conflict("The account's API channel is switched off.")
    return channel


@transaction.atomic
def set_active(channel: Channel, *, is_active: bool) -> Channel:
    """Take what arrives on a channel, or refuse it; raises `InvalidPayload`."""
    row = Channel.objects.select_for_update().get(pk=channel.pk)
    if is_active:
        check_credentials(row.provider, row.credentials)
    row.is_active = is_active
    row.save(update_fields=["is_active"])
    transaction.on_commit(cache.clear)
    return row


def disconnect(channel: Channel) -> Channel:
    """Forget what opens the provider; nothing arrives or leaves, all that was said stays.

    Doing it again finishes what broke off.
    """
    with transaction.atomic():
        row = Channel.objects.select_for_update().get(pk=channel.pk)
        row.is_active = row.is_default = False
        row.credentials, row.error = {}, ""
        row.save()
        transaction.on_commit(cache.clear)
    channel_disconnected.send(sender=Channel, channel=row)
    return row


def close_connections(account: Account) -> None:
    """Nothing arrives at an account, or leaves it, any more."""
    for channel in Channel.objects.for_account(account):
        channel.is_active = channel.is_default = False
        channel.credentials = {}
        channel.save()
    for desk in Desk.objects.for_account(account).active():
        desk.is_active = False
        desk.save(update_fields=["is_active"])
    transaction.on_commit(cache.clear)


def delete_events(account: Account) -> int:
    """Delete some of what arrived for an account; returns how many."""
    rows = Event.objects.filter(channel__account=account).order_by("pk")
    keys = list(rows.values_list("pk", flat=True)[:_BATCH])
    Event.objects.filter(pk__in=keys).delete()
    return len(keys)


@transaction.atomic
def renew_secret(channel: Channel) -> str:
    """A new secret to sign users with; the one before stays good until the next."""
    secret = f"is_{secrets.token_urlsafe(32)}"
    row = Channel.objects.select_for_update().get(pk=channel.pk)
    former = row.credentials.get(SECRET)
    kept = {**row.credentials, FORMER_SECRET: former} if former else row.credentials
    row.credentials = {**kept, SECRET: secret}
    row.save(update_fields=["credentials"])
    transaction.on_commit(cache.clear)
    return secret


def read_again(events: Iterable[Event]) -> int:
    """Have events that failed read once more; returns how many."""
    keys = [each.pk for each in events]
    count = Event.objects.filter(pk__in=keys, state=Event.State.FAILED).update(
        state=Event.State.WAITING, attempts=0, due_at=None, note=""
    )
    transaction.on_commit(lambda: work.wake("receive"))
    return count


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
