from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from accounts.models import Account, Membership, Token, User
from ai_model import services
from ai_model.models import Assistant, Prompt
from core.exceptions import Conflict
from knowledge import search
from knowledge.models import Entry

if TYPE_CHECKING:
    from integrations.models import Channel

pytestmark = pytest.mark.django_db


def test_a_new_business_is_ready_to_answer() -> None:
    business = services.set_up_account(name="Larch", username="dora", is_staff=True)

    (dora,) = business.people
    assert dora.user.is_staff
    assert dora.user.check_password(dora.password)
    assert business.account.memberships.get().role == Membership.Role.OWNER
    assert Assistant.objects.get().account == business.account
    assert (business.channel.provider, business.channel.is_default) == ("web", True)
    assert Token.objects.get().user == dora.user


def test_only_the_first_business_gets_the_default_channel(channel: Channel) -> None:
    business = services.set_up_account(name="Larch", username="dora")

    assert not business.channel.is_default


def test_a_taken_user_name_leaves_nothing_behind(charlie: User) -> None:
    with pytest.raises(Conflict):
        services.set_up_account(name="Larch", username="charlie")

    assert not Account.objects.filter(name="Larch").exists()


def test_a_saved_prompt_is_a_new_version(account: Account, alice: User) -> None:
    services.save_prompt(account=account, kind="manual", text="One")
    services.save_prompt(account=account, kind="product", text="Other")

    prompt = services.save_prompt(
        account=account, kind="manual", text="Two", author=alice
    )

    assert prompt.version == 2
    assert Prompt.objects.get(kind="manual", version=1).text == "One"


def test_the_demo_is_made_once() -> None:
    business = services.create_demo()

    assert business is not None
    assert business.account.is_demo
    assert [each.role for each in business.people] == ["owner", "support"]
    assert [each.user.is_staff for each in business.people] == [True, False]
    assert services.create_demo() is None


def test_the_demo_knows_enough_to_be_asked() -> None:
    business = services.create_demo()
    assert business is not None

    entries = Entry.objects.for_account(business.account)
    assert entries.filter(lang="en").count() >= 25
    assert entries.filter(lang="mn").count() >= 6
    assert set(Prompt.objects.values_list("kind", flat=True)) == set(
        Prompt.Kind.values
    ) - {Prompt.Kind.KOMMO}
    index = search.load(business.account.pk)
    for question, entry in [
        ("How long does delivery take?", "delivery-time"),
        ("can i send something back", "return-steps"),
        ("When is your shop open?", "opening-hours"),
        ("Дэлгүүр хэдэн цаг хүртэл ажилладаг вэ?", "mn-hours"),
    ]:
        hits = index.search(question, limit=2).hits
        assert entry in [hit.document.entry for hit in hits]


def test_the_demo_takes_other_names_where_they_are_taken(db: None) -> None:
    User.objects.create(username="owner")

    business = services.create_demo()

    assert business is not None
    assert [each.user.username for each in business.people] == ["owner2", "support"]


def test_demo_passwords_are_new_each_time() -> None:
    first = services.create_demo()
    assert first is not None
    colleague = User.objects.create_user("colleague", password="own words")
    Membership.objects.create(user=colleague, account=first.account, role="support")

    second = services.reset_demo_passwords()

    assert [each.user for each in second.people] == [each.user for each in first.people]
    assert second.channel == first.channel
    for before, after in zip(first.people, second.people, strict=True):
        after.user.refresh_from_db()
        assert after.user.check_password(after.password)
        assert not after.user.check_password(before.password)
    colleague.refresh_from_db()
    assert colleague.check_password("own words")
    assert Token.objects.count() == 1
    assert second.token != first.token
