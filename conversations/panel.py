"""The chat's panel, as our page and the widget show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.templatetags.static import static
from django.utils.translation import get_language

from knowledge.models import Entry

if TYPE_CHECKING:
    from accounts.models import Account
    from integrations.models import Channel

#: Entries whose titles the empty chat suggests.
TOPICS = 4


def panel_context(channel: Channel) -> dict[str, Any]:
    """What the panel's templates need, in the language that is active."""
    return {
        "channel": channel,
        "account": channel.account,
        "topics": _topics(channel.account),
        "sprite": static("img/icons.svg"),
    }


def _topics(account: Account) -> list[str]:
    rows = Entry.objects.for_account(account).published().order_by("id")
    rows = rows.filter(visibility=Entry.Visibility.CUSTOMER)
    own = rows.filter(lang__in=["", get_language() or ""])
    titles = own.values_list("title", flat=True)[:TOPICS]
    return list(titles) or list(rows.values_list("title", flat=True)[:TOPICS])
