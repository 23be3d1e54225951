"""The admin as a whole: everybody sees the own account's rows, and no secrets."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import (
    Account,
    Change,
    Membership,
    Retention,
    RetentionRun,
    Token,
    User,
)
from accounts.tests.factories import UserFactory
from ai_model.models import (
    Assistant,
    Gap,
    ModelWarning,
    Price,
    Prompt,
    PromptDraft,
    ProviderTest,
    SpendingNotice,
    Tally,
    Turn,
    Usage,
)
from ai_model.tests.unanswered import ask
from conversations.models import (
    Contact,
    Conversation,
    Delivery,
    Message,
    VerificationLink,
)
from conversations.tests.factories import (
    ContactFactory,
    ConversationFactory,
    MessageFactory,
)
from core.models import PeriodicTask
from escalation.models import (
    Alert,
    Escalation,
    IncomingMail,
    Letter,
    Note,
    Rung,
    Ticket,
)
from escalation.tests.factories import escalated
from feedback.models import Feedback
from integrations.models import AlertTarget, Channel, Desk, Event
from integrations.tests.factories import ChatwootChannelFactory, DeskFactory
from knowledge.models import Entry, Example, KnowledgeIndex, Source
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.django_db

#: Of the whole installation, for superusers only; see core/tests/test_periodic.py.
INSTALLATION = {PeriodicTask, Price}
MODELS = sorted(
    set(admin.site._registry) - INSTALLATION, key=lambda model: model._meta.label
)
READABLE_BY_SUPPORT = {
    Contact, Conversation, Message, VerificationLink, Feedback, Escalation, Ticket, Letter,
    Alert, IncomingMail, Note,
}  # fmt: skip
BOT_TOKEN = "bot-token-that-nobody-may-read"


def populate(account: Account, owner: User, word: str) -> dict[type, Any]:
    """One row of each model; whatever is shown of it holds the word."""
    channel = ChatwootChannelFactory(account=account, name=f"{word} channel")
    channel.credentials["bot_token"] = BOT_TOKEN
    channel.save()
    contact = ContactFactory(channel=channel, name=f"{word} customer")
    conversation = ConversationFactory(
        channel=channel, contact=contact, last_text=f"{word} text", assigned_to=owner
    )
    message = MessageFactory(conversation=conversation, text=f"{word} message")
    now = timezone.now()
    token, _secret = Token.objects.create(
        user=owner, account=account, name=f"{word} token", expiry=None
    )
    entry = EntryFactory(account=account, title=f"{word} entry")
    turn = ask(
        channel,
        f"{word} query",
        conversation=conversation,
        state=Turn.State.ANSWERED,
        reason="answered",
    )
    gap = Gap.objects.create(
        account=account,
        question=f"{word} gap",
        entry=entry,
        first_seen_at=now,
        last_seen_at=now,
    )
    gap.questions.create(turn=turn, text=f"{word} asked", asked_at=now, weight=1)
    return {
        Account: account,
        User: owner,
        Membership: owner.memberships.get(account=account),
        Retention: Retention.objects.create(account=account),
        RetentionRun: RetentionRun.objects.create(
            account=account, counts={word: 1}, days={}
        ),
        Token: token,
        Change: Change.objects.create(
            account=account,
            way="admin",
            verb="changed",
            model="accounts.account",
            subject=word,
        ),
        Channel: channel,
        Desk: DeskFactory(account=account, name=f"{word} desk"),
        AlertTarget: AlertTarget.objects.create(
            account=account, service="email", credentials={"address": f"{word}@x.mn"}
        ),
        VerificationLink: VerificationLink.objects.create(
            account=account,
            contact=contact,
            conversation=conversation,
            email=f"{word}@example.com",
            expires_at=now,
        ),
        Event: Event.objects.create(
            channel=channel, delivery_key=f"{word}-1", body=word, received_at=now
        ),
        Contact: contact,
        Conversation: conversation,
        Message: message,
        Delivery: Delivery.objects.create(
            account=account,
            conversation=conversation,
            message=message,
            text=word,
            due_at=now,
            state=Delivery.State.FAILED,
        ),
        Feedback: Feedback.objects.create(
            account=account,
            conversation=conversation,
            message=message,
            rating=Feedback.Rating.HELPFUL,
            comment=f"{word} comment",
        ),
        Entry: entry,
        Source: Source.objects.create(
            account=account, kind="file", address=f"{word}.csv"
        ),
        KnowledgeIndex: KnowledgeIndex.objects.get(pk=account.pk),
        Assistant: Assistant.objects.create(account=account, phrases=[word]),
        Prompt: Prompt.objects.create(
            account=account, kind="manual", text=word, author=owner
        ),
        PromptDraft: PromptDraft.objects.create(
            account=account, kind="product", text=word, author=owner
        ),
        ModelWarning: ModelWarning.objects.create(
            account=account, provider="openai", model=word, retires_on=now.date()
        ),
        ProviderTest: ProviderTest.objects.create(
            account=account,
            provider="openai",
            model=word,
            works=True,
            latency_ms=1,
            quota="ok",
            tested_at=now,
        ),
        SpendingNotice: SpendingNotice.objects.create(
            account=account,
            period="day",
            starts_on=now.date(),
            unit="cost",
            level="warning",
            amount=5,
            spent=4,
        ),
        Turn: turn,
        Gap: gap,
        Example: entry.examples.create(text=f"{word} example", origin="confirmed"),
        Usage: Usage.objects.create(
            account=account, day=dt.date(2026, 1, 1), provider="local", model=word
        ),
        Tally: Tally.objects.create(
            account=account, channel=channel, day=now.date(), counts={"answered": 1}
        ),
        **escalated(message, word),
    }


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


def page(model: type, name: str, *args: Any) -> str:
    meta: Any = model._meta  # type: ignore[attr-defined]
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{name}", args=args)


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


def test_an_assistants_settings_are_checked(
    client: Client, alice: User, own: dict[type, Any]
) -> None:
    client.force_login(alice)
    values = {
        "account": own[Account].pk,
        "chain": "gemini\nnobody",
        "model_names_gemini": "gemini-1.5-flash",
        "business_hours_mon": "9-12, 13:00-17:30",
        "business_hours_tue": "22:00 – 24:00",
        "special_days": "12-25 closed\n2026-12-30..2027-01-01 10:00-14:00",
        "outside_hours": "message",
        "outside_texts_en": "Back on {opening}",
        "languages": ["en", "mn"],
        "fallback_language": "mn",
        "tone": "formal",
        "phrases": "talk to Ann\nAnn, please",
        "temperature": "0.2",
        "max_tokens": "800",
        "time_zone": "UTC",
        "auto_response": "on",
    }
    address = page(Assistant, "change", own[Assistant].pk)

    refused = client.post(address, values)
    values |= {"chain": "local", "model_names_gemini": "gemini-3.5-flash"}
    accepted = client.post(address, values)

    assert set(refused.context["adminform"].form.errors) == {"chain", "model_names"}
    assert accepted.status_code == 302
    saved = Assistant.objects.get(pk=own[Assistant].pk)
    assert saved.chain == ["local"]
    assert saved.model_names == {"gemini": "gemini-3.5-flash"}
    assert saved.phrases == ["talk to Ann", "Ann, please"]
    assert saved.business_hours == {
        "mon": [["09:00", "12:00"], ["13:00", "17:30"]],
        "tue": [["22:00", "00:00"]],
    }
    holidays = ("2026-12-30", "2026-12-31", "2027-01-01")
    assert saved.special_days == {
        "12-25": [], **{day: [["10:00", "14:00"]] for day in holidays}
    }  # fmt: skip
    assert saved.outside_texts == {"en": "Back on {opening}"}
    assert (saved.languages, saved.fallback_language) == (["en", "mn"], "mn")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("business_hours_sun", "from 9 to 5", "Sunday: “from 9 to 5” are no hours"),
        ("business_hours_sun", "25:00-26:00", "Sunday: “25:00-26:00” are no hours"),
        ("special_days", "Christmas closed", "cannot be read"),
        ("special_days", "2026-02-30 closed", "cannot be read"),
        ("special_days", "2026-12-30..2026-12-01 closed", "cannot be read"),
        ("fallback_language", "ru", "Choose one of the languages"),
    ],
)
def test_hours_and_languages_that_cannot_be_are_named(
    client: Client,
    alice: User,
    own: dict[type, Any],
    field: str,
    value: str,
    said: str,
) -> None:
    client.force_login(alice)
    address = page(Assistant, "change", own[Assistant].pk)
    values = {"languages": ["en"], "fallback_language": "en", field: value}

    errors = client.post(address, values).context["adminform"].form.errors

    assert said in str(errors)
    # What was written stays, to be mended.
    shown = client.post(address, values).content.decode()
    assert field == "fallback_language" or value in shown


def test_what_an_owner_saves_is_what_the_page_shows(
    client: Client, alice: User, own: dict[type, Any]
) -> None:
    client.force_login(alice)
    Assistant.objects.filter(pk=own[Assistant].pk).update(
        business_hours={"mon": [["09:00", "12:00"], ["22:00", "00:00"]]},
        special_days={"12-25": [], "2026-12-24": [["09:00", "12:00"]]},
    )

    html = client.get(page(Assistant, "change", own[Assistant].pk)).content.decode()

    assert 'value="09:00-12:00, 22:00-24:00"' in html
    assert "12-25 closed\n2026-12-24 09:00-12:00" in html
    assert "Gemini 3.1 Flash Lite, until May 7, 2027" in html
    assert "gemini-1.5-flash" not in html


def test_a_turns_page_explains_it(
    client: Client, alice: User, own: dict[type, Any]
) -> None:
    client.force_login(alice)

    html = client.get(page(Turn, "change", own[Turn].pk)).content.decode()

    assert "the knowledge answered it with enough confidence" in html
