"""`rebuild_index`, and the page that shows the state of indexes."""

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from accounts.models import Account
from knowledge import embedders, embeddings, search
from knowledge.models import Vector
from knowledge.tests.encoders import write_encoder
from knowledge.tests.factories import EntryFactory

PAGE = reverse("admin:knowledge_knowledgeindex_changelist")


@pytest.fixture
def local(settings, tmp_path):
    pytest.importorskip("tokenizers")
    settings.EMBEDDINGS = "local"
    settings.EMBEDDINGS_FOLDER = str(write_encoder(tmp_path / "tiny"))
    return embedders.current()


def test_rebuild_index_makes_all_vectors_again(account, local, capsys):
    EntryFactory(account=account, title="Card", body="lost")
    EntryFactory(account=account, title="Parcel", body="takes days")
    call_command("rebuild_index")
    before = search.load(account.pk)
    Vector.objects.update(data=b"\0" * 32)

    call_command("rebuild_index", account=account.name)

    account.refresh_from_db()
    assert all(any(data) for data in Vector.objects.values_list("data", flat=True))
    assert before.wants_vector
    assert search.peek(account.pk, account.knowledge_version) is None
    assert f"{account.name}: " in capsys.readouterr().out.splitlines()[-1]


def test_rebuild_index_leaves_other_accounts_alone(account, charlie, local):
    other = charlie.accounts.get()
    EntryFactory(account=account)
    EntryFactory(account=other)

    call_command("rebuild_index", account=str(account.uuid))

    assert Vector.objects.for_account(account).exists()
    assert not Vector.objects.for_account(other).exists()


def test_without_an_encoder_rebuild_index_has_indexes_loaded_anew(account, capsys):
    EntryFactory(account=account)
    account.refresh_from_db()
    search.load(account.pk)

    call_command("rebuild_index")

    account.refresh_from_db()
    assert search.peek(account.pk, account.knowledge_version) is None
    assert (
        capsys.readouterr().out == f"{account.name}: 1 entries, found by words alone\n"
    )


def test_rebuild_index_names_an_account_that_is_not_there(db):
    with pytest.raises(CommandError, match="no account"):
        call_command("rebuild_index", account="Nobody")


def make(account, encoder):
    embeddings.adopt(encoder.key)
    call_command("rebuild_index", account=account.name)
    account.refresh_from_db()
    embeddings.finish(account.pk, account.knowledge_version, encoder.key, has_new=False)


def test_the_page_says_how_many_entries_have_vectors(client, alice, account, local):
    EntryFactory(account=account)
    make(account, local)
    EntryFactory(account=account)
    client.force_login(alice)

    page = client.get(PAGE)

    assert "1 of 2" in page.text
    assert "being computed" in page.text
    assert local.key in page.text


def test_the_page_says_when_all_is_there(client, alice, account, local):
    EntryFactory(account=account)
    make(account, local)
    client.force_login(alice)

    assert "complete" in client.get(PAGE).text


def test_the_page_says_that_words_alone_are_searched(client, alice, account):
    client.force_login(alice)

    assert "words alone" in client.get(PAGE).text


def test_the_page_hides_other_accounts(client, alice, charlie):
    client.force_login(alice)

    assert charlie.accounts.get().name not in client.get(PAGE).text


@pytest.mark.parametrize("who", ["bob", "nobody"])
def test_the_page_is_for_owners(client, bob, who):
    if who == "bob":
        client.force_login(bob)

    assert client.get(PAGE).status_code == 302


def test_an_owner_has_vectors_computed_again(client, alice, account, local):
    EntryFactory(account=account)
    make(account, local)
    client.force_login(alice)

    client.post(
        PAGE,
        {
            "action": "compute_again",
            "confirmed": "yes",
            "_selected_action": [account.pk],
        },
    )

    assert not Vector.objects.exists()
    assert account.pk in dict(embeddings.due())


def test_an_owner_cannot_touch_another_account(client, alice, charlie, local):
    other = charlie.accounts.get()
    EntryFactory(account=other)
    make(other, local)
    client.force_login(alice)

    client.post(
        PAGE,
        {"action": "compute_again", "confirmed": "yes", "_selected_action": [other.pk]},
    )

    assert Vector.objects.for_account(other).exists()
    assert Account.objects.get(pk=other.pk).vectors_version >= 0
