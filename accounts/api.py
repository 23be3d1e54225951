"""What the APIs of one account share: whose it is, and who may write."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

from asgiref.sync import sync_to_async
from django.conf import settings
from rest_framework.permissions import SAFE_METHODS
from rest_framework.views import APIView

from accounts.models import Account, Membership, Token, User
from accounts.services import as_uuid
from core import rates
from core.api import TooLarge
from core.exceptions import InvalidPayload, NotAllowed, RateLimited

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponseBase
    from rest_framework.request import Request


class LengthMissing(InvalidPayload):
    """A body that comes in pieces: how long it gets nobody knows."""

    code = "length_required"
    status_code = 411


class LimitedView(APIView):
    """A view that one person's programs may call only so often."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Count the call of whom we know; raises what the API answers."""
        super().initial(request, *args, **kwargs)
        limit = rates.parse(settings.API_RATE_LIMIT)
        wait_s = rates.take([rates.Bucket(f"program.{request.user.pk}", limit)])
        if wait_s:
            raise RateLimited("That was one call too many.", retry_after=wait_s)


class AccountView(LimitedView):
    """A view on one account: whoever works for it reads, its owners write.

    A bearer token names its account. Whoever is signed in without one, and has several
    accounts, names one by `?account=`.
    """

    max_bytes: ClassVar[int] = settings.MAX_BODY_BYTES
    #: Who works for the account may write too, as on the desk.
    is_for_members: ClassVar[bool] = False
    #: The account that the request is about, once `initial` has run.
    account: Account
    #: Who makes it.
    user: User

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse who may not do this; raises what the API answers."""
        super().initial(request, *args, **kwargs)
        if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
            raise LengthMissing("Send the body with its Content-Length.")
        if int(request.headers.get("Content-Length") or 0) > self.max_bytes:
            raise TooLarge(f"A body has at most {self.max_bytes} bytes.")
        self.account = account_of(request)
        self.user = _person(request)
        is_free = request.method in SAFE_METHODS or self.is_for_members
        if not is_free and not _owns(self.user, self.account):
            raise NotAllowed("Only an owner of the account may do this.")


class AsyncAccountView(AccountView):
    """A view whose handlers are coroutines: whoever waits for an answer holds no thread."""

    async def dispatch(  # type: ignore[override]  # Django awaits it
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        """As DRF's, with what comes before the handler in a thread."""
        self.args, self.kwargs = args, kwargs
        self.headers = self.default_response_headers
        self.request = self.initialize_request(request, *args, **kwargs)
        try:
            await sync_to_async(self.initial)(self.request, *args, **kwargs)
            name = (request.method or "").lower()
            is_known = name in self.http_method_names
            handler = getattr(
                self, name if is_known else "", self.http_method_not_allowed
            )
            found = handler(self.request, *args, **kwargs)
            # DRF's own handler of OPTIONS is a plain function.
            response = await found if inspect.isawaitable(found) else found
        except Exception as exc:  # noqa: BLE001 (what is not an answer is raised again)
            response = self.handle_exception(exc)
        return self.finalize_response(self.request, response, *args, **kwargs)


def account_of(request: Request) -> Account:
    """The account that a request is about; raises `InvalidPayload`, `NotAllowed`."""
    if isinstance(request.auth, Token):
        account: Account = request.auth.account
        return account
    rows = Account.objects.for_user(request.user)
    wanted = request.query_params.get("account")
    if wanted is not None:
        key = as_uuid(wanted)
        found: Account | None = rows.filter(uuid=key).first() if key else None
    else:
        only = list(rows[:2])
        if len(only) > 1:
            raise InvalidPayload("You have several accounts; name one: ?account=…")
        found = only[0] if only else None
    if found is None:
        raise NotAllowed("You do not work for this account.")
    return found


def _person(request: Request) -> User:
    """Who makes the request; raises `NotAllowed` where that is nobody."""
    if not isinstance(request.user, User):
        raise NotAllowed("Nobody is signed in.")
    return request.user


def _owns(user: User, account: Account) -> bool:
    own = user.memberships.filter(account=account, role=Membership.Role.OWNER)
    return user.is_superuser or own.exists()
