"""`manage.py why`: what became of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.serializers.json import DjangoJSONEncoder

from accounts.services import as_uuid
from ai_model.why import explain
from conversations.models import Message
from core.commands import Error, OperatorCommand

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(OperatorCommand):
    """Explains a message, in sentences or as JSON."""

    help = "Print why a message was or was not answered."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("message", metavar="MESSAGE_ID")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        text = options["message"]
        key = as_uuid(text)
        if key is None:
            raise Error(f"“{text}” is not the id of a message; ids are UUIDs.")
        rows = Message.objects.select_related("conversation__assigned_to", "user")
        message = rows.filter(uuid=key).first()
        if message is None:
            raise Error(f"There is no message {key}.")
        explanation = explain(message)
        if options["json"]:
            encoder = DjangoJSONEncoder(ensure_ascii=False)
            self.stdout.write(encoder.encode(explanation.as_dict()))
        else:
            self.stdout.write("\n".join(explanation.lines))
