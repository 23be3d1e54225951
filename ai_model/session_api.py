"""Questions and sessions over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from accounts.api import AccountView, AsyncAccountView
from ai_model import sessions
from ai_model.session_serializers import (
    AnsweredSerializer,
    CursorSerializer,
    MessageSerializer,
    QuestionSerializer,
    SendSerializer,
    SentSerializer,
    SessionDetailSerializer,
    SessionFilterSerializer,
    SessionPageSerializer,
    SessionSerializer,
)
from core.api import checked
from core.openapi import describe_handler
from core.paging import page_of

if TYPE_CHECKING:
    from rest_framework.request import Request

#: Messages of a session that are read at once.
MESSAGES = 100


class Ask(AsyncAccountView):
    """`POST ask/`: a customer's question, and the answer as soon as there is one."""

    is_for_members = True

    @describe_handler(
        takes=QuestionSerializer, gives=AnsweredSerializer, errors=(409, 411, 413, 415)
    )
    async def post(self, request: Request) -> Response:
        data = checked(QuestionSerializer, request.data)
        answered = await sessions.ask(
            self.account, data["customer_id"], data["question"], self.user
        )
        return Response(AnsweredSerializer(answered).data)


class SessionList(AccountView):
    """`GET sessions/`: the account's sessions, those with the newest words first."""

    @describe_handler(
        name="sessions_list", query=SessionFilterSerializer, gives=SessionPageSerializer
    )
    def get(self, request: Request) -> Response:
        wanted = checked(SessionFilterSerializer, request.query_params)
        found, cursor = page_of(
            sessions.matching(self.account, wanted),
            limit=wanted["limit"],
            cursor=wanted.get("cursor", ""),
            by="last_message_at",
        )
        rows = SessionSerializer(found, many=True).data
        return Response({"results": rows, "next": cursor})


class SessionDetail(AccountView):
    """`GET sessions/{session_id}/`: a session with its newest messages, oldest first.

    `next` is the `cursor` with which those before them are read.
    """

    @describe_handler(
        query=CursorSerializer, gives=SessionDetailSerializer, errors=(404,)
    )
    def get(self, request: Request, session: str) -> Response:
        row = sessions.find(self.account, session)
        cursor = checked(CursorSerializer, request.query_params).get("cursor", "")
        found, following = page_of(row.messages.all(), limit=MESSAGES, cursor=cursor)
        messages = MessageSerializer(found[::-1], many=True).data
        return Response(
            {**SessionSerializer(row).data, "messages": messages, "next": following}
        )


class SessionSend(AsyncAccountView):
    """`POST sessions/{session_id}/send/`: what the customer says next, and the answer."""

    is_for_members = True

    @describe_handler(
        takes=SendSerializer, gives=SentSerializer, errors=(404, 409, 411, 413, 415)
    )
    async def post(self, request: Request, session: str) -> Response:
        data = checked(SendSerializer, request.data)
        answered = await sessions.send(
            self.account, session, data["message"], self.user
        )
        return Response(SentSerializer(answered).data)
