"""Learned questions over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.response import Response

from accounts.api import AccountView
from core.exceptions import InvalidPayload
from core.paging import page_of
from knowledge.api import entry_of
from knowledge.learning import add_examples
from knowledge.models import Example
from knowledge.question_files import Line, read_questions
from knowledge.serializers import ExampleSerializer, QuestionsSerializer
from knowledge.uploads import FileView, as_path, sent_file

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from rest_framework.request import Request

    from accounts.models import Account, User

#: Kinds of files that can hold questions.
_ENDINGS = (".csv", ".jsonl", ".ndjson", ".tsv")
#: Problems that are told one by one.
_MOST_TOLD = 100


class ExampleList(AccountView):
    """`GET …/entries/{id}/examples/` lists learned questions; `POST` adds some."""

    def get(self, request: Request, entry: uuid.UUID) -> Response:
        rows = entry_of(self, entry).examples.all()
        cursor = request.query_params.get("cursor", "")
        found, following = page_of(rows, limit=200, cursor=cursor)
        examples = ExampleSerializer(found, many=True).data
        return Response({"results": examples, "next": following})

    def post(self, request: Request, entry: uuid.UUID) -> Response:
        name = entry_of(self, entry).public_id
        sent = QuestionsSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        lines = [
            Line(f"questions[{place}]", name, text)
            for place, text in enumerate(sent.validated_data["questions"])
        ]
        return Response(_learn(self.account, lines, self.user))


class ExampleImport(FileView):
    """`POST …/examples/import/`: earlier questions, each with its entry's id."""

    def post(self, request: Request) -> Response:
        name, data = sent_file(request)
        if not name.lower().endswith(_ENDINGS):
            raise InvalidPayload(f"“{name}” is none of: {', '.join(_ENDINGS)}.")
        with as_path(name, data) as path:
            return Response(_learn(self.account, _lines(path, name), self.user))


def _lines(path: Path, name: str) -> Iterator[Line]:
    """The questions of a file, under the name that its sender knows it by."""
    for line in read_questions(path):
        place = f"{name}:{line.where.rpartition(':')[2]}"
        yield Line(place, line.entry_id, line.question, line.why)


def _learn(account: Account, lines: Iterable[Line], author: User) -> dict[str, Any]:
    """Take the questions in, and tell what became of them."""
    problems: list[dict[str, str]] = []
    places: list[str] = []

    def pairs() -> Iterator[tuple[str, str]]:
        for line in lines:
            if line.why:
                problems.append({"where": line.where, "why": line.why})
            else:
                places.append(line.where)
                yield line.entry_id, line.question

    learned = add_examples(
        account=account,
        items=pairs(),
        origin=Example.Origin.IMPORTED,
        status=Example.Status.APPROVED,
        author=author,
    )
    problems += [
        {"where": places[each.place], "why": each.why} for each in learned.problems
    ]
    return {
        "added": learned.added,
        "known": learned.known,
        "failed": len(problems),
        "problems": problems[:_MOST_TOLD],
    }
