"""Prompts from draft to version, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from ai_model.models import Prompt, PromptDraft
from ai_model.prompt_drafts import Line, difference, publish, restore
from ai_model.services import save_prompt
from ai_model.setup import setup_of

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import Account, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def first(account: Account, alice: User) -> Prompt:
    return save_prompt(
        account=account, kind="manual", text="Be kind.\nBe brief.", author=alice
    )


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:ai_model_{name}", args=args)


def told(account: Account) -> str:
    """What the engine would tell a model in the next turn."""
    account.refresh_from_db()
    (row,) = setup_of(account.pk, account.knowledge_version).prompts
    return row.text


def test_a_draft_changes_nothing_until_it_is_published(
    client: Client, alice: User, account: Account, first: Prompt
) -> None:
    client.force_login(alice)
    form = client.get(page("promptdraft_add"), {"from": first.pk})
    initial = form.context["adminform"].form.initial
    assert initial["text"] == first.text
    values = {"account": account.pk, "kind": "manual", "text": "Be kind.\nBe quick."}

    client.post(page("promptdraft_add"), {**values, "_continue": "on"})
    draft = PromptDraft.objects.get()
    drafted = told(account)
    html = client.get(page("promptdraft_change", draft.pk)).content.decode()
    client.post(page("promptdraft_change", draft.pk), {**values, "_publish": "on"})

    assert drafted == "Be kind.\nBe brief."
    assert "<del>Be brief.</del>" in html
    assert "<ins>Be quick.</ins>" in html
    assert "<span>Be kind.</span>" in html
    newest = Prompt.objects.get(version=2)
    assert (told(account), newest.author) == (values["text"], alice)
    assert not PromptDraft.objects.exists()


def test_going_back_makes_a_new_version(
    client: Client, alice: User, account: Account, first: Prompt
) -> None:
    save_prompt(account=account, kind="manual", text="Be kind.\nBe rude.")
    client.force_login(alice)

    link = page("prompt_restore", first.pk)
    offered = client.get(page("prompt_change", first.pk)).content.decode()
    shown = client.get(link).content.decode()
    client.post(link)

    assert link in offered
    assert "<del>Be rude.</del>" in shown
    assert [row.text for row in Prompt.objects.order_by("version")] == [
        "Be kind.\nBe brief.",
        "Be kind.\nBe rude.",
        "Be kind.\nBe brief.",
    ]
    assert told(account) == first.text


def test_versions_are_never_written_over(
    client: Client, alice: User, first: Prompt
) -> None:
    client.force_login(alice)

    response = client.post(page("prompt_change", first.pk), {"text": "Other"})

    first.refresh_from_db()
    assert response.status_code == 403
    assert first.text == "Be kind.\nBe brief."


@pytest.mark.parametrize("who", ["bob", "charlie"])
def test_only_owners_go_back(
    client: Client, request: Any, account: Account, first: Prompt, who: str
) -> None:
    user = request.getfixturevalue(who)
    user.is_staff = True
    user.save()
    save_prompt(account=account, kind="manual", text="Other")
    client.force_login(user)

    response = client.post(page("prompt_restore", first.pk))

    assert response.status_code in (403, 404)
    assert Prompt.objects.count() == 2


def test_a_foreign_version_is_no_beginning(
    client: Client, charlie: User, first: Prompt
) -> None:
    client.force_login(charlie)

    form = client.get(page("promptdraft_add"), {"from": first.pk})

    assert "text" not in form.context["adminform"].form.initial


def test_what_changes_nothing_makes_no_version(account: Account, first: Prompt) -> None:
    draft = PromptDraft.objects.create(account=account, kind="manual", text=first.text)

    assert publish(draft=draft, author=None) == first
    assert restore(prompt=first, author=None) == first
    assert Prompt.objects.count() == 1


def test_a_difference_is_told_line_by_line() -> None:
    assert difference("a\nb\nc", "a\nx\nc\n") == [
        Line("same", "a"), Line("removed", "b"), Line("added", "x"), Line("same", "c"),
    ]  # fmt: skip
