"""What `manage.py rehearse` starts, by provider: a stand-in, and somebody to talk to."""

from __future__ import annotations

import contextlib
import email
import email.policy
import json
import logging
import time
import urllib.request
from typing import TYPE_CHECKING, Any, Final

from core.exceptions import InvalidPayload
from integrations.rehearsal import kommo as kommo_facts
from integrations.rehearsal.chatwoot import ChatwootServer
from integrations.rehearsal.chatwoot_account import ACCOUNT, INBOX
from integrations.rehearsal.chatwoot_api import BOT_TOKEN, SECRET, USER_TOKEN
from integrations.rehearsal.freshdesk import FAULTS as freshdesk_faults
from integrations.rehearsal.freshdesk import KEY, FreshdeskServer
from integrations.rehearsal.kommo import KommoServer
from integrations.rehearsal.kommo_account import BOT_STAGE
from integrations.rehearsal.mail import FAULTS as mail_faults
from integrations.rehearsal.mail import USER as MAIL_USER
from integrations.rehearsal.mail import MailServer
from integrations.rehearsal.meta import (
    APP_SECRET,
    BUSINESS,
    OWN,
    MetaServer,
    signed,
    written,
)
from integrations.rehearsal.meta import FAULTS as meta_faults
from integrations.rehearsal.meta import TOKEN as META_TOKEN
from integrations.rehearsal.teams import FAULTS as teams_faults
from integrations.rehearsal.teams import TeamsServer
from integrations.rehearsal.telegram import FAULTS as telegram_faults
from integrations.rehearsal.telegram import TOKEN, TelegramServer
from integrations.rehearsal.telegram_customer import Customer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from integrations.rehearsal.meta import Product

    Write = Callable[[str], Any]
    #: Takes what is typed.
    Listen = Callable[[str], None]
    Stage = Callable[
        [Mapping[str, Any], Write], contextlib.AbstractContextManager[Listen]
    ]

logger = logging.getLogger(__name__)

_FORM: Final = "application/x-www-form-urlencoded"


@contextlib.contextmanager
def chatwoot(options: Mapping[str, Any], write: Write) -> Iterator[Listen]:
    """An inbox with both its sides on a page: a visitor's, and the staff's."""
    with ChatwootServer(port=options["port"], webhook=options["webhook"]) as server:
        server.api.outgoing_url = options["webhook"]
        write(f"CHATWOOT_BASE_URL={server.url}\nCHATWOOT_API_TOKEN={BOT_TOKEN}")
        write(f"CHATWOOT_ACCOUNT_ID={ACCOUNT['id']}\nCHATWOOT_INBOX_ID={INBOX['id']}")
        write(f"webhook secret: {SECRET}\ntoken of a user: {USER_TOKEN}")
        write(f"Open {server.url} to write as a visitor and reply as staff.")
        yield lambda _line: None


@contextlib.contextmanager
def freshdesk(options: Mapping[str, Any], write: Write) -> Iterator[Listen]:
    """A help desk; each change of a ticket is told to `--webhook`."""

    def tell(ticket: dict[str, Any]) -> None:
        if options["webhook"]:
            body = {"ticket_id": str(ticket["id"]), "status": ticket["status"]}
            post(options["webhook"], body, _header(options["header"]))

    with FreshdeskServer(port=options["port"], on_change=tell) as server:
        server.faults.extend(_known(options["fault"], freshdesk_faults))
        write(f"FRESHDESK_BASE_URL={server.url}")
        write(f"FRESHDESK_DOMAIN=rehearsal\nFRESHDESK_API_KEY={KEY}")
        yield lambda _line: None


@contextlib.contextmanager
def kommo(options: Mapping[str, Any], write: Write) -> Iterator[Listen]:
    """A widget in a Salesbot; what is typed goes to `--webhook`.

    `!hook WORDS` goes to the account's webhooks instead, `!move` moves the lead into the
    stage "Assistant", and `!person` lets a member of staff write in Kommo.
    """
    with KommoServer(port=options["port"], on_show=write) as server:
        server.faults.extend(_known(options["fault"], kommo_facts.FAULTS))
        write(f"KOMMO_BASE_URL={server.url}\naddress: {kommo_facts.HOST}")
        write(f"integration ID: {kommo_facts.CLIENT}\nsecret key: {kommo_facts.SECRET}")
        write(f"long-lived token: {kommo_facts.LONG_LIVED}")

        def listen(line: str) -> None:
            verb, _space, words = line.partition(" ")
            if verb == "!hook":
                _tell_kommo_hooks(server, "add_message", server.account.message(words))
            elif verb == "!move":
                moved = server.account.move(kommo_facts.LEAD, BOT_STAGE)
                _tell_kommo_hooks(server, "status_lead", moved)
            elif verb == "!person":
                server.account.note("outgoing_chat_message", kommo_facts.LEAD, 77)
            elif options["webhook"]:
                post(options["webhook"], server.call(line), _header(options["header"]))

        yield listen


def _tell_kommo_hooks(server: KommoServer, kind: str, form: bytes) -> None:
    """Tell the webhooks that the account has set up for this."""
    for hook in server.account.webhooks.values():
        if kind in hook["settings"]:
            post(hook["destination"], form, {"Content-Type": _FORM})


@contextlib.contextmanager
def telegram(options: Mapping[str, Any], write: Write) -> Iterator[Listen]:
    """A bot, and a customer who says what is typed; `!1` presses the first button."""
    with TelegramServer(port=options["port"], is_local=True) as server:
        server.faults.extend(_known(options["fault"], telegram_faults))
        customer = Customer(server)
        server.on_message = lambda message: write(customer.read(message))
        write(f"TELEGRAM_BASE_URL={server.url}")
        write(f"bot_token={TOKEN}")

        def listen(line: str) -> None:
            update = customer.write(line)
            hook = server.webhook
            if not hook.url:
                write("No webhook is set: manage.py create_channel telegram …")
                return
            post(hook.url, update, {"X-Telegram-Bot-Api-Secret-Token": hook.secret})

        yield listen


@contextlib.contextmanager
def teams(options: Mapping[str, Any], write: Write) -> Iterator[Listen]:
    """A flow and the channel that it posts to; a page shows the cards."""
    with TeamsServer(port=options["port"]) as server:
        server.faults.extend(_known(options["fault"], teams_faults))
        write(f"TEAMS_WEBHOOK_URL={server.url}\nCards: {server.page}")
        yield lambda _line: None


@contextlib.contextmanager
def mail(options: Mapping[str, Any], write: Write) -> Iterator[Listen]:
    """A mail server; what is typed answers the newest e-mail that it was sent."""

    def show(raw: bytes) -> None:
        sent = email.message_from_bytes(raw, policy=email.policy.default)
        body = sent.get_body(["plain"])
        words = body.get_content().strip() if body is not None else ""
        write(f"To: {sent['To']}\nSubject: {sent['Subject']}\n\n{words}\n")

    with MailServer(port=options["port"], on_message=show) as server:
        server.faults.extend(_known(options["fault"], mail_faults))
        write(f"EMAIL_URL={server.smtp_url}\nSENDER_EMAIL={MAIL_USER}")
        write(f"MAILBOX_URL={server.mailbox_url}")

        def listen(line: str) -> None:
            if server.sent:
                server.reply(line)
            else:
                write("No e-mail has been sent yet that could be answered.")

        yield listen


def meta(product: Product) -> Stage:
    """The Graph API, and a customer who says at `--webhook` what is typed."""

    @contextlib.contextmanager
    def stage(options: Mapping[str, Any], write: Write) -> Iterator[Listen]:
        with MetaServer(product, port=options["port"]) as server:
            server.faults.extend(_known(options["fault"], meta_faults))
            server.on_message = lambda text: write(f"bot: {text}")
            write(f"META_GRAPH_BASE_URL={server.url}")
            write(f"access_token={META_TOKEN}\napp_secret={APP_SECRET}")
            if product == "whatsapp":
                write(f"phone_number_id={OWN[product]['id']}")
                write(f"business_account_id={BUSINESS}")

            def listen(line: str) -> None:
                if not options["webhook"]:
                    write("No webhook is named: --webhook URL")
                    return
                server.heard["9001"] = time.time()
                body = written(product, line)
                post(options["webhook"], body, signed(json.dumps(body).encode()))

            yield listen

    return stage


STAGES: Final[dict[str, Stage]] = {
    "chatwoot": chatwoot,
    "freshdesk": freshdesk,
    "instagram": meta("instagram"),
    "kommo": kommo,
    "mail": mail,
    "messenger": meta("messenger"),
    "teams": teams,
    "telegram": telegram,
    "whatsapp": meta("whatsapp"),
}


def _header(words: str) -> dict[str, str]:
    name, _, value = words.partition(":")
    return {name: value.strip()} if name else {}


def _known(names: Iterable[str], faults: Iterable[str]) -> list[str]:
    """The faults; raises `InvalidPayload` for one that there is not."""
    known = list(faults)
    for name in names:
        if name not in known:
            words = ", ".join(known)
            raise InvalidPayload(f"There is no fault “{name}”; there are: {words}.")
    return list(names)


def post(url: str, body: Mapping[str, Any] | bytes, headers: Mapping[str, str]) -> None:
    """Tell a webhook; one that says no is only told of."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 (given by the operator)
        url, data, {"Content-Type": "application/json", **headers}
    )
    try:
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
    except OSError as exc:
        logger.warning("The webhook said no: %s", exc)
