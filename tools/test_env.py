"""The environment of tests, as a pytest plugin: loaded before anybody reads settings.

Tests bring their own keys and see nobody's `.env`.
"""

from __future__ import annotations

import os

from core import keys

os.environ["READ_DOT_ENV"] = "off"
# Who tests with vectors says so; the others need not wait for them.
os.environ["EMBEDDINGS"] = "off"
# As is what one person may ask in an hour.
os.environ["CHAT_RATE_LIMIT"] = os.environ["API_RATE_LIMIT"] = "off"
for _name, _value in keys.generate().items():
    os.environ.setdefault(_name, _value)
for _name in ("GEMINI_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "DEMO"):
    os.environ.pop(_name, None)
