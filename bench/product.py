"""The benchmark's hand inside the product: runs with Django, prints JSON.

`seed` makes a business, `fill` one that knows much; `burst` and `paced` let messages arrive through
`intake.receive`; `check` counts what became of them.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

import django

from bench import library, payloads

#: A small shop's knowledge; the third one answers the question of every message.
ENTRIES = (
    ("Paying in instalments", "The price can be split into three monthly payments."),
    ("Paying by card", "All major cards are taken, and bank transfers from anywhere."),
    ("Delivery time of a parcel", "The delivery of a parcel takes three working days."),
    ("Returning goods", "Goods may be sent back within thirty days, unused and boxed."),
    ("Refunds", "Money is returned to the same account within five days."),
    ("Warranty", "All machines carry a warranty of two years against defects."),
    ("Opening hours", "The shop is open from nine to six, Monday to Saturday."),
    ("Where the shop is", "The shop stands in Peace Avenue, opposite the post office."),
    ("Gift cards", "Gift cards of any value are sold at the till and by e-mail."),
    ("Changing an address", "An address can be changed until the goods have left."),
    ("Cancelling an order", "An order can be cancelled free of charge before noon."),
    ("Invoices", "Invoices with the company's name are sent on request."),
    ("Repairs", "Repairs are done in our own workshop, usually within a week."),
    ("Spare parts", "Spare parts are kept in stock for ten years."),
    ("Coffee machines", "We carry six models, from filter to fully automatic."),
    ("Grinders", "Grinders with steel and with ceramic burrs are on show."),
    ("Cleaning a machine", "Rinse it daily, and descale it every other month."),
    ("Water hardness", "Above twelve degrees a filter cartridge is needed."),
    ("Beans", "Beans are roasted each Tuesday and packed the same day."),
    ("Subscriptions", "Beans can be subscribed to, every two or four weeks."),
    ("Loyalty points", "Each purchase earns points, worth one per cent."),
    ("Student discount", "Students get ten per cent off with a valid card."),
    ("Wholesale", "Cafés buy at wholesale prices from ten kilograms."),
    ("Courses", "Barista courses take place on the first Sunday of a month."),
    ("Privacy", "Data are kept for accounting only and never sold."),
)


def seed(base_url: str) -> dict[str, Any]:
    """A business with its knowledge, a Chatwoot channel and a chat page."""
    from accounts.models import Account
    from ai_model.models import Assistant
    from integrations.models import Channel
    from knowledge.models import Entry

    account = Account.objects.create(name="Bench")
    # The figures are about the way of a message, not about how sure the search is.
    Assistant.objects.create(account=account, chain=["openai"], threshold=0.0)
    for title, body in ENTRIES:
        Entry.objects.create(account=account, title=title, body=body, lang="en")
    channel = Channel.objects.create(
        account=account,
        provider="chatwoot",
        name="Chatwoot",
        credentials={
            "base_url": base_url,
            "account_id": str(payloads.ACCOUNT),
            "inbox_id": str(payloads.INBOX),
            "bot_token": "bench",
            "webhook_secret": payloads.SECRET,
        },
    )
    website = Channel.objects.create(account=account, provider="web", name="Website")
    return {
        "account": account.pk,
        "path": channel.webhook_path,
        "channel_key": website.key,
    }


def fill(size: int) -> dict[str, Any]:
    """A business with so many entries; its vectors are noise, which costs the same."""
    import numpy as np

    from ai_model.services import set_up_account
    from knowledge import embedders, embeddings
    from knowledge.importing import Item, import_entries

    business = set_up_account(name="Library", username="owner")
    items = (
        Item(
            external_id=f"e{number}",
            title=title,
            body=body,
            entry_type="article",
            lang="en",
            source=f"line {number}",
        )
        for number in range(size)
        for title, body in [library.entry(number)]
    )
    began = time.monotonic()
    report = import_entries(account=business.account, items=items)
    spent = time.monotonic() - began
    encoder = embedders.current()
    if encoder is not None:
        chance = np.random.default_rng(0)
        embeddings.adopt(encoder.key)
        after, ((_, version),) = 0, embeddings.due()
        in_detail = embeddings.wants_detail(business.account.pk)
        while page := embeddings.look(
            business.account.pk, encoder, after=after, in_detail=in_detail
        ):
            rows = chance.normal(size=(len(page.missing), encoder.dimensions))
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            embeddings.store(encoder.key, page.missing, rows.astype(np.float32))
            after = page.last
        embeddings.finish(business.account.pk, version, encoder.key, has_new=True)
    return {"channel_key": business.channel.key, "per_s": report.added / spent}


class Sender:
    """Lets messages arrive as the receive step does."""

    def __init__(self) -> None:
        from core import work
        from integrations.facts import facts_of
        from integrations.models import Channel

        self._facts = facts_of(Channel.objects.get(provider="chatwoot"))
        # A web process has long been connected to the broker.
        work.wake("receive")
        time.sleep(0.3)

    def arrive(self, first: int, count: int) -> float:
        """Commit one message in each of `count` threads; returns when it was done."""
        from django.db import transaction

        from conversations import intake
        from integrations.adapters.inbound import InboundMessage

        committed: list[float] = []
        arrivals = [
            (
                self._facts,
                InboundMessage(
                    conversation_id=str(thread),
                    contact_id=str(thread),
                    external_id=f"m{thread}",
                    text=payloads.QUESTION,
                    contact_name="Bat",
                    address={"conversation": str(thread)},
                ),
            )
            for thread in range(first, first + count)
        ]
        with transaction.atomic():
            transaction.on_commit(lambda: committed.append(time.monotonic()))
            intake.receive(arrivals)
        return committed[0]

    def burst(self, first: int, count: int) -> dict[str, Any]:
        """All at once."""
        at = self.arrive(first, count)
        time.sleep(0.3)  # the wake-up leaves from a thread
        return {"committed": [at] * count}

    def paced(self, first: int, count: int, per_s: float) -> dict[str, Any]:
        """By chance, so many per second on average; the same chance in each run.

        On a grid of 50 ms, with a model of 1 s, each would meet the reply to another.
        """
        chance = random.Random(0)  # noqa: S311 (nothing secret)
        due = time.monotonic()
        times = []
        for number in range(count):
            due += chance.expovariate(per_s)
            time.sleep(max(0.0, due - time.monotonic()))
            times.append(self.arrive(first + number, 1))
        time.sleep(0.3)
        return {"committed": times}


def check(first: int, count: int) -> dict[str, Any]:
    """What the database says about the messages of these threads."""
    from django.db.models import Count

    from conversations.models import Conversation, Delivery, Message

    names = [str(number) for number in range(first, first + count)]
    threads = Conversation.objects.filter(external_id__in=names)

    def by(rows: Any, *fields: str) -> dict[str, int]:
        found = rows.values_list(*fields).annotate(number=Count("id")).order_by()
        return {" ".join(map(str, row[:-1])): row[-1] for row in found}

    return {
        "messages": by(
            Message.objects.filter(conversation__in=threads), "author", "state"
        ),
        "deliveries": by(Delivery.objects.filter(conversation__in=threads), "state"),
    }


def main() -> None:
    """`seed BASE_URL | fill SIZE | burst FIRST COUNT | paced FIRST COUNT PER_S | check …`"""
    django.setup()
    verb, rest = sys.argv[1], sys.argv[2:]
    if verb == "seed":
        result = seed(rest[0])
    elif verb == "fill":
        result = fill(int(rest[0]))
    elif verb == "burst":
        result = Sender().burst(int(rest[0]), int(rest[1]))
    elif verb == "paced":
        result = Sender().paced(int(rest[0]), int(rest[1]), float(rest[2]))
    else:
        result = check(int(rest[0]), int(rest[1]))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
