"""Channels."""

from __future__ import annotations

import factory
from factory.django import DjangoModelFactory

from accounts.tests.factories import AccountFactory
from integrations.models import Channel

CHATWOOT_SECRET = "chatwoot-webhook-secret"


class ChannelFactory(DjangoModelFactory):
    account = factory.SubFactory(AccountFactory)
    provider = "web"
    name = "Website"

    class Meta:
        model = Channel


class ChatwootChannelFactory(ChannelFactory):
    provider = "chatwoot"
    name = "Chatwoot"
    credentials = factory.LazyFunction(
        lambda: {
            "base_url": "https://chatwoot.example",
            "account_id": "3",
            "bot_token": "bot-token",
            "webhook_secret": CHATWOOT_SECRET,
            "user_token": "user-token",
        }
    )
