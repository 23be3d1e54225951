"""Who replies, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from accounts.api import AccountView
from ai_model import sessions, switching
from ai_model.status_serializers import (
    BulkResultSerializer,
    BulkSwitchSerializer,
    HandlerSerializer,
    StatusSerializer,
    SwitchedSerializer,
    SwitchResultSerializer,
    SwitchSerializer,
)
from core.api import checked
from core.openapi import describe_handler

if TYPE_CHECKING:
    from rest_framework.request import Request


class ConversationStatus(AccountView):
    """`GET` and `PUT conversations/{conversation_id}/status/`: who replies there.

    Where the assistant may not reply, `active` becomes `support_active`: `success` is
    false, and `status_reason` and `detail` say why.
    """

    is_for_members = True

    @describe_handler(gives=StatusSerializer, errors=(404,))
    def get(self, request: Request, conversation: str) -> Response:
        row = sessions.find(self.account, conversation)
        return Response(StatusSerializer(row).data)

    @describe_handler(
        takes=SwitchSerializer,
        gives=SwitchResultSerializer,
        errors=(404, 411, 413, 415),
    )
    def put(self, request: Request, conversation: str) -> Response:
        row = sessions.find(self.account, conversation)
        status = checked(SwitchSerializer, request.data)["status"]
        done = switching.switch(account=self.account, conversation=row, status=status)
        return Response(
            {"success": done.success, **StatusSerializer(done.conversation).data}
        )


class BulkStatus(AccountView):
    """`PUT conversations/bulk-status/`: each by itself, with what came of it."""

    is_for_members = True

    @describe_handler(
        takes=BulkSwitchSerializer, gives=BulkResultSerializer, errors=(411, 413, 415)
    )
    def put(self, request: Request) -> Response:
        data = checked(BulkSwitchSerializer, request.data)
        done = switching.switch_all(
            account=self.account, names=data["conversation_ids"], status=data["status"]
        )
        updated = sum(each.success for each in done)
        return Response(
            {
                "status": data["status"],
                "updated": updated,
                "failed": len(done) - updated,
                "results": SwitchedSerializer(done, many=True).data,
            }
        )


class DefaultHandler(AccountView):
    """`GET` and `PUT default-handler/`: who replies on new conversations."""

    @describe_handler(gives=HandlerSerializer)
    def get(self, request: Request) -> Response:
        return Response(HandlerSerializer(self.account).data)

    @describe_handler(
        takes=HandlerSerializer, gives=HandlerSerializer, errors=(411, 413, 415)
    )
    def put(self, request: Request) -> Response:
        data = checked(HandlerSerializer, request.data)
        self.account.default_reply_handler = data["default_reply_handler"]
        self.account.save(update_fields=["default_reply_handler"])
        return Response(HandlerSerializer(self.account).data)
