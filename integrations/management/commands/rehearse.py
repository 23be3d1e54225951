"""`manage.py rehearse telegram`: a stand-in for a provider, to try things out."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING, Any

from core.commands import Error, OperatorCommand
from integrations.rehearsal.stages import STAGES

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(OperatorCommand):
    """Runs the stand-in until Ctrl-C; nothing that it is told is kept."""

    help = "Run a stand-in for a provider on loopback; what you type a customer says."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", choices=list(STAGES))
        parser.add_argument("--port", type=int, default=8090)
        parser.add_argument(
            "--fault",
            nargs="+",
            default=[],
            metavar="NAME",
            help="what goes wrong with the first calls, one each",
        )
        parser.add_argument("--webhook", default="", metavar="URL")
        parser.add_argument("--header", default="", metavar="NAME:VALUE")

    def handle(self, *args: Any, **options: Any) -> None:
        with contextlib.ExitStack() as stack:
            try:
                stage = STAGES[options["provider"]](options, self._write)
                listen = stack.enter_context(stage)
            except OSError as exc:
                raise Error(
                    f"127.0.0.1:{options['port']} cannot be used: {exc.strerror}."
                    " Choose another: --port."
                ) from exc
            try:
                for line in sys.stdin:
                    if line.strip():
                        listen(line.strip())
                threading.Event().wait()
            except KeyboardInterrupt:
                return

    def _write(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()
