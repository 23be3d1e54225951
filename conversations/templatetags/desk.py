"""How the live desk puts numbers and reasons into words."""

from __future__ import annotations

import re
from typing import Any

from django import template
from django.template.defaultfilters import urlize
from django.utils.formats import localize
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from conversations import reasons
from core.text import in_hundredths, truncate

register = template.Library()

_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")


@register.filter
def reason(code: str) -> str:
    """A reason in words; one that has none as it is stored."""
    return reasons.in_words(code)


@register.filter
def language_name(code: str) -> str:
    """What a language calls itself; one that we do not know by its code."""
    try:
        return str(get_language_info(code)["name_local"])
    except KeyError:
        return code


#: What came with a message, by `Attachment.kind`.
ATTACHMENTS = {
    "image": _("Picture"),
    "voice": _("Voice message"),
    "video": _("Video"),
    "file": _("File"),
}


@register.filter
def attachment_label(attachment: dict[str, Any]) -> str:
    """What came with a message: what it is, and its name."""
    kind = str(ATTACHMENTS.get(attachment.get("kind", ""), ATTACHMENTS["file"]))
    name = truncate(str(attachment.get("name") or ""), 80)
    return f"{kind}: {name}" if name else kind


@register.filter
def is_web_address(url: str) -> bool:
    """Whether a browser may be sent there."""
    return url.startswith(("https://", "http://"))


@register.filter
def percent(value: Any) -> str:
    """A probability as a percentage."""
    return f"{localize(in_hundredths(float(value or 0)))}%"


@register.filter
def unlocalize_number(value: float) -> str:
    """A number as an attribute of HTML wants it, whatever the language."""
    return f"{value:.4f}"


@register.filter
def seconds(milliseconds: int) -> str:
    """A duration, short enough for the eye."""
    if milliseconds < 1000:
        return _("%(number)s ms") % {"number": localize(milliseconds)}
    return _("%(number)s s") % {"number": localize(round(milliseconds / 1000, 1))}


@register.filter
def duration(milliseconds: int | None) -> str:
    """A time of any length, short enough for the eye."""
    if milliseconds is None:
        return "–"
    minutes = milliseconds / 60_000
    if minutes < 2:
        return seconds(milliseconds)
    if minutes < 120:
        return _("%(number)s min") % {"number": localize(round(minutes))}
    return _("%(number)s h") % {"number": localize(round(minutes / 60, 1))}


@register.filter
def prose(text: str) -> SafeString:
    """A text with its bold words and links; everything else in it is escaped."""
    return mark_safe(_BOLD.sub(r"<b>\1</b>", urlize(text)))  # noqa: S308 (urlize escapes)
