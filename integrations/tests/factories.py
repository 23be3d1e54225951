"""Channels and desks."""

from __future__ import annotations

import factory
from factory.django import DjangoModelFactory

from accounts.tests.factories import AccountFactory
from integrations.models import Channel, Desk
from integrations.rehearsal import kommo
from integrations.rehearsal.freshdesk import KEY

CHATWOOT_SECRET = "chatwoot-webhook-secret"
HOOK_TOKEN = "hook-token"
HOOK_SECRET = "hook-secret"


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


class KommoChannelFactory(ChannelFactory):
    """A channel that the rehearsal calls, connected by a long-lived token."""

    provider = "kommo"
    name = "Kommo"
    credentials = factory.LazyFunction(
        lambda: {
            "host": kommo.HOST,
            "integration_id": kommo.CLIENT,
            "secret_key": kommo.SECRET,
            "token": kommo.LONG_LIVED,
            "account_id": str(kommo.ACCOUNT),
        }
    )


class DeskFactory(DjangoModelFactory):
    """A desk that the rehearsal takes tickets of."""

    account = factory.SubFactory(AccountFactory)
    provider = "freshdesk"
    name = "Freshdesk"
    credentials = factory.LazyFunction(
        lambda: {
            "domain": "shop",
            "api_key": KEY,
            "hook_token": HOOK_TOKEN,
            "hook_secret": HOOK_SECRET,
        }
    )
    settings = factory.LazyFunction(
        lambda: {
            "values": {"custom_fields.cf_shop": "Darkhan"},
            "reference_field": "custom_fields.cf_conversation",
        }
    )

    class Meta:
        model = Desk
