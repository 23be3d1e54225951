"""The admin as a whole: everybody sees the own account's rows, and no secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Account, Membership, Retention, User
from accounts.tests.factories import UserFactory
from ai_model.models import PromptDraft, Tally, Turn
from ai_model.tests.admin_rows import BOT_TOKEN, INSTALLATION, MODELS, page, populate
from conversations.models import Contact, Conversation, Message, VerificationLink
from escalation.models import (
    Alert,
    Escalation,
    IncomingMail,
    Letter,
    Note,
    Rung,
    Ticket,
)
from feedback.models import Feedback
from integrations.models import AlertTarget, Channel, Desk
from knowledge.models import Entry

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

READABLE_BY_SUPPORT = {
    Contact, Conversation, Message, VerificationLink, Feedback, Escalation, Ticket, Letter,
    Alert, IncomingMail, Note,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _fast_passwords(settings: Any) -> None:
    # These tests make many users, and no password of theirs matters.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def own(account: Account, alice: User) -> dict[type, Any]:
    return populate(account, alice, "alice")


@pytest.fixture
def foreign(charlie: User) -> dict[type, Any]:
    return populate(charlie.accounts.get(), charlie, "charlie")


@pytest.fixture
def staff_supporter(bob: User) -> User:
    bob.is_staff = True
    bob.save()
    return bob


@pytest.fixture
def superuser(db: None) -> User:
    return UserFactory(username="root", is_staff=True, is_superuser=True)


def labels(models: Any) -> list[str]:
    return [model._meta.label for model in models]


each_model = pytest.mark.parametrize("model", MODELS, ids=labels(MODELS))
#: Those whose rows are listed; tallies are a page of one account.
LISTED = [model for model in MODELS if model is not Tally]
each_listed = pytest.mark.parametrize("model", LISTED, ids=labels(LISTED))


def test_every_model_that_is_registered_is_in_these_tests(
    own: dict[type, Any],
) -> None:
    assert set(MODELS) == set(own)


@each_model
def test_an_owner_lists_only_rows_of_the_own_account(
    client: Client,
    alice: User,
    own: dict[type, Any],
    foreign: dict[type, Any],
    model: type,
) -> None:
    client.force_login(alice)

    response = client.get(page(model, "changelist"))

    html = response.content.decode().lower()
    assert response.status_code == 200
    assert "charlie" not in html
    assert model is Tally or response.context["cl"].result_count >= 1


@each_model
@pytest.mark.parametrize("name", ["change", "delete", "history"])
def test_an_owner_cannot_open_a_foreign_row(
    client: Client, alice: User, foreign: dict[type, Any], model: type, name: str
) -> None:
    client.force_login(alice)

    response = client.get(page(model, name, foreign[model].pk), follow=True)

    assert "charlie" not in _without_address(response, foreign[model])


def _without_address(response: Any, row: Any) -> str:
    return str(response.content.decode().lower().replace(str(row.pk).lower(), ""))


@each_model
def test_an_owner_cannot_post_to_a_foreign_row(
    client: Client, alice: User, foreign: dict[type, Any], model: type
) -> None:
    before = model.objects.count()  # type: ignore[attr-defined]
    client.force_login(alice)

    changed = client.post(page(model, "change", foreign[model].pk), {"name": "x"})
    deleted = client.post(page(model, "delete", foreign[model].pk), {"post": "yes"})

    assert {changed.status_code, deleted.status_code} <= {302, 403, 404}
    assert model.objects.count() == before  # type: ignore[attr-defined]


@each_model
def test_an_owner_opens_the_own_row(
    client: Client,
    alice: User,
    own: dict[type, Any],
    foreign: dict[type, Any],
    model: type,
) -> None:
    client.force_login(alice)

    # Some are set up on a page of the portal.
    response = client.get(page(model, "change", own[model].pk), follow=True)

    html = response.content.decode()
    assert response.status_code == 200
    assert "charlie" not in html.lower()
    assert BOT_TOKEN not in html


@each_model
def test_an_owner_adds_only_what_owners_add(
    client: Client,
    alice: User,
    own: dict[type, Any],
    foreign: dict[type, Any],
    model: type,
) -> None:
    client.force_login(alice)

    response = client.get(page(model, "add"))

    addable = {
        AlertTarget, Channel, Desk, Entry, Membership, PromptDraft, Retention, Rung, User,
    }  # fmt: skip
    assert response.status_code == (200 if model in addable else 403)
    assert "charlie" not in response.content.decode().lower()


@each_model
def test_support_reads_conversations_and_nothing_else(
    client: Client, staff_supporter: User, own: dict[type, Any], model: type
) -> None:
    client.force_login(staff_supporter)
    readable = model in READABLE_BY_SUPPORT

    listed = client.get(page(model, "changelist"))
    opened = client.get(page(model, "change", own[model].pk))

    assert listed.status_code == (200 if readable else 403)
    assert opened.status_code == (200 if readable else 403)


@each_model
def test_support_changes_nothing(
    client: Client, staff_supporter: User, own: dict[type, Any], model: type
) -> None:
    client.force_login(staff_supporter)

    posted = [
        client.post(page(model, "add"), {}),
        client.post(page(model, "change", own[model].pk), {}),
        client.post(page(model, "delete", own[model].pk), {"post": "yes"}),
    ]

    assert {response.status_code for response in posted} == {403}


@pytest.mark.parametrize("action", ["hand_off", "hand_back"])
def test_support_has_no_actions(
    client: Client, staff_supporter: User, own: dict[type, Any], action: str
) -> None:
    client.force_login(staff_supporter)
    conversation = own[Conversation]

    client.post(
        page(Conversation, "changelist"),
        {"action": action, "confirmed": "yes", "_selected_action": [conversation.pk]},
    )

    conversation.refresh_from_db()
    assert conversation.epoch == 0


@each_listed
def test_a_superuser_sees_the_rows_of_all_accounts(
    client: Client,
    superuser: User,
    own: dict[type, Any],
    foreign: dict[type, Any],
    model: type,
) -> None:
    client.force_login(superuser)

    listed = client.get(page(model, "changelist"))
    opened = client.get(page(model, "change", foreign[model].pk), follow=True)

    assert listed.context["cl"].result_count >= 2
    assert opened.status_code == 200
    assert BOT_TOKEN not in listed.content.decode() + opened.content.decode()


@pytest.mark.parametrize("model", sorted(INSTALLATION, key=str))
def test_what_is_of_the_installation_is_for_superusers(
    client: Client, alice: User, superuser: User, model: type
) -> None:
    seen = []
    for user in (alice, superuser):
        client.force_login(user)
        seen.append(client.get(page(model, "changelist")).status_code)

    assert seen == [403, 200]


@each_model
def test_nobody_without_a_membership_sees_anything(
    client: Client, own: dict[type, Any], model: type
) -> None:
    client.force_login(UserFactory(is_staff=True))

    assert client.get(page(model, "changelist")).status_code == 403


@each_model
def test_the_admin_is_closed_to_whoever_is_not_staff(
    client: Client, bob: User, own: dict[type, Any], model: type
) -> None:
    client.force_login(bob)

    assert client.get(page(model, "changelist")).status_code == 302


def autocompletes() -> list[tuple[type, str]]:
    return [
        (model, field)
        for model in MODELS
        for field in admin.site._registry[model].autocomplete_fields
    ]


@pytest.mark.parametrize(
    ("model", "field"),
    autocompletes(),
    ids=[f"{model._meta.label}.{field}" for model, field in autocompletes()],  # type: ignore[attr-defined]
)
def test_autocomplete_offers_only_the_own_rows(
    client: Client,
    alice: User,
    own: dict[type, Any],
    foreign: dict[type, Any],
    model: Any,
    field: str,
) -> None:
    client.force_login(alice)
    where = {
        "app_label": model._meta.app_label,
        "model_name": model._meta.model_name,
        "field_name": field,
    }

    response = client.get(reverse("admin:autocomplete"), where)

    assert response.json()["results"]
    assert "charlie" not in response.content.decode().lower()


@each_listed
def test_a_list_asks_as_much_for_many_rows_as_for_one(
    client: Client, superuser: User, own: dict[type, Any], model: type
) -> None:
    client.force_login(superuser)
    client.get(page(model, "changelist"))
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(page(model, "changelist"))
    for number in range(5):
        owner = UserFactory(username=f"owner{number}")
        account = Account.objects.create(name=f"Business {number}")
        Membership.objects.create(user=owner, account=account, role="owner")
        populate(account, owner, f"word{number}")

    with CaptureQueriesContext(connection) as many:
        client.get(page(model, "changelist"))

    # Where the rows fill more than a page, its keys are asked for first.
    assert len(many) <= len(few) + 1


@pytest.mark.parametrize(
    "model", [Entry, PromptDraft, Channel], ids=labels([Entry, PromptDraft, Channel])
)
def test_a_row_never_moves_to_another_account(
    client: Client,
    superuser: User,
    own: dict[type, Any],
    foreign: dict[type, Any],
    model: type,
) -> None:
    client.force_login(superuser)
    values = {
        "account": foreign[Account].pk,
        "title": "Moved",
        "body": "Moved",
        "text": "Moved",
        "name": "Moved",
        "kind": "manual",
        "entry_type": "faq",
        "status": "published",
        "visibility": "customer",
        "revisions-TOTAL_FORMS": 0,
        "revisions-INITIAL_FORMS": 0,
    }

    response = client.post(page(model, "change", own[model].pk), values)

    assert response.status_code == 302
    assert model.objects.filter(account=foreign[Account]).count() == 1  # type: ignore[attr-defined]
    own[model].refresh_from_db()
    assert own[model].account == own[Account]


def test_an_owner_cannot_add_a_row_to_a_foreign_account(
    client: Client, alice: User, own: dict[type, Any], foreign: dict[type, Any]
) -> None:
    client.force_login(alice)

    response = client.post(
        page(PromptDraft, "add"),
        {"account": foreign[Account].pk, "kind": "manual", "text": "Mine"},
    )

    assert response.status_code == 200
    assert response.context["errors"]
    assert not PromptDraft.objects.filter(text="Mine").exists()


def test_who_owns_one_account_and_supports_another_edits_only_the_first(
    client: Client, alice: User, own: dict[type, Any], foreign: dict[type, Any]
) -> None:
    Membership.objects.create(user=alice, account=foreign[Account], role="support")
    client.force_login(alice)

    entries = client.get(page(Entry, "changelist"))
    conversations = client.get(page(Conversation, "changelist"))
    added = client.post(
        page(PromptDraft, "add"),
        {"account": foreign[Account].pk, "kind": "manual", "text": "Mine"},
    )

    assert entries.context["cl"].result_count == 1
    assert conversations.context["cl"].result_count == 2
    assert added.context["errors"]


def test_a_turns_page_explains_it(
    client: Client, alice: User, own: dict[type, Any]
) -> None:
    client.force_login(alice)

    html = client.get(page(Turn, "change", own[Turn].pk)).content.decode()

    assert "the knowledge answered it with enough confidence" in html
