"""The first page of the administration, for its template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from accounts import overview
from accounts.trail_admin import in_words

if TYPE_CHECKING:
    from django.http import HttpRequest

    from accounts.models import Change

register = template.Library()


@register.simple_tag(takes_context=True)
def get_overview(context: Any) -> dict[str, Any]:
    """What waits, how today goes, what is broken, for whoever looks."""
    request: HttpRequest = context["request"]
    return overview.look(request)


@register.filter
def change_in_words(change: Change) -> str:
    """What was done, to what."""
    return in_words(change)
