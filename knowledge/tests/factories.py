"""Knowledge entries."""

from __future__ import annotations

import factory
from factory.django import DjangoModelFactory

from accounts.tests.factories import AccountFactory
from knowledge.models import Entry


class EntryFactory(DjangoModelFactory):
    account = factory.SubFactory(AccountFactory)
    title = factory.Sequence(lambda number: f"Entry {number}")
    body = "Parcels arrive within three working days."
    lang = "en"

    class Meta:
        model = Entry
