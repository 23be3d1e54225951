"""Bodies that are files: sent as a form, or as they are."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, ClassVar, Final

from rest_framework.parsers import BaseParser, MultiPartParser

from accounts.api import AccountView
from core.api import WrongType
from core.exceptions import InvalidPayload
from core.parsers import JSONParser
from knowledge.importing.files import ENDINGS
from knowledge.importing.readers import READERS
from knowledge.sources import MOST_UPLOAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rest_framework.request import Request

#: Bytes of a request with a file: the file, and the form around it.
MOST_BYTES: Final = MOST_UPLOAD + 64 * 1024
#: The ending that a raw body of this type would have as a file.
_ENDINGS: Final = {
    "application/jsonl": ".jsonl",
    "application/jsonlines": ".jsonl",
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/x-ndjson": ".jsonl",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/markdown": ".md",
}


class FileParser(BaseParser):
    """Takes a body that is neither JSON nor a form as a file."""

    media_type = "*/*"

    def parse(
        self, stream: IO[Any], media_type: Any = None, parser_context: Any = None
    ) -> Any:
        """The body under the name that its type gives it; raises `WrongType`."""
        ending = _ENDINGS.get((media_type or "").partition(";")[0].strip().lower())
        if ending is None:
            known = ", ".join(_ENDINGS)
            raise WrongType(f"Send JSON, a form with a file, or one of: {known}.")
        return {"name": f"body{ending}", "data": stream.read()}


class FileView(AccountView):
    """A view that takes a file."""

    parser_classes = (JSONParser, MultiPartParser, FileParser)
    max_bytes: ClassVar[int] = MOST_BYTES


def sent_file(request: Request) -> tuple[str, bytes]:
    """The name and the bytes of the file of a request; raises `InvalidPayload`."""
    sent = request.data
    if not isinstance(sent, dict):
        raise InvalidPayload("Send an object, a form with a file, or a file.")
    if isinstance(sent.get("data"), bytes):
        return str(sent["name"]), sent["data"]
    upload = request.FILES.get("file")
    if upload is None:
        raise InvalidPayload("There is no file; a form has it in the field `file`.")
    return str(upload.name), upload.read()


@contextlib.contextmanager
def as_path(name: str, data: bytes) -> Iterator[Path]:
    """The file on the disk, for as long as it takes; raises `InvalidPayload`."""
    ending = PurePosixPath(name).suffix.lower()
    if ending not in READERS:
        raise InvalidPayload(f"“{name}” is not of a kind that can be read: {ENDINGS}.")
    with tempfile.TemporaryDirectory(prefix="answerdesk-") as folder:
        path = Path(folder, f"file{ending}")
        path.write_bytes(data)
        yield path
