import pytest
from django.db import transaction

from knowledge import search
from knowledge.models import note_change
from knowledge.tests.factories import EntryFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_change_of_settings_leaves_the_index_as_it_is(account):
    EntryFactory(account=account)
    index = search.load(account.pk)
    account.refresh_from_db()

    search.note_other_change(account.pk)

    assert search.peek(account.pk, account.knowledge_version + 1) is index


def test_a_change_of_settings_after_one_of_entries_does_not_hide_that(account):
    EntryFactory(account=account)
    index = search.load(account.pk)

    with transaction.atomic():
        note_change(account.pk)
        search.note_other_change(account.pk)

    assert search.load(account.pk) is not index


@pytest.mark.parametrize(("behind", "follows"), [(0, True), (1, False)])
def test_complete_vectors_stay_complete_when_settings_change(account, behind, follows):
    account.vectors_version = account.knowledge_version - behind
    account.save()

    search.note_other_change(account.pk)

    account.refresh_from_db()
    assert (account.vectors_version == account.knowledge_version) is follows
