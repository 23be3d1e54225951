"""Prompts before they are in force: drafts, what they change, and going back."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.db import transaction

from ai_model.models import Prompt, PromptDraft
from ai_model.services import save_prompt

if TYPE_CHECKING:
    from accounts.models import Account, User


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a text and what has become of it."""

    change: Literal["same", "added", "removed"]
    text: str


def published(account: Account, kind: str) -> Prompt | None:
    """The version that is in force; the assistant is told this one."""
    rows = Prompt.objects.filter(account=account, kind=kind)
    return rows.order_by("-version").first()


@transaction.atomic
def publish(*, draft: PromptDraft, author: User | None) -> Prompt:
    """Make a draft the next version; where it changes nothing, the one there is."""
    now = published(draft.account, draft.kind)
    if now is None or now.text != draft.text:
        now = save_prompt(
            account=draft.account, kind=draft.kind, text=draft.text, author=author
        )
    draft.delete()
    return now


def restore(*, prompt: Prompt, author: User | None) -> Prompt:
    """Make the text of an older version the next version; all others stay."""
    now = published(prompt.account, prompt.kind)
    if now is not None and now.text == prompt.text:
        return now
    return save_prompt(
        account=prompt.account, kind=prompt.kind, text=prompt.text, author=author
    )


def difference(old: str, new: str) -> list[Line]:
    """What changes between two texts, line by line."""
    before, after = old.splitlines(), new.splitlines()
    lines: list[Line] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            lines += [Line("same", text) for text in before[a:b]]
            continue
        lines += [Line("removed", text) for text in before[a:b]]
        lines += [Line("added", text) for text in after[c:d]]
    return lines
