"""Profiles: who a contact is, where the provider tells it by a further call.

Asked in the background, seldom, and only of contacts who have just written; what cannot
be asked is let be.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from conversations import live
from conversations.models import Contact, Conversation, Portrait
from core import http, store
from core.exceptions import ProviderError
from core.text import clean_text
from integrations import adapters
from integrations.facts import cache
from integrations.models import Channel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.models import ConversationQuerySet
    from integrations.adapters.base import Adapter, Profile

logger = logging.getLogger(__name__)

#: A contact is asked about when they have written within this time.
RECENT: Final = dt.timedelta(hours=1)
#: When it is asked again, and when what could not be asked.
AGAIN: Final = dt.timedelta(days=30)
AFTER_FAILURE: Final = dt.timedelta(days=1)
#: Contacts that are asked about in one run, and at once.
MOST: Final = 60
AT_ONCE: Final = 6
LARGEST_PICTURE: Final = 512 * 1024


def refresh() -> int:
    """Ask who those are who have just written; returns how many were asked about."""
    contacts = _due()
    speakers = cache.of(each.channel_id for each in contacts)
    found = http.run(_ask_all([(speakers[each.channel_id], each) for each in contacts]))
    for contact, profile in zip(contacts, found, strict=True):
        keep(contact, profile)
    return len(contacts)


def _due() -> list[Contact]:
    able = [key for key, each in adapters.REGISTRY.items() if each.has_profiles]
    channels = Channel.objects.active().filter(provider__in=able, error="")
    keys = list(channels.values_list("pk", flat=True))
    if not keys:
        return []
    now = timezone.now()
    recent = _going_on().filter(channel__in=keys, last_message_at__gte=now - RECENT)
    due = Q(profile_due_at=None) | Q(profile_due_at__lte=now)
    rows = Contact.objects.filter(due, pk__in=recent.values("contact"))
    return list(rows.filter(anonymised_at=None)[:MOST])


def _going_on() -> ConversationQuerySet:
    """Of contacts who were forgotten, all are closed."""
    return Conversation.objects.exclude(status=Conversation.Status.CLOSED)


async def _ask_all(
    wanted: Sequence[tuple[Adapter, Contact]],
) -> list[Profile | None]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(adapter: Adapter, contact: Contact) -> Profile | None:
        async with gate:
            return await _ask(adapter, contact)

    return await asyncio.gather(*(ask(*each) for each in wanted))


async def _ask(adapter: Adapter, contact: Contact) -> Profile | None:
    try:
        return await adapter.profile(contact.external_id, most=LARGEST_PICTURE)
    except ProviderError as exc:
        logger.info("Nobody says who %s is: %s", contact.uuid, exc.code)
    except Exception:
        # A bug in an adapter costs a name, and nothing else.
        logger.exception("Adapter %s broke on a profile", adapter.key)
    return None


@transaction.atomic
def keep(contact: Contact, profile: Profile | None) -> None:
    """Keep what was told; None: nothing was. Who was forgotten meanwhile stays so."""
    rows = _going_on().filter(contact=contact).order_by("id")
    if store.is_postgresql():
        rows = rows.select_for_update(of=("self",))
    conversations = list(rows)
    if not conversations:
        return
    pause = AGAIN if profile else AFTER_FAILURE
    Contact.objects.filter(pk=contact.pk).update(profile_due_at=timezone.now() + pause)
    if profile is None:
        return
    name = clean_text(profile.name).strip()[:200]
    Contact.objects.filter(pk=contact.pk, name="").update(name=name)
    _keep_picture(contact, profile.picture)
    for each in conversations:
        if profile.lang and not each.lang:
            each.lang = profile.lang[:12]
            each.save(update_fields=["lang"])
        live.mark_changed(each)


def _keep_picture(contact: Contact, image: bytes) -> None:
    kind = _kind_of(image) if len(image) <= LARGEST_PICTURE else ""
    if not kind:
        Portrait.objects.filter(contact=contact).delete()
        Contact.objects.filter(pk=contact.pk).update(portrait_at=None)
        return
    values = {"image": image, "content_type": kind}
    Portrait.objects.update_or_create(contact=contact, defaults=values)
    Contact.objects.filter(pk=contact.pk).update(portrait_at=timezone.now())


def _kind_of(image: bytes) -> str:
    """The content type of a picture; empty for anything else."""
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for mark, kind in _KINDS.items() if image.startswith(mark)), "")


#: What the first bytes of a picture that browsers may see say of it.
_KINDS: Final = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
}
