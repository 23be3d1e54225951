"""What Telegram's words about a bot and its webhook mean for an owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        Check(
            gettext_noop("Webhook"),
            is_ok=words(info, "url").endswith(f"/{uuid}"),
            detail=words(info, "url") or _("none"),
            hint=_("Another program took the bot over; connect it again."),
        ),
        Check(
            gettext_noop("Deliveries"),
            is_ok=not error,
            detail=error or _("no errors"),
            hint=_("Telegram could not reach this address."),
        ),
        Check(gettext_noop("Waiting updates"), is_ok=True, detail=waiting),
        Check(gettext_noop("Groups"), is_ok=True, detail=groups),
    ]
