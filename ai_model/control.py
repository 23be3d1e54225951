"""What an operator does to assistants: switch, look, test, count."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from accounts.models import Account
from ai_model import pricing, providers, spending, usage
from ai_model.metering import Call, Meter
from ai_model.models import Assistant
from ai_model.models.spending import amount_text
from ai_model.providers.base import Finish, Passage, Request, Utterance
from conversations.models import Conversation
from core import http
from core.exceptions import ProviderError, TemporaryProviderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ai_model.providers.base import Provider
    from ai_model.spending import Standing

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
        "spending": ", ".join(map(_spending_text, spending.standings_of(assistant))),
        "channels": account.channels.filter(is_active=True).count(),
        "waiting": Conversation.objects.for_account(account).waiting().count(),
    }


def _spending_text(standing: Standing) -> str:
    """As in `0.42 of 5 cost a day: ok`."""
    return (
        f"{amount_text(standing.spent)} of {amount_text(standing.limit)}"
        f" {standing.unit} a {standing.period}: {standing.state}"
    )


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


def unpriced(assistant: Assistant) -> list[tuple[str, str]]:
    """Models that no limit in money stops, where there is one: they have no price."""
    if not any(unit == "cost" for _period, unit in assistant.spending_limits):
        return []
    usable = providers.usable(assistant.chain)
    asked = [(each.key, model_of(assistant, each)) for each in usable]
    return [each for each in asked if pricing.rate(*each) is None]


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
    """Ask each of them something small, all at once; one attempt each.

    Each call counts for an account that uses the model, else for the first one. It is
    made also where a spending limit is reached: an operator wants to know.
    """
    meters = [Meter(key) for key in _payers(models)]

    async def run() -> list[Trial]:
        trials = (
            _try(*each, meter) for each, meter in zip(models, meters, strict=True)
        )
        try:
            return await asyncio.gather(*trials)
        finally:
            await providers.aclose()

    # On the loop it would count as their time.
    providers.prepare()
    try:
        return http.run(run())
    finally:
        usage.settle(each for each in meters if each.account_id)


def _payers(models: Sequence[tuple[Provider, str]]) -> list[int]:
    """For each model the account that its trial counts for; 0: there is no account."""
    first = Account.objects.order_by("name").values_list("pk", flat=True).first() or 0
    found: dict[tuple[str, str], int] = {}
    for assistant in Assistant.objects.order_by("account__name").iterator():
        for each in providers.usable(assistant.chain):
            name = each.key, model_of(assistant, each)
            found.setdefault(name, assistant.account_id)
    return [found.get((provider.key, model), first) for provider, model in models]


async def _try(provider: Provider, model: str, meter: Meter) -> Trial:
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
        meter.count(Call(provider.key, model, has_failed=True))
        return _failed(provider, model, exc, _ms_since(started))
    latency_ms, tokens = _ms_since(started), (done.tokens_in, done.tokens_out)
    meter.count(Call(provider.key, done.model, model, *tokens, latency_ms))
    has_text = done.finish in (Finish.STOP, Finish.LENGTH)
    return Trial(
        provider.key,
        done.model or model,
        works=has_text,
        latency_ms=latency_ms,
        tokens=sum(tokens),
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
