"""The action by which people have the assistant answer questions again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.confirming import confirmed, each
from conversations import services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.http import HttpRequest

    from accounts.scoped_admin import ScopedAdmin
    from conversations.models import Message

#: Makes the action of a function that asks the rows it is given again.
asks_again = confirmed(
    description=_("Have the assistant answer again"),
    effect=_(
        "The assistant looks at these questions once more and may answer its"
        " customers at once, from the knowledge as it is now. Questions that a"
        " person has replied to, or has taken over, stay as they are."
    ),
    done=ngettext_lazy("%d question is asked again.", "%d questions are asked again."),
)


def ask_again(
    page: ScopedAdmin,
    request: HttpRequest,
    rows: Iterable[Any],
    question_of: Callable[[Any], Message],
) -> int:
    """Ask the questions of these rows again; returns in how many conversations."""
    # Of one conversation the oldest: it takes the later ones along.
    newest_first = sorted(rows, key=lambda row: -question_of(row).pk)
    first = {question_of(row).conversation_id: row for row in newest_first}
    return each(
        page,
        request,
        first.values(),
        lambda row: services.ask_again(message=question_of(row)),
    )
