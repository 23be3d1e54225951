"""An alert as an Adaptive Card for Microsoft Teams. Facts: docs/providers/teams.md."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _

from core.text import truncate

if TYPE_CHECKING:
    from integrations.alerts.base import Alert

#: Elements of 1.2 only, which phones show as well; the schema is that of 1.4.
VERSION: Final = "1.4"
#: Bytes of the whole message that Teams takes for certain; its limit is 28 KB.
MOST_BYTES: Final = 20_000
#: Longest part of the customer's words, of any other text, and of an address.
LONGEST_TEXT: Final = 500
LONGEST_FACT: Final = 120
LONGEST_URL: Final = 1000
#: Customers that a summary names.
MOST_NAMED: Final = 10

_MARKDOWN = re.compile(r"([\\*_\[\]()#>~`])")


def message(alert: Alert, *, is_short: bool = False) -> dict[str, Any]:
    """The body of the request, in the language that is spoken now.

    Without its envelope a flow fails after it has said 202.
    """
    return {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": _card(alert, is_short=is_short),
            }
        ],
    }


def escape(text: str, most: int = LONGEST_TEXT) -> str:
    """Somebody else's words as plain text: no Markdown, no control characters."""
    shown = "".join(
        " " if unicodedata.category(sign) in ("Cc", "Cf") and sign != "\n" else sign
        for sign in text
    )
    return _MARKDOWN.sub(r"\\\1", truncate(shown.strip(), most))


def _card(alert: Alert, *, is_short: bool) -> dict[str, Any]:
    title = _title(alert)
    body = [
        _text(title, weight="Bolder", size="Medium"),
        {"type": "FactSet", "facts": _others(alert) if alert.others else _facts(alert)},
    ]
    if alert.text and not alert.others and not is_short:
        body.append(_text(f"{_('Message:')} {escape(alert.text)}", maxLines=8))
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": VERSION,
        # What a notification shows.
        "fallbackText": title,
        "msteams": {"width": "Full"},
        "body": body,
        "actions": _buttons(alert),
    }


def _title(alert: Alert) -> str:
    if alert.others:
        count = len(alert.others) + 1
        return _("🚨 Customers who wait for a person: %(count)d") % {"count": count}
    return _("🚨 A customer needs a person")


def _facts(alert: Alert) -> list[dict[str, str]]:
    at = timezone.localtime(alert.at)
    told = {
        _("Reason:"): alert.reason,
        _("Customer:"): alert.customer,
        _("Time:"): f"{at:%Y-%m-%d %H:%M:%S}",
        _("Problem:"): alert.problem,
    }
    return [_fact(name, value) for name, value in told.items() if value]


def _others(alert: Alert) -> list[dict[str, str]]:
    named = [_fact(alert.customer, alert.reason)]
    named += [_fact(each.customer, each.reason) for each in alert.others]
    if len(named) <= MOST_NAMED:
        return named
    return [*named[:MOST_NAMED], {"title": "…", "value": f"+{len(named) - MOST_NAMED}"}]


def _fact(title: str, value: str) -> dict[str, str]:
    return {
        "title": escape(title, LONGEST_FACT),
        "value": escape(value, LONGEST_FACT),
    }


def _text(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **more}


def _buttons(alert: Alert) -> list[dict[str, str]]:
    """Only addresses: nothing else does anything behind a webhook."""
    seen_there = _("View in %(provider)s") % {"provider": alert.provider}
    if alert.others:
        wanted = {_("Everybody who waits"): alert.list_url}
    else:
        wanted = {
            seen_there: alert.provider_url,
            _("Open the conversation"): alert.url,
            _("I take it"): alert.take_url,
        }
    return [
        {"type": "Action.OpenUrl", "title": title, "url": url}
        for title, url in wanted.items()
        if url and len(url) <= LONGEST_URL
    ]
