from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from accounts.models import Account, Membership, Token, User
from accounts.services import create_token
from accounts.tests.factories import UserFactory

if TYPE_CHECKING:
    from django.test import Client


def address(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def test_a_user_whom_an_owner_adds_joins_the_own_account(
    client: Client, alice: User, account: Account
) -> None:
    client.force_login(alice)

    client.post(
        reverse("admin:accounts_user_add"),
        {
            "username": "dora",
            "account": account.pk,
            "role": "support",
            "password1": "a long enough one",
            "password2": "a long enough one",
        },
    )

    dora = User.objects.get(username="dora")
    assert dora.memberships.get().role == "support"
    assert not dora.is_staff


def test_an_owner_cannot_add_a_user_to_a_foreign_account(
    client: Client, alice: User, charlie: User
) -> None:
    client.force_login(alice)

    client.post(
        reverse("admin:accounts_user_add"),
        {
            "username": "dora",
            "account": charlie.accounts.get().pk,
            "role": "owner",
            "password1": "a long enough one",
            "password2": "a long enough one",
        },
    )

    assert not User.objects.filter(username="dora").exists()


@pytest.mark.parametrize("right", ["is_superuser", "is_staff"])
def test_an_owner_grants_no_rights(
    client: Client, alice: User, bob: User, right: str
) -> None:
    client.force_login(alice)

    response = client.post(
        address(bob),
        {"username": "bob", "is_active": "on", right: "on", "email": "b@b.mn"},
    )

    bob.refresh_from_db()
    assert response.status_code == 302
    assert bob.email == "b@b.mn"
    assert not getattr(bob, right)


def test_an_owner_does_not_change_who_works_elsewhere_too(
    client: Client, alice: User, account: Account, charlie: User
) -> None:
    Membership.objects.create(user=charlie, account=account, role="support")
    client.force_login(alice)

    seen = client.get(address(charlie))
    posted = client.post(address(charlie), {"username": "mine"})
    password = client.post(
        reverse("admin:auth_user_password_change", args=[charlie.pk]),
        {"password1": "a long enough one", "password2": "a long enough one"},
    )

    charlie.refresh_from_db()
    assert seen.status_code == 200
    assert (posted.status_code, password.status_code) == (403, 403)
    assert charlie.username == "charlie"
    assert charlie.check_password("secret")


def test_an_owner_does_not_change_a_superuser(
    client: Client, alice: User, account: Account
) -> None:
    root = UserFactory(member_of=account, role="support", is_superuser=True)
    client.force_login(alice)

    assert client.post(address(root), {"username": "mine"}).status_code == 403


def test_an_owner_sets_the_password_of_a_colleague(
    client: Client, alice: User, bob: User
) -> None:
    client.force_login(alice)

    client.post(
        reverse("admin:auth_user_password_change", args=[bob.pk]),
        {
            "usable_password": "true",
            "password1": "a long enough one",
            "password2": "a long enough one",
        },
    )

    bob.refresh_from_db()
    assert bob.check_password("a long enough one")


def test_a_stranger_cannot_be_made_a_member(
    client: Client, alice: User, account: Account, charlie: User
) -> None:
    client.force_login(alice)

    client.post(
        reverse("admin:accounts_membership_add"),
        {"account": account.pk, "user": charlie.pk, "role": "support"},
    )

    assert not charlie.memberships.filter(account=account).exists()


def test_a_membership_changes_its_role_and_nothing_else(
    client: Client, alice: User, bob: User, charlie: User
) -> None:
    row = bob.memberships.get()
    client.force_login(alice)

    client.post(
        reverse("admin:accounts_membership_change", args=[row.pk]),
        {"role": "owner", "user": alice.pk, "account": charlie.accounts.get().pk},
    )

    row.refresh_from_db()
    assert (row.role, row.user, row.account) == ("owner", bob, alice.accounts.get())


def test_tokens_are_revoked_from_the_list(
    client: Client, alice: User, charlie: User, account: Account
) -> None:
    token = create_token(user=alice, account=account)
    create_token(user=charlie, account=charlie.accounts.get())
    client.force_login(alice)
    address = reverse("admin:accounts_token_changelist")

    html = client.get(address).content.decode()
    client.post(
        address,
        {
            "action": "revoke",
            "confirmed": "yes",
            "_selected_action": list(Token.objects.values_list("pk", flat=True)),
        },
    )

    assert token not in html
    assert Token.objects.get().user == charlie


def test_an_owner_changes_what_is_the_owners_of_the_account(
    client: Client, alice: User, account: Account
) -> None:
    client.force_login(alice)
    values: dict[str, Any] = {
        "name": "Alice & Co.", "default_reply_handler": "Manual", "is_demo": "on",
    }  # fmt: skip

    client.post(reverse("admin:accounts_account_change", args=[account.pk]), values)

    account.refresh_from_db()
    assert (account.name, account.is_demo) == ("Alice & Co.", False)
    assert account.default_reply_handler == "Manual"
