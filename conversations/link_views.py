"""The pages behind the link that verifies an e-mail address."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from conversations import verifying
from conversations.verifying import Outcome
from core.language import speaking

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from conversations.models import VerificationLink

_STATUS = {
    Outcome.EXPIRED: HTTPStatus.GONE,
    Outcome.TAMPERED: HTTPStatus.BAD_REQUEST,
    Outcome.LIMITED: HTTPStatus.TOO_MANY_REQUESTS,
}


@csrf_exempt  # whoever has the link may use it, and nobody else can know it
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def verify_email(request: HttpRequest, token: str) -> HttpResponse:
    """A link: opening it shows its page, which posts it; only that verifies.

    Programs that read mail open links too, and would verify whatever anybody typed.
    """
    outcome, link = verifying.look(token)
    if link is not None and request.method == "POST":
        if "again" in request.POST:
            outcome = verifying.renew(link)
        elif outcome is Outcome.READY:
            outcome = verifying.open_link(link)
    return _page(request, outcome, link)


def _page(
    request: HttpRequest, outcome: Outcome, link: VerificationLink | None
) -> HttpResponse:
    lang = link.lang if link is not None else translation.get_language()
    context = {"outcome": outcome.value, "link": link}
    with speaking(lang or ""):
        response = render(
            request,
            "conversations/verify.html",
            context,
            status=_STATUS.get(outcome, HTTPStatus.OK),
        )
    response["X-Robots-Tag"] = "noindex"
    # The address of this page is a secret.
    response["Referrer-Policy"] = "no-referrer"
    return response
