"""What Telegram's words about a bot and its webhook mean for an owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from integrations.adapters.base import Check
from integrations.adapters.rows import words

if TYPE_CHECKING:
    from integrations.adapters.rows import Row


def findings(me: Row, info: Row, uuid: str) -> list[Check]:
    """What `getMe` and `getWebhookInfo` say of the channel with this UUID."""
    error = words(info, "last_error_message")
    waiting = str(info.get("pending_update_count", 0))
    groups = _("allowed") if me.get("can_join_groups") else _("not allowed")
    return [
        Check(gettext_noop("Bot"), is_ok=True, detail=f"@{words(me, 'username')}"),
        _webhook(words(info, "url"), uuid),
        Check(
            gettext_noop("Deliveries"),
            is_ok=not error,
            detail=error or _("no errors"),
            hint=_("Telegram could not reach this address."),
        ),
        Check(gettext_noop("Waiting updates"), is_ok=True, detail=waiting),
        Check(gettext_noop("Groups"), is_ok=True, detail=groups),
    ]


def no_address() -> str:
    """What an owner reads where Telegram cannot be told where to send its updates."""
    return " ".join(
        (
            _("The service does not know its public address."),
            _("The operator sets PUBLIC_URL."),
        )
    )


def _webhook(url: str, uuid: str) -> Check:
    name = gettext_noop("Webhook")
    if not settings.PUBLIC_URL:
        # Whatever stands there, it is not an address that we know to be ours.
        return Check(
            name,
            is_ok=False,
            detail=_("The service does not know its public address."),
            hint=_("The operator sets PUBLIC_URL."),
        )
    return Check(
        name,
        is_ok=url.endswith(f"/{uuid}"),
        detail=url or _("none"),
        hint=_("Another program took the bot over; connect it again."),
    )
