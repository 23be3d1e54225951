"""Configure: an account's assistant and prompts, as its owner's program wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import OuterRef

from accounts.models import Account
from ai_model import calibration, providers
from ai_model.models import Assistant, Prompt
from ai_model.services import save_prompt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from accounts.models import User


def hold(account: Account) -> Account:
    """The account as it stands, locked: of two who configure, the second waits."""
    return Account.objects.select_for_update().get(pk=account.pk)


def assistant_of(account: Account) -> Assistant:
    """The account's assistant as it stands, or one with our defaults."""
    found = Assistant.objects.filter(account=account).select_related("account").first()
    return found or Assistant(account=account)


def prompts_of(account: Account) -> dict[str, str]:
    """The newest text of each kind; empty where there is none."""
    own = Prompt.objects.filter(account=account)
    newest = own.filter(kind=OuterRef("kind")).order_by("-version").values("version")
    texts = own.filter(version=newest[:1]).values_list("kind", "text")
    return dict.fromkeys(Prompt.Kind.values, "") | dict(texts)


def model_provider(assistant: Assistant) -> str:
    """The first provider of the chain that lets models be chosen; empty: none does."""
    known = (key for key in assistant.chain if key in providers.REGISTRY)
    return next((key for key in known if providers.get(key).default_model()), "")


def model_name(assistant: Assistant) -> str:
    """The model that is asked first; empty where no model is."""
    key = model_provider(assistant)
    return assistant.model_names.get(key) or (
        providers.get(key).default_model() if key else ""
    )


@transaction.atomic
def configure(
    *, assistant: Assistant, prompts: Mapping[str, str], author: User
) -> None:
    """Keep an assistant that was checked, and new versions of prompts that changed.

    The caller has held the account since it read them.
    """
    account = assistant.account
    former = assistant_of(account)
    assistant.save()
    if assistant.wrong_budget != former.wrong_budget:
        calibration.refresh(account=account)
    known = prompts_of(account)
    for kind, text in prompts.items():
        if text != known[kind]:
            save_prompt(account=account, kind=kind, text=text, author=author)


def changed(assistant: Assistant, values: Mapping[str, Any]) -> Assistant:
    """The assistant with other values, checked; raises Django's `ValidationError`."""
    for name, value in values.items():
        setattr(assistant, name, value)
    assistant.clean()
    return assistant
