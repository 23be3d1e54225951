"""Threads: the contacts and conversations that arrivals belong to, found or made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from conversations.models import Contact, Conversation
from conversations.signals import handler_wanted
from core import store
from core.bundle import Bundle
from core.text import clean_text
from integrations.adapters.base import ChannelFacts
from integrations.adapters.inbound import InboundMessage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from django.db.models import Model

T = TypeVar("T", bound="Model")
MessageArrival = tuple[ChannelFacts, InboundMessage]
#: (channel id, provider's id)
Name = tuple[int, str]


def hold(arrivals: list[MessageArrival]) -> dict[Name, Conversation]:
    """The conversations of these arrivals by name, made where new, and locked."""
    wanted: dict[Name, MessageArrival] = {}
    for facts, inbound in arrivals:
        wanted.setdefault((facts.id, inbound.conversation_id), (facts, inbound))
    bundle = Bundle()
    held = _lock(wanted, bundle)
    known = _find_contacts(wanted.values(), bundle)
    bundle.send()
    found = _by_name(Conversation, held)
    # In one order everywhere, as locks are taken: who inserts waits for who inserted.
    missing = {name: wanted[name] for name in sorted(wanted) if name not in found}
    if missing:
        contacts = _by_name(Contact, known)
        modes = _add_contacts(missing.values(), contacts)
        reasons = reasons_for_people(
            {facts.account_id for facts, _ in missing.values()}
        )
        bundle.insert_missing(
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
        held = _lock(missing, bundle)
        bundle.send()
        found |= _by_name(Conversation, held)
    return {name: found[name] for name in wanted}


def _by_name(model: type[T], rows: store.Rows) -> dict[Name, T]:
    found: Any = store.instances(model, rows)
    return {(each.channel_id, each.external_id): each for each in found}


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


def lock(names: Collection[Name]) -> dict[Name, Conversation]:
    """Those conversations that there are, locked."""
    bundle = Bundle()
    held = _lock(names, bundle)
    bundle.send()
    found = _by_name(Conversation, held)
    return {name: found[name] for name in names if name in found}


def _lock(names: Collection[Name], bundle: Bundle) -> store.Rows:
    """Conversations with these names, and perhaps some whose names are mixed of them."""
    # In one order everywhere, so that two transactions never wait for each other.
    where, params = _are_named(names)
    return bundle.fetch(
        f"SELECT {store.columns(Conversation, 'c')} FROM conversations_conversation c"
        f" WHERE {where} ORDER BY c.id {'FOR UPDATE' if store.is_postgresql() else ''}",
        params,
    )


def _are_named(names: Collection[Name]) -> tuple[str, list[Any]]:
    channels, in_channels = store.any_of({channel for channel, _ in names})
    externals, in_externals = store.any_text({external for _, external in names})
    where = f"c.channel_id {channels} AND c.external_id {externals}"
    return where, in_channels + in_externals


def _add_contacts(
    arrivals: Iterable[MessageArrival], contacts: dict[Name, Contact]
) -> dict[int, bool]:
    """Make the contacts that are missing; returns who replies on new conversations."""
    wanted = {(facts.id, each.contact_id): (facts, each) for facts, each in arrivals}
    bundle = Bundle()
    # A change of who replies waits until the conversations are stored.
    channels, params = store.any_of({channel for channel, _ in wanted})
    modes = bundle.fetch(
        f"SELECT id, human_mode FROM integrations_channel WHERE id {channels}"
        f" ORDER BY id {'FOR SHARE' if store.is_postgresql() else ''}",
        params,
    )
    missing = [wanted[name] for name in sorted(wanted) if name not in contacts]
    if missing:
        bundle.insert_missing([_new_contact(*each) for each in missing])
        made = _find_contacts(missing, bundle)
    bundle.send()
    if missing:
        contacts |= _by_name(Contact, made)
    return {row["id"]: row["human_mode"] for row in modes}


def _new_contact(facts: ChannelFacts, inbound: InboundMessage) -> Contact:
    return Contact(
        account_id=facts.account_id,
        channel_id=facts.id,
        external_id=inbound.contact_id,
        name=clean_text(inbound.contact_name)[:200],
        email=clean_text(inbound.contact_email)[:254],
        profile=dict(inbound.profile),
    )


def _find_contacts(arrivals: Iterable[MessageArrival], bundle: Bundle) -> store.Rows:
    where, params = _are_named(
        {(facts.id, each.contact_id) for facts, each in arrivals}
    )
    return bundle.fetch(
        f"SELECT {store.columns(Contact, 'c')} FROM conversations_contact c WHERE {where}",
        params,
    )
