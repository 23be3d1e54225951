"""Sessions of CRMs: their ids are made there, and here each belongs to one person."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings

from core import store
from core.bundle import Bundle
from core.text import clean_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conversations.identity import Person
    from integrations.models import Channel

#: Longest id that a CRM may make.
MAX_ID: Final = 150
#: With what our names of CRMs' sessions begin.
_CRM: Final = "crm:"
#: The documented form, with at least 24 digits behind the milliseconds.
_SECRET_ID = re.compile(r"([a-z]+)-session-\d{37,}", re.ASCII)


#: Channel, agent, person, and the id that the person gave.
Wanted = tuple["Channel", str, "Person", str]


@dataclass(frozen=True, slots=True)
class Session:
    """A session of one person with one agent."""

    #: What the CRM is to send with the next message.
    id: str
    #: Our name of its conversation.
    thread: str


def find(channel: Channel, agent_type: str, person: Person, given: str) -> Session:
    """The session that a person means by an id.

    Where somebody else has begun one under that id, it is another, with an id of ours
    that is the same each time.
    """
    return find_each([(channel, agent_type, person, given)])[0]


def find_each(wanted: Sequence[Wanted]) -> list[Session]:
    """The sessions that people mean, as `find`; one query for all."""
    known = _begun([(row.pk, _root(agent, given)) for row, agent, _, given in wanted])
    return [
        _choose(agent, person, given, threads)
        for (_, agent, person, given), threads in zip(wanted, known, strict=True)
    ]


def _choose(agent_type: str, person: Person, given: str, known: set[str]) -> Session:
    names = (agent_type, person.external_id)
    own = Session(given, _thread(*names, given))
    if not known or own.thread in known:
        return own
    other = f"{agent_type}-session-{_digest('id', *names, given)}"
    return Session(other, _thread(*names, other))


def _begun(roots: Sequence[tuple[int, str]]) -> list[set[str]]:
    """The threads that have begun on a channel under each root."""
    if not roots:
        return []
    values, params = store.with_values(
        {"number": "integer", "channel": "bigint", "first": "text", "last": "text"},
        # What follows the root are digits and letters up to f.
        [
            (number, channel, root, f"{root}g")
            for number, (channel, root) in enumerate(roots)
        ],
    )
    begun = store.joined(
        "conversations_conversation",
        "c",
        "c.channel_id = v.channel"
        " AND c.external_id >= v.first AND c.external_id < v.last",
    )
    bundle = Bundle()
    rows = bundle.fetch(
        f"{values} SELECT v.number, c.external_id FROM v {begun}", params
    )
    bundle.send()
    found: list[set[str]] = [set() for _ in roots]
    for row in rows:
        found[row["number"]].add(row["external_id"])
    return found


def find_secret(channel: Channel, person: Person, given: str) -> Session | None:
    """The session under an id that nobody can guess; None where somebody could.

    To know such an id is to be allowed to read what is said under it. One that is only
    a time, as CRMs make them, opens nothing.
    """
    named = _SECRET_ID.fullmatch(given)
    return find(channel, named[1], person, given) if named else None


def _thread(agent_type: str, person: str, session_id: str) -> str:
    """One person's session is never another's, whatever id the other one sends.

    Nobody can work it out either, and read it as a session of the chat page.
    """
    return _root(agent_type, session_id) + _digest(agent_type, person, session_id)


def is_crm(thread: str) -> bool:
    """Whether a conversation of this name is a CRM's session."""
    return thread.startswith(_CRM)


def _root(agent_type: str, session_id: str) -> str:
    """With what the names of all sessions under one id begin."""
    return f"{_CRM}{_digest(agent_type, session_id)}:"


def _digest(*parts: str) -> str:
    """One name out of several parts that strangers may have chosen."""
    names = json.dumps([clean_text(part) for part in parts]).encode()
    return hmac.new(settings.SECRET_KEY.encode(), names, hashlib.sha256).hexdigest()[
        :32
    ]
