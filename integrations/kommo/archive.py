"""The widget as Kommo takes it: an archive with the address of one channel in it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings

if TYPE_CHECKING:
    from integrations.models import Channel

FOLDER: Final = Path(__file__).parent / "widget"
#: The documented address; it finds the channel by the signature of a call.
SHARED_PATH: Final = "/api/kommo/chat/webhook"
_PLACE: Final = "__ADDRESS__"
#: Every file with the same time, so that the same archive has the same bytes.
_TIME: Final = (2026, 1, 1, 0, 0, 0)


def build(channel: Channel) -> bytes:
    """The archive for one channel."""
    address = f"{settings.PUBLIC_URL}{channel.webhook_path}"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(FOLDER.rglob("*")):
            if path.is_file():
                name = path.relative_to(FOLDER).as_posix()
                info = zipfile.ZipInfo(name, _TIME)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, _content(name, address))
    return packed.getvalue()


def shared(name: str) -> bytes:
    """A file of the widget that is not of one channel."""
    return _content(name, f"{settings.PUBLIC_URL}{SHARED_PATH}")


def _content(name: str, address: str) -> bytes:
    content = (FOLDER / name).read_bytes()
    if name == "script.js":
        return content.replace(_PLACE.encode(), address.encode())
    if name == "manifest.json":
        manifest = json.loads(content)
        block = manifest["salesbot_designer"]["ask_assistant"]["settings"]
        block["address"]["default_value"] = address
        manifest["widget"]["support"]["link"] = settings.PUBLIC_URL
        return json.dumps(manifest, indent=2, ensure_ascii=False).encode()
    return content
