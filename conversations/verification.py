"""The dialogue with a contact whose e-mail address is not verified yet.

What they ask meanwhile is kept and answered once they have opened the link; see
`verifying`. Nothing said here depends on whether anybody knows the address.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone, translation
from django.utils.translation import gettext_noop as _

from conversations.models import VerificationLink
from core import mail
from core.language import speaking

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from conversations.models import Conversation

#: Why a contact's words wait for the link; they are answered after it.
HELD: Final = "unverified"
#: How long a link is good.
LIFE: Final = dt.timedelta(hours=24)
#: Links that one contact gets, and that one address gets, within each time.
LIMITS: Final = ((dt.timedelta(hours=1), 5), (dt.timedelta(days=1), 10))
LONGEST_ADDRESS: Final = 254
LONGEST_MAILBOX: Final = 64

LINES: Final = {
    "ask": _("Please write your correct e-mail address and send it."),
    "sent": _("A verification link has been sent to your e-mail."),
    "invalid": _(
        "This e-mail address is not correct. Please write your correct e-mail address"
        " and send it (example: user@gmail.com)."
    ),
    "waiting": _(
        "We are waiting for you to open the link in our e-mail; then your question is"
        " answered. Write “new link” to get another one, or write another address."
    ),
    "limited": _(
        "Too many links were sent. Please open the newest one, or try again later."
    ),
    "failed": _(
        "The e-mail could not be sent to this address. Please write your correct e-mail"
        " address and send it."
    ),
    "verified": _("Your e-mail has been verified!"),
}

_CANDIDATE = re.compile(r"[^\s<>\"'`(),;:\[\]{}|«»“”]+@[^\s<>\"'`(),;:\[\]{}|«»“”]*")
#: Together they ask for another link; of the second kind a word or two is enough.
_LINK = re.compile(
    r"link|mail|letter|линк|холбоос|мэйл|майл|захиа|ссылк|письм|enlace|correo",
    re.IGNORECASE,
)
_AGAIN = re.compile(
    r"\bnew\b|\banother\b|\bagain\b|\bre-?sen[dt]|\bnot?\b|n['’]t\b|\bnever\b"
    r"|шинэ|дахи[нк]|дахиад|ахиад|ирсэнгүй|ирэхгүй|ирээгүй|аваагүй"
    r"|\bнов|ещ[её] раз|повтор|снова|\bне\b"
    r"|nuev|\botr[oa]\b|de nuevo|reenv",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a contact is who is not verified."""

    #: Where a link is that is still good; empty: nowhere.
    email: str = ""
    #: This contact gets no more links for now.
    is_limited: bool = False
    #: Links can be sent at all.
    is_possible: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """What is said next, and to which address a link is sent; empty: to none."""

    line: str
    email: str = ""


def line(name: str, lang: str) -> str:
    """One line of the dialogue, in this language."""
    with speaking(lang):
        return translation.gettext(LINES[name])


def decide(standing: Standing, texts: Sequence[str]) -> Step:
    """What follows from what an unverified contact wrote, oldest first."""
    text = "\n".join(texts)
    candidates = [each.rstrip(".!?…") for each in _CANDIDATE.findall(_plain(text))]
    good = [each for each in candidates if is_address(each)]
    email = good[-1] if good else ""
    if not candidates and asks_again(texts[-1]):
        email = standing.email
    if email:
        return Step("limited") if standing.is_limited else Step("sent", email)
    if candidates:
        return Step("invalid")
    return Step("waiting" if standing.email else "ask")


def is_address(text: str) -> bool:
    """Whether mail can be sent there: syntax and length. Nothing in it breaks a header."""
    mailbox = text.rpartition("@")[0]
    if len(text) > LONGEST_ADDRESS or len(mailbox) > LONGEST_MAILBOX:
        return False
    try:
        validate_email(text)
    except ValidationError:
        return False
    return text.isascii() and text.isprintable()


def asks_again(text: str) -> bool:
    """Whether the text asks for another link."""
    is_short = len(text.split()) <= 3
    return bool(_AGAIN.search(text)) and (is_short or bool(_LINK.search(text)))


def is_question(text: str) -> bool:
    """Whether there is anything to answer beside an address or a wish for a link."""
    rest, addresses = _CANDIDATE.subn(" ", _plain(text))
    words = re.findall(r"\w+", rest)
    # "My e-mail is bat@example.mn": a few words around an address are about it.
    least = 5 if addresses else 1
    is_wish = len(words) <= 5 and asks_again(rest) and bool(_LINK.search(rest))
    return len(words) >= least and not is_wish


def _plain(text: str) -> str:
    """With the usual signs for the wide ones of some keyboards."""
    return unicodedata.normalize("NFKC", text)


def standings(conversations: Iterable[Conversation]) -> dict[int, Standing]:
    """The standing of each conversation's contact, by its id; verified ones have none."""
    rows = list(conversations)
    if not rows:
        return {}
    links: dict[int, list[VerificationLink]] = defaultdict(list)
    contacts = {row.contact_id for row in rows}
    for link in VerificationLink.objects.filter(contact_id__in=contacts).order_by("pk"):
        links[link.contact_id].append(link)
    return {
        row.pk: _standing(links[row.contact_id])
        for row in rows
        if not any(each.opened_at for each in links[row.contact_id])
    }


def _standing(links: list[VerificationLink]) -> Standing:
    newest = links[-1] if links else None
    is_sent = (
        newest and newest.is_good and newest.state != VerificationLink.State.FAILED
    )
    return Standing(
        email=newest.email if newest and is_sent else "",
        is_limited=are_too_many(links),
        is_possible=is_possible(),
    )


def are_too_many(links: Iterable[VerificationLink]) -> bool:
    """Whether these are as many links as are sent within some time."""
    now = timezone.now()
    times = [each.created_at for each in links]
    return any(
        sum(at > now - within for at in times) >= most for within, most in LIMITS
    )


def is_possible() -> bool:
    """Whether links can be made and sent: we know our own address, and can mail."""
    return bool(settings.PUBLIC_URL) and mail.is_configured()
