"""Contacts, conversations and messages."""

from __future__ import annotations

import uuid

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from conversations.models import Contact, Conversation, Message
from integrations.tests.factories import ChannelFactory


class ContactFactory(DjangoModelFactory):
    channel = factory.SubFactory(ChannelFactory)
    account = factory.SelfAttribute("channel.account")
    external_id = factory.LazyFunction(lambda: str(uuid.uuid4()))

    class Meta:
        model = Contact


class ConversationFactory(DjangoModelFactory):
    channel = factory.SubFactory(ChannelFactory)
    account = factory.SelfAttribute("channel.account")
    contact = factory.SubFactory(
        ContactFactory, channel=factory.SelfAttribute("..channel")
    )
    external_id = factory.LazyFunction(lambda: str(uuid.uuid4()))
    last_message_at = factory.LazyFunction(timezone.now)

    class Meta:
        model = Conversation


class MessageFactory(DjangoModelFactory):
    conversation = factory.SubFactory(ConversationFactory)
    account = factory.SelfAttribute("conversation.account")
    author = Message.Author.CONTACT
    state = Message.State.ANSWERED
    text = "Where is my parcel?"

    class Meta:
        model = Message
