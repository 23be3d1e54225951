"""The environment of tests, as a pytest plugin: loaded before anybody reads settings.

Tests bring their own keys and see nobody's `.env`.
"""

from __future__ import annotations

import os

from core import keys

os.environ["READ_DOT_ENV"] = "off"
for _name, _value in keys.generate().items():
    os.environ.setdefault(_name, _value)
for _name in ("GEMINI_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "DEMO"):
    os.environ.pop(_name, None)
