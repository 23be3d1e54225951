"""The portal's page on which owners say how the assistant speaks in Kommo's chats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ai_model import instructions
from ai_model.models import Prompt, PromptDraft
from ai_model.prompt_drafts import difference, publish, published, restore
from ai_model.services import save_prompt
from core.exceptions import InvalidPayload
from core.text import clean_text
from integrations.portal.base import Outcome, Part, Tab

if TYPE_CHECKING:
    from django.http import HttpRequest

    from integrations.models import Channel

KIND: Final = Prompt.Kind.KOMMO
#: Versions that the page lists.
_MOST: Final = 20
_LONGEST: Final = 8000


class InstructionsForm(forms.Form):
    """The text as it shall become."""

    text = forms.CharField(
        label=gettext_lazy("Instructions"),
        max_length=_LONGEST,
        required=False,
        widget=forms.Textarea(attrs={"rows": 12}),
    )


def context(request: HttpRequest, row: Channel) -> dict[str, Any]:
    """What is in force, the draft, and the versions."""
    now = published(row.account, KIND)
    own = now.text.strip() if now else ""
    draft = PromptDraft.objects.filter(account=row.account, kind=KIND).first()
    in_force = own or instructions.shared()
    versions = Prompt.objects.filter(account=row.account, kind=KIND)
    return {
        "instructions_form": InstructionsForm(
            initial={"text": draft.text if draft else in_force}, auto_id="field-%s"
        ),
        "own": now if own else None,
        "shared": instructions.shared(),
        "draft": draft,
        "changes": difference(in_force, draft.text) if draft else [],
        "now": now,
        "versions": versions.select_related("author")[:_MOST],
    }


def keep_draft(request: HttpRequest, row: Channel) -> Outcome:
    """Keep the text as a draft; nobody is told of it yet."""
    _draft(request, row)
    return Outcome(_("The draft is kept. Nothing changes until it is published."))


def publish_draft(request: HttpRequest, row: Channel) -> Outcome:
    """Put the text in force."""
    return _in_force(publish(draft=_draft(request, row), author=_author(request)))


def drop_draft(request: HttpRequest, row: Channel) -> Outcome:
    """Throw the draft away."""
    PromptDraft.objects.filter(account=row.account, kind=KIND).delete()
    return Outcome(_("The draft is gone."))


def use_shared(request: HttpRequest, row: Channel) -> Outcome:
    """Go back to what all share; the account's own versions stay."""
    now = published(row.account, KIND)
    if now is not None and now.text:
        save_prompt(account=row.account, kind=KIND, text="", author=_author(request))
    return Outcome(_("The shared instructions are in force."))


def use_version(request: HttpRequest, row: Channel) -> Outcome:
    """Put an older version in force again, as a new one."""
    number = request.POST.get("version", "")
    versions = Prompt.objects.filter(account=row.account, kind=KIND)
    found = versions.filter(version=number).first() if number.isdecimal() else None
    if found is None:
        raise InvalidPayload(_("There is no such version."))
    return _in_force(restore(prompt=found, author=_author(request)))


def _draft(request: HttpRequest, row: Channel) -> PromptDraft:
    form = InstructionsForm(request.POST)
    if not form.is_valid():
        raise InvalidPayload(str(form.errors["text"][0]))
    values = {
        "text": clean_text(form.cleaned_data["text"].replace("\r\n", "\n")).strip(),
        "author": _author(request),
    }
    draft, _is_new = PromptDraft.objects.update_or_create(
        account=row.account, kind=KIND, defaults=values
    )
    return draft


def _author(request: HttpRequest) -> Any:
    return request.user


def _in_force(prompt: Prompt) -> Outcome:
    return Outcome(_("Version %(version)s is in force.") % {"version": prompt.version})


INSTRUCTIONS: Final = Part(
    tab=Tab("instructions", gettext_lazy("Instructions")),
    steps={
        "keep_draft": keep_draft,
        "publish": publish_draft,
        "drop_draft": drop_draft,
        "use_shared": use_shared,
        "use_version": use_version,
    },
    context=context,
)
