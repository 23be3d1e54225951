"""One row of every model that the administration shows, and where its pages are."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import admin
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
from escalation.tests.factories import escalated
from feedback.models import Feedback
from integrations.models import AlertTarget, Channel, Desk, Event
from integrations.tests.factories import ChatwootChannelFactory, DeskFactory
from knowledge.models import Entry, Example, KnowledgeIndex, Source
from knowledge.tests.factories import EntryFactory

#: Of the whole installation, for superusers only; see core/tests/test_periodic.py.
INSTALLATION = {PeriodicTask, Price}
MODELS = sorted(
    set(admin.site._registry) - INSTALLATION, key=lambda model: model._meta.label
)
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


def page(model: type, name: str, *args: Any) -> str:
    meta: Any = model._meta  # type: ignore[attr-defined]
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{name}", args=args)
