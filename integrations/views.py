"""Where help desks say that a ticket has changed."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.http import JsonResponse
from django.views.decorators.csrf import csrf_exempt

from core.api import error_response, method_not_allowed, refuse
from core.exceptions import AppError, InvalidSignature
from integrations import following
from integrations.models import Desk

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest

#: The header in which a desk shows the secret that it was given.
SECRET_HEADER = "X-Webhook-Secret"  # noqa: S105 (a name, not a secret)


@csrf_exempt
@login_not_required
def ticket_hint(request: HttpRequest, desk: UUID, token: str) -> JsonResponse:
    """A desk says that a ticket has changed; which one is all that we take from it."""
    if request.method != "POST":
        return method_not_allowed("POST")
    row = Desk.objects.active().filter(uuid=desk).first()
    if row is None:
        return refuse("There is no such desk.", "not_found", 404)
    try:
        _verify(row, token, request.headers.get(SECRET_HEADER, ""))
        external_id = row.adapter.hinted_ticket(request.body)
    except AppError as exc:
        return error_response(exc)
    following.notice(row, [external_id])
    return JsonResponse({"status": "ok"})


def _verify(desk: Desk, token: str, secret: str) -> None:
    known = desk.credentials
    pairs = [
        (known.get("hook_token", ""), token),
        (known.get("hook_secret", ""), secret),
    ]
    matches = [
        wanted != "" and hmac.compare_digest(wanted.encode(), given.encode())
        for wanted, given in pairs
    ]
    if not all(matches):
        raise InvalidSignature("The address or the secret of this webhook is wrong.")
