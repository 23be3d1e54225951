"""`manage.py rehearse freshdesk|teams`: a stand-in for a provider, to try things out."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import urllib.request
from typing import TYPE_CHECKING, Any

from core.commands import OperatorCommand
from integrations.rehearsal import teams
from integrations.rehearsal.freshdesk import FAULTS, KEY, FreshdeskServer

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

logger = logging.getLogger(__name__)


class Command(OperatorCommand):
    """Runs the stand-in until Ctrl-C; nothing that it is told is kept."""

    help = "Run a stand-in for a provider on loopback."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", choices=["freshdesk", "teams"])
        parser.add_argument("--port", type=int, default=8090)
        parser.add_argument(
            "--fault",
            nargs="+",
            default=[],
            choices=sorted({*FAULTS, *teams.FAULTS}),
            help="what goes wrong with the first calls, one each",
        )
        parser.add_argument("--webhook", default="", metavar="URL")
        parser.add_argument("--header", default="", metavar="NAME:VALUE")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["provider"] == "teams":
            self._rehearse_teams(**options)
        else:
            self._rehearse_freshdesk(**options)

    def _rehearse_teams(self, **options: Any) -> None:
        with teams.TeamsServer(port=options["port"]) as server:
            server.faults.extend(options["fault"])
            self.stdout.write(f"TEAMS_WEBHOOK_URL={server.url}\nCards: {server.page}")
            self._wait()

    def _rehearse_freshdesk(self, **options: Any) -> None:
        def tell(ticket: dict[str, Any]) -> None:
            if options["webhook"]:
                _post(options["webhook"], options["header"], ticket)

        with FreshdeskServer(port=options["port"], on_change=tell) as server:
            server.faults.extend(options["fault"])
            self.stdout.write(
                f"FRESHDESK_BASE_URL={server.url}\n"
                f"FRESHDESK_DOMAIN=rehearsal\nFRESHDESK_API_KEY={KEY}"
            )
            self._wait()

    def _wait(self) -> None:
        self.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


def _post(url: str, header: str, ticket: dict[str, Any]) -> None:
    """Tell the webhook, as the automation rule of the documentation does."""
    name, _, value = header.partition(":")
    body = json.dumps({"ticket_id": str(ticket["id"]), "status": ticket["status"]})
    request = urllib.request.Request(  # noqa: S310 (given on the command line)
        url, body.encode(), {"Content-Type": "application/json"}
    )
    if name:
        request.add_header(name, value.strip())
    try:
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
    except OSError as exc:
        logger.warning("The webhook said no: %s", exc)
