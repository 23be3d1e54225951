"""The assistant's configuration over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from rest_framework.response import Response

from accounts.api import AccountView
from ai_model import configuring
from ai_model.config_serializers import (
    PROMPTS,
    ConfigSerializer,
    ConfigStateSerializer,
)
from ai_model.models import Assistant
from core.openapi import describe_handler

if TYPE_CHECKING:
    from rest_framework.request import Request


class Config(AccountView):
    """`GET`, `PUT` and `PATCH config/`: how the assistant answers, with its prompts.

    `PUT` replaces: what it does not name becomes as it was in the beginning. `PATCH`
    changes what it names.
    """

    @describe_handler(gives=ConfigStateSerializer)
    def get(self, request: Request) -> Response:
        return self._state()

    @describe_handler(
        takes=ConfigSerializer, gives=ConfigStateSerializer, errors=(411, 413, 415)
    )
    def put(self, request: Request) -> Response:
        return self._configure(is_whole=True)

    @describe_handler(
        takes=ConfigSerializer, gives=ConfigStateSerializer, errors=(411, 413, 415)
    )
    def patch(self, request: Request) -> Response:
        return self._configure(is_whole=False)

    @transaction.atomic
    def _configure(self, *, is_whole: bool) -> Response:
        account = configuring.hold(self.account)
        assistant = Assistant(account=account)
        prompts = dict.fromkeys(PROMPTS, "")
        if not is_whole:
            assistant, prompts = configuring.assistant_of(account), {}
        sent = ConfigSerializer(
            data=self.request.data, partial=True, context={"assistant": assistant}
        )
        sent.is_valid(raise_exception=True)
        prompts |= sent.validated_data.get("prompts", {})
        configuring.configure(
            assistant=assistant,
            prompts={PROMPTS[name]: text for name, text in prompts.items()},
            author=self.user,
        )
        return self._state()

    def _state(self) -> Response:
        assistant = configuring.assistant_of(self.account)
        return Response(ConfigStateSerializer(assistant).data)
