"""The pages that people see: the chat, and the live desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.authentication import is_member
from accounts.models import Membership, User
from conversations import demo, learning, services
from conversations import desk as reading
from conversations.api import UnknownChannel
from conversations.models import Portrait
from conversations.panel import panel_context
from core.exceptions import AppError

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.contrib.auth.models import AnonymousUser

    from conversations.models import Conversation, Delivery


@login_not_required
@never_cache
@require_safe
def chat(request: HttpRequest) -> HttpResponse:
    """The chat page of the default channel; with the agent console for who may act."""
    try:
        channel = demo.default_channel()
    except UnknownChannel:
        return render(request, "conversations/no_channel.html", status=404)
    can_act = demo.is_open_demo(channel) or is_member(
        _user(request.user), channel.account
    )
    context = {**panel_context(channel), "can_act": can_act}
    return render(request, "conversations/chat.html", context)


@never_cache
@require_safe
def desk(request: HttpRequest, conversation: uuid.UUID | None = None) -> HttpResponse:
    """The live desk: the list, and one conversation where the address names it."""
    user = _person(request)
    tab = reading.filter_of(request.GET.get("filter", ""))
    # First the numbers, then the rows: what changes in between is read twice.
    cursors = reading.cursors(user)
    context: dict[str, Any] = {
        "tab": tab,
        "tabs": list(reading.Filter),
        "cursors": cursors,
        "has_accounts": cursors is None or len(cursors) > 1,
        "page": reading.page(user, tab, request.GET.get("before", "")),
    }
    if conversation is not None:
        row = _find(user, conversation)
        context |= {"conversation": row, "thread": reading.thread(user, row)}
    return render(request, "conversations/desk.html", context)


@never_cache
@require_safe
def desk_rows(request: HttpRequest) -> HttpResponse:
    """A part of the list: `?filter=&before=`."""
    user = _person(request)
    tab = reading.filter_of(request.GET.get("filter", ""))
    page = reading.page(user, tab, request.GET.get("before", ""))
    context = {"tab": tab, "page": page, "has_accounts": _has_accounts(user)}
    return render(request, "conversations/_conversation_rows.html", context)


@never_cache
@require_safe
def desk_changes(request: HttpRequest) -> HttpResponse:
    """Rows that changed: `?after=<account>:<number>`, once for each account."""
    user = _person(request)
    tab = reading.filter_of(request.GET.get("filter", ""))
    after = reading.parse_cursors(request.GET.getlist("after"))
    rows = reading.changes(user, after)
    context = {
        "tab": tab,
        "rows": [(row, tab.lists(row)) for row in rows],
        "is_complete": len(rows) < reading.CHANGES,
        "has_accounts": len(after) > 1,
    }
    return render(request, "conversations/_conversation_changes.html", context)


@never_cache
@require_safe
def desk_thread(request: HttpRequest, conversation: uuid.UUID) -> HttpResponse:
    """The open conversation as a part of the page; `?before=` gives older messages."""
    user = _person(request)
    row = _find(user, conversation)
    before = request.GET.get("before", "")
    thread = reading.thread(user, row, before)
    template = "_messages.html" if before else "_thread.html"
    context = {"conversation": row, "thread": thread}
    return render(request, f"conversations/{template}", context)


@require_POST
def take_over(request: HttpRequest, conversation: uuid.UUID) -> HttpResponse:
    """The person answers from now on."""
    return _act(
        request,
        conversation,
        lambda row, user: services.hand_off(
            conversation=row, reason="taken_over", user=user
        ),
    )


@require_POST
def hand_back(request: HttpRequest, conversation: uuid.UUID) -> HttpResponse:
    """The assistant answers again."""
    return _act(
        request,
        conversation,
        lambda row, _: services.hand_back(conversation=row, reason="handed_back"),
    )


@require_POST
def close(request: HttpRequest, conversation: uuid.UUID) -> HttpResponse:
    """Nobody answers until the contact writes again."""
    return _act(
        request,
        conversation,
        lambda row, _: services.close(conversation=row, reason="closed_by_person"),
    )


@require_POST
def reply(request: HttpRequest, conversation: uuid.UUID) -> HttpResponse:
    """Send what the person wrote; whoever writes takes over."""
    text = request.POST.get("text", "")
    return _act(
        request,
        conversation,
        lambda row, user: services.reply(conversation=row, user=user, text=text),
    )


@require_POST
def retry_delivery(
    request: HttpRequest, conversation: uuid.UUID, delivery: uuid.UUID
) -> HttpResponse:
    """Send a part that failed once more."""

    def send_again(row: Conversation, _: User) -> Delivery:
        found = get_object_or_404(row.deliveries, uuid=delivery)
        return services.retry_delivery(delivery=found)

    return _act(request, conversation, send_again)


@require_POST
def send_as_template(
    request: HttpRequest, conversation: uuid.UUID, message: uuid.UUID
) -> HttpResponse:
    """Say a reply that came too late in the owner's template."""

    def send(row: Conversation, user: User) -> object:
        late = get_object_or_404(row.messages, uuid=message)
        return services.send_as_template(message=late, user=user)

    return _act(request, conversation, send)


@require_POST
def link_reply(
    request: HttpRequest, conversation: uuid.UUID, message: uuid.UUID
) -> HttpResponse:
    """Say which entry answers what a person has replied to."""

    def link(row: Conversation, _: User) -> object:
        return learning.link(
            reply=get_object_or_404(row.messages, uuid=message),
            entry=learning.find_entry(row.account, request.POST.get("entry", "")),
            question=request.POST.get("question", ""),
        )

    return _act(request, conversation, link)


@require_safe
def portrait(request: HttpRequest, contact: uuid.UUID) -> HttpResponse:
    """A customer's picture; to a browser it is nothing but that."""
    rows = Portrait.objects.for_user(_person(request))
    found = get_object_or_404(rows, contact__uuid=contact)
    headers = {
        "Cache-Control": "private, max-age=3600",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(
        bytes(found.image), content_type=found.content_type, headers=headers
    )


@never_cache
@require_safe
def entry_titles(request: HttpRequest, conversation: uuid.UUID) -> HttpResponse:
    """Titles of entries as somebody types them: `?q=`."""
    row = _find(_person(request), conversation)
    titles = learning.suggest_titles(row.account, request.GET.get("q", ""))
    return render(request, "conversations/_entry_titles.html", {"titles": titles})


@require_POST
def mark_read(request: HttpRequest, conversation: uuid.UUID) -> HttpResponse:
    """The person has seen what was said so far."""
    services.mark_read(conversation=_find(_person(request), conversation))
    return HttpResponse(status=204)


def _act(
    request: HttpRequest,
    name: uuid.UUID,
    action: Callable[[Conversation, User], object],
) -> HttpResponse:
    """Do something in a conversation, then show it; a refusal is shown as text."""
    user = _person(request)
    row = _find(user, name)
    try:
        action(row, user)
    except AppError as exc:
        return HttpResponse(
            str(exc), status=exc.status_code, content_type="text/plain; charset=utf-8"
        )
    if "X-Partial" in request.headers:
        row = _find(user, name)
        context = {"conversation": row, "thread": reading.thread(user, row)}
        return render(request, "conversations/_thread.html", context)
    return redirect("desk-conversation", conversation=name)


def _find(user: User, name: uuid.UUID) -> Conversation:
    row = reading.find(user, name)
    if row is None:
        raise Http404
    return row


def _person(request: HttpRequest) -> User:
    """Who is signed in; 404 for somebody who works for no account."""
    user = _user(request.user)
    if user is None or not (user.is_superuser or user.memberships.exists()):
        raise Http404
    return user


def _user(user: User | AnonymousUser) -> User | None:
    return user if isinstance(user, User) else None


def _has_accounts(user: User) -> bool:
    """Whether rows must say which account they belong to."""
    return user.is_superuser or Membership.objects.filter(user=user).count() > 1
