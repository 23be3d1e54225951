"""Threads: the contacts and conversations that arrivals belong to, found or made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from conversations.models import Contact, Conversation
from conversations.signals import handler_wanted
from core import store
from core.text import clean_text
from integrations.adapters.base import ChannelFacts
from integrations.adapters.inbound import InboundMessage
from integrations.models import Channel

if TYPE_CHECKING:
    from collections.abc import Iterable

MessageArrival = tuple[ChannelFacts, InboundMessage]
#: (channel id, provider's id)
Name = tuple[int, str]


def hold(arrivals: list[MessageArrival]) -> dict[Name, Conversation]:
    """The conversations of these arrivals by name, made where new, and locked."""
    wanted: dict[Name, MessageArrival] = {}
    for facts, inbound in arrivals:
        wanted.setdefault((facts.id, inbound.conversation_id), (facts, inbound))
    found = lock(list(wanted))
    # In one order everywhere, as locks are taken: who inserts waits for who inserted.
    missing = {name: wanted[name] for name in sorted(wanted) if name not in found}
    if missing:
        contacts = _contacts(missing.values())
        modes = _human_modes({name[0] for name in missing})
        reasons = reasons_for_people(
            {facts.account_id for facts, _ in missing.values()}
        )
        store.insert_missing(
            [
                _new_conversation(
                    facts,
                    inbound,
                    contacts[facts.id, inbound.contact_id],
                    "human_mode"
                    if modes[facts.id]
                    else reasons.get(facts.account_id, ""),
                )
                for facts, inbound in missing.values()
            ]
        )
        found |= lock(list(missing))
    return found


def _human_modes(channels: set[int]) -> dict[int, bool]:
    """Who replies on new conversations; a change waits until these are stored."""
    if not store.is_postgresql():
        return dict(
            Channel.objects.filter(pk__in=channels).values_list("pk", "human_mode")
        )
    rows = store.fetch(
        "SELECT id, human_mode FROM integrations_channel WHERE id = ANY(%s)"
        " ORDER BY id FOR SHARE",
        [sorted(channels)],
    )
    return {row["id"]: row["human_mode"] for row in rows}


def reasons_for_people(accounts: set[int]) -> dict[int, str]:
    """Why people reply on what begins now, by account; others begin with the assistant."""
    found: dict[int, str] = {}
    told: Any = handler_wanted.send(sender=Conversation, accounts=accounts)
    for _receiver, reasons in told:
        found.update(reasons)
    return found


def _new_conversation(
    facts: ChannelFacts,
    inbound: InboundMessage,
    contact: Contact,
    reason: str,
) -> Conversation:
    """One that begins with the assistant, or with people where there is a reason."""
    status = Conversation.Status
    return Conversation(
        account_id=facts.account_id,
        channel_id=facts.id,
        contact=contact,
        external_id=inbound.conversation_id,
        address=dict(inbound.address),
        lang=inbound.lang,
        status=status.SUPPORT_ACTIVE if reason else status.ACTIVE,
        status_reason=reason,
        needs_person=bool(reason),
    )


def lock(names: list[Name]) -> dict[Name, Conversation]:
    rows = Conversation.objects.select_related("channel__account").filter(
        channel_id__in={channel for channel, _ in names},
        external_id__in={external for _, external in names},
    )
    if store.is_postgresql():
        rows = rows.select_for_update(of=("self",))
    # In one order everywhere, so that two transactions never wait for each other.
    found = {(row.channel_id, row.external_id): row for row in rows.order_by("id")}
    return {name: found[name] for name in names if name in found}


def _contacts(arrivals: Iterable[MessageArrival]) -> dict[Name, Contact]:
    wanted = {(facts.id, each.contact_id): (facts, each) for facts, each in arrivals}
    found = _find_contacts(wanted)
    missing = [wanted[name] for name in sorted(wanted) if name not in found]
    if missing:
        store.insert_missing(
            [
                Contact(
                    account_id=facts.account_id,
                    channel_id=facts.id,
                    external_id=inbound.contact_id,
                    name=clean_text(inbound.contact_name)[:200],
                    email=clean_text(inbound.contact_email)[:254],
                    profile=dict(inbound.profile),
                )
                for facts, inbound in missing
            ]
        )
        found |= _find_contacts(wanted)
    return found


def _find_contacts(names: Iterable[Name]) -> dict[Name, Contact]:
    keys = list(names)
    rows = Contact.objects.filter(
        channel_id__in={channel for channel, _ in keys},
        external_id__in={external for _, external in keys},
    )
    return {(row.channel_id, row.external_id): row for row in rows}
