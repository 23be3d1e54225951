"""What an operator does to assistants: switch, look, test, count."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from ai_model import providers
from ai_model.models import Assistant
from ai_model.providers.base import Finish, Passage, Request, Utterance
from conversations.models import Conversation
from core import http
from core.exceptions import ProviderError, TemporaryProviderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from accounts.models import Account
    from ai_model.providers.base import Provider

#: Seconds that a provider has to answer the test.
TIMEOUT_S: Final = 20.0
_QUESTION: Final = "Reply with the word OK."
#: Codes by which providers say that there is no more money or quota.
_USED_UP: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


@dataclass(frozen=True, slots=True)
class Trial:
    """What one provider made of the test question."""

    provider: str
    model: str
    works: bool
    latency_ms: int
    tokens: int
    #: `ok`, `limited`, `used_up`, or `unknown` where it did not get so far.
    quota: str
    #: The provider's words, or nothing.
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return asdict(self)


def assistant_of(account: Account) -> Assistant:
    """The account's assistant, or one with the default settings."""
    found = Assistant.objects.filter(account=account).first()
    return found or Assistant(account=account)


@transaction.atomic
def switch(accounts: Iterable[Account], *, is_on: bool) -> list[Account]:
    """Let assistants answer by themselves, or not; returns those that changed.

    Switched on, none takes a conversation back from people.
    """
    changed = []
    for account in accounts:
        assistant = assistant_of(account)
        if assistant.auto_response != is_on:
            assistant.auto_response = is_on
            assistant.save()
            changed.append(account)
    return changed


def status_of(account: Account) -> dict[str, Any]:
    """Whether and with what the account's assistant answers."""
    assistant = assistant_of(account)
    usable = providers.usable(assistant.chain)
    return {
        "account": account.name,
        "answers": assistant.auto_response,
        "open": assistant.is_open(timezone.now()),
        "providers": [each.key for each in usable],
        "model": model_of(assistant, usable[0]) if usable else "",
        "threshold": assistant.effective_threshold,
        "channels": account.channels.filter(is_active=True).count(),
        "waiting": Conversation.objects.for_account(account).waiting().count(),
    }


def breakdown(account: Account) -> dict[str, Any]:
    """How many conversations of the account are in which state."""
    status = Conversation.Status
    rows = Conversation.objects.for_account(account).order_by()
    return {
        "account": account.name,
        **rows.aggregate(
            **{each.value: Count("pk", filter=Q(status=each)) for each in status},
            needs_person=Count("pk", filter=Q(needs_person=True)),
            waiting=Count("pk", filter=Q(due_at__isnull=False)),
            total=Count("pk"),
        ),
    }


def model_of(assistant: Assistant, provider: Provider) -> str:
    """The model that this assistant asks of a provider; empty: it has none."""
    return assistant.model_names.get(provider.key) or provider.default_model()


def models_in_use(accounts: Iterable[Account]) -> list[tuple[Provider, str]]:
    """Each configured provider with each model that is asked of it, defaults included."""
    found = {
        (each.key, each.default_model()): each
        for each in providers.usable(providers.REGISTRY)
    }
    for account in accounts:
        assistant = assistant_of(account)
        for each in providers.usable(assistant.chain):
            found[each.key, model_of(assistant, each)] = each
    return [(each, model) for (_, model), each in sorted(found.items(), key=_by_name)]


def _by_name(item: tuple[tuple[str, str], Provider]) -> tuple[str, str]:
    return item[0]


def try_models(models: Sequence[tuple[Provider, str]]) -> list[Trial]:
    """Ask each of them something small, all at once; one attempt each."""

    async def run() -> list[Trial]:
        try:
            return await asyncio.gather(*(_try(*each) for each in models))
        finally:
            await providers.aclose()

    # On the loop it would count as their time.
    providers.prepare()
    return http.run(run())


async def _try(provider: Provider, model: str) -> Trial:
    request = Request(
        question=_QUESTION,
        # The local answerer has nothing but these.
        passages=(Passage(1, "Test", "The word is OK."),),
        system="You are being tested.",
        utterances=(Utterance("user", _QUESTION),),
        model=model,
        max_tokens=200,
        timeout_s=TIMEOUT_S,
    )
    started = time.perf_counter()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            done = await provider.complete(request)
    except (ProviderError, TimeoutError) as exc:
        return _failed(provider, model, exc, _ms_since(started))
    has_text = done.finish in (Finish.STOP, Finish.LENGTH)
    return Trial(
        provider.key,
        done.model or model,
        works=has_text,
        latency_ms=_ms_since(started),
        tokens=done.tokens_in + done.tokens_out,
        quota="ok",
        error="" if has_text else f"no text came ({done.finish})",
    )


def _failed(provider: Provider, model: str, exc: Exception, ms: int) -> Trial:
    quota, said = "unknown", str(exc) or f"no answer within {TIMEOUT_S:.0f} s"
    if isinstance(exc, ProviderError):
        said += f" ({exc.code})"
        if exc.code in _USED_UP:
            quota = "used_up"
        elif isinstance(exc, TemporaryProviderError) and exc.status == 429:
            quota = "limited"
            if exc.retry_after:
                said += f"; try again in {exc.retry_after:.0f} s"
    return Trial(
        provider.key,
        model,
        works=False,
        latency_ms=ms,
        tokens=0,
        quota=quota,
        error=said,
    )


def _ms_since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
