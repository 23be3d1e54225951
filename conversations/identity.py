"""Who a CRM's user is: as the CRM says, or as its server has signed."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from core.exceptions import InvalidSignature
from integrations.adapters.web import FORMER_SECRET, SECRET

if TYPE_CHECKING:
    from integrations.models import Channel


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who uses a CRM.

    What is signed and what is only said are two people, though they bear one id: nobody
    reads what somebody signed for has written by saying to be them.
    """

    agent_id: str
    is_signed: bool = False

    @property
    def external_id(self) -> str:
        """Their name as a contact."""
        return f"{'signed' if self.is_signed else 'crm'}:{self.agent_id}"


def identify(channel: Channel, agent_id: str, signature: str = "") -> Person:
    """The person of a request; raises `InvalidSignature`.

    A signature must be right wherever the channel can tell. One may be missing, unless
    the channel takes signed users only.
    """
    known = [
        value
        for name in (SECRET, FORMER_SECRET)
        if (value := channel.credentials.get(name))
    ]
    if not signature or not known:
        if channel.requires_signature:
            raise InvalidSignature(_("This chat takes signed users only."))
        return Person(agent_id)
    given = signature.lower().encode()
    # All are compared, so that time does not tell which one it was.
    right = [
        hmac.compare_digest(sign(each, agent_id).encode(), given) for each in known
    ]
    if not any(right):
        raise InvalidSignature(_("The signature of the user is wrong."))
    return Person(agent_id, is_signed=True)


def sign(secret: str, agent_id: str) -> str:
    """The signature that a CRM's server makes for its user."""
    key, name = secret.encode(), agent_id.encode()
    return hmac.new(key, name, hashlib.sha256).hexdigest()
