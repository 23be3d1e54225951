"""`manage.py rehearse`: a stand-in for a provider, to try things out."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
import urllib.request
from typing import TYPE_CHECKING, Any

from core.commands import OperatorCommand
from integrations.rehearsal import kommo
from integrations.rehearsal.chatwoot import ChatwootServer
from integrations.rehearsal.chatwoot_account import ACCOUNT, INBOX
from integrations.rehearsal.chatwoot_api import BOT_TOKEN, SECRET, USER_TOKEN
from integrations.rehearsal.freshdesk import FAULTS, KEY, FreshdeskServer
from integrations.rehearsal.kommo import KommoServer

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

logger = logging.getLogger(__name__)


class Command(OperatorCommand):
    """Runs the stand-in until Ctrl-C; nothing that it is told is kept."""

    help = "Run a stand-in for a provider on loopback."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", choices=["chatwoot", "freshdesk", "kommo"])
        parser.add_argument("--port", type=int, default=8090)
        parser.add_argument(
            "--fault",
            nargs="+",
            default=[],
            choices=sorted({*FAULTS, *kommo.FAULTS}),
            help="what goes wrong with the first tickets or replies, one each",
        )
        parser.add_argument("--webhook", default="", metavar="URL")
        parser.add_argument("--header", default="", metavar="NAME:VALUE")

    def handle(self, *args: Any, **options: Any) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            getattr(self, f"_{options['provider']}")(options)

    def _chatwoot(self, options: dict[str, Any]) -> None:
        with ChatwootServer(port=options["port"], webhook=options["webhook"]) as server:
            server.api.outgoing_url = options["webhook"]
            self._say(
                f"CHATWOOT_BASE_URL={server.url}\n"
                f"CHATWOOT_API_TOKEN={BOT_TOKEN}\n"
                f"CHATWOOT_ACCOUNT_ID={ACCOUNT['id']}\n"
                f"CHATWOOT_INBOX_ID={INBOX['id']}\n"
                f"webhook secret: {SECRET}\n"
                f"token of a user: {USER_TOKEN}\n"
                f"Open {server.url} to write as a visitor and reply as staff."
            )
            threading.Event().wait()

    def _freshdesk(self, options: dict[str, Any]) -> None:
        def tell(ticket: dict[str, Any]) -> None:
            if options["webhook"]:
                # As the automation rule of the documentation does.
                said = {"ticket_id": str(ticket["id"]), "status": ticket["status"]}
                _post(options["webhook"], options["header"], said)

        with FreshdeskServer(port=options["port"], on_change=tell) as server:
            server.faults.extend(options["fault"])
            self._say(
                f"FRESHDESK_BASE_URL={server.url}\n"
                f"FRESHDESK_DOMAIN=rehearsal\nFRESHDESK_API_KEY={KEY}"
            )
            threading.Event().wait()

    def _kommo(self, options: dict[str, Any]) -> None:
        """Each line typed is a customer's message; what they see is printed."""
        with KommoServer(port=options["port"], on_show=self._say) as server:
            server.faults.extend(options["fault"])
            self._say(
                f"KOMMO_BASE_URL={server.url}\naddress: {kommo.HOST}\n"
                f"integration ID: {kommo.CLIENT}\nsecret key: {kommo.SECRET}\n"
                f"long-lived token: {kommo.LONG_LIVED}"
            )
            for line in sys.stdin:
                if options["webhook"]:
                    _post(
                        options["webhook"], options["header"], server.call(line.strip())
                    )
            threading.Event().wait()

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _post(url: str, header: str, said: dict[str, Any]) -> None:
    name, _, value = header.partition(":")
    request = urllib.request.Request(  # noqa: S310 (given on the command line)
        url, json.dumps(said).encode(), {"Content-Type": "application/json"}
    )
    if name:
        request.add_header(name, value.strip())
    try:
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
    except OSError as exc:
        logger.warning("The webhook said no: %s", exc)
