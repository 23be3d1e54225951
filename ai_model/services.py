"""What is done to a whole business: setting it up, its prompts, the demo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson
from django.conf import settings
from django.db import transaction
from django.db.models import Max

from accounts.models import Account, Membership, User
from accounts.services import (
    Person,
    create_account,
    create_member,
    create_token,
    set_random_password,
)
from ai_model.models import Assistant, Prompt
from integrations.models import Channel
from integrations.services import create_channel
from knowledge.importing import import_entries, read

#: Entries and prompts of the demo business.
DEMO = Path(__file__).resolve().parent.parent / "knowledge" / "demo"
DEMO_NAME = "Larch & Loop"
#: Name of the token that a new account begins with.
FIRST_TOKEN = "first token"  # noqa: S105 (a label, not a secret)


@dataclass(frozen=True, slots=True)
class Business:
    """A business that is ready to answer, with what is known only now."""

    account: Account
    channel: Channel
    people: tuple[Person, ...]
    #: Bearer token of the owner.
    token: str


@transaction.atomic
def set_up_account(
    *,
    name: str,
    username: str,
    password: str = "",
    is_staff: bool = False,
    is_demo: bool = False,
) -> Business:
    """Add a business with its owner, assistant, chat page and a bearer token.

    Its chat page becomes the installation's default channel where there is none.
    Raises `Conflict` or `InvalidPayload`.
    """
    account = create_account(name=name, is_demo=is_demo)
    owner = create_member(
        account=account,
        username=username,
        role=Membership.Role.OWNER,
        password=password,
        is_staff=is_staff,
    )
    Assistant.objects.create(account=account)
    channel = create_channel(
        account=account,
        provider="web",
        is_default=not Channel.objects.filter(is_default=True).exists(),
    )
    token = create_token(user=owner.user, account=account, name=FIRST_TOKEN)
    return Business(account, channel, (owner,), token)


@transaction.atomic
def save_prompt(
    *, account: Account, kind: str, text: str, author: User | None = None
) -> Prompt:
    """Store a new version of one of the account's prompts; former ones stay."""
    # Two who save at once get two numbers.
    Account.objects.select_for_update().get(pk=account.pk)
    rows = Prompt.objects.filter(account=account, kind=kind)
    newest = rows.aggregate(newest=Max("version"))["newest"] or 0
    return Prompt.objects.create(
        account=account, kind=kind, version=newest + 1, text=text, author=author
    )


def create_demo() -> Business | None:
    """Add the demo business with its knowledge; None when there is one already."""
    if Account.objects.filter(is_demo=True).exists():
        return None
    # The rows first: whoever looks meanwhile sees all of the demo or nothing.
    with transaction.atomic():
        business = set_up_account(
            name=DEMO_NAME, username=_free("owner"), is_staff=True, is_demo=True
        )
        helper = create_member(
            account=business.account,
            username=_free("support"),
            role=Membership.Role.SUPPORT,
        )
        for path in sorted(DEMO.glob("*.jsonl")):
            import_entries(account=business.account, items=read(path))
        for kind, text in orjson.loads((DEMO / "prompts.json").read_bytes()).items():
            save_prompt(account=business.account, kind=kind, text=text)
        # Two names of this machine; `/widget/try` shows one a page of the other.
        business.channel.allowed_origins = [
            f"http://{name}:{settings.PORT}" for name in ("127.0.0.1", "localhost")
        ]
        business.channel.save(update_fields=["allowed_origins"])
    return Business(
        business.account, business.channel, (*business.people, helper), business.token
    )


@transaction.atomic
def reset_demo_passwords() -> Business:
    """Give the demo's first owner and supporter new passwords, and the owner a new token.

    Nothing of the former ones was kept, so this is how to sign in once more. People
    who joined the demo later keep theirs. Raises `Account.DoesNotExist` where there is
    no demo business.
    """
    account = Account.objects.filter(is_demo=True).order_by("pk")[:1].get()
    people: dict[str, Person] = {}
    members = account.memberships.select_related("user").order_by("pk")
    for each in members.filter(user__is_superuser=False):
        if each.role not in people:
            password = set_random_password(user=each.user)
            people[each.role] = Person(each.user, each.role, password)
    account.tokens.filter(name=FIRST_TOKEN).delete()
    owner = people.get(Membership.Role.OWNER)
    token = ""
    if owner is not None:
        token = create_token(user=owner.user, account=account, name=FIRST_TOKEN)
    channel = account.channels.filter(provider="web").order_by("pk").first()
    if channel is None:
        channel = create_channel(account=account, provider="web")
    return Business(account, channel, tuple(people.values()), token)


def _free(wanted: str) -> str:
    """The user name, or with a number behind it where it is taken."""
    taken = set(
        User.objects.filter(username__startswith=wanted).values_list(
            "username", flat=True
        )
    )
    names = [wanted, *(f"{wanted}{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)
