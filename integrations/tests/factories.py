"""Channels and desks."""

from __future__ import annotations

import factory
from factory.django import DjangoModelFactory

from accounts.tests.factories import AccountFactory
from integrations.models import Channel, Desk
from integrations.rehearsal import kommo
from integrations.rehearsal.freshdesk import KEY
from integrations.rehearsal.meta import APP_SECRET
from integrations.rehearsal.meta import TOKEN as META_TOKEN
from integrations.rehearsal.telegram import TOKEN

CHATWOOT_SECRET = "chatwoot-webhook-secret"
#: Credentials of a bot that the rehearsal knows.
TELEGRAM = {
    "bot_token": TOKEN,
    "webhook_secret": "telegram-webhook-secret",
    "username": "shop_bot",
}
#: Credentials of channels that Meta's rehearsal knows, by provider.
META = {
    provider: {
        "app_secret": APP_SECRET,
        "access_token": META_TOKEN,
        "verify_token": "verify-me",
        name: number,
    }
    for provider, name, number in (
        ("instagram", "user_id", "17840001"),
        ("messenger", "page_id", "10501"),
        ("whatsapp", "phone_number_id", "106540"),
    )
}
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


class TelegramChannelFactory(ChannelFactory):
    provider = "telegram"
    name = "Telegram"
    credentials = factory.LazyFunction(lambda: dict(TELEGRAM))


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
