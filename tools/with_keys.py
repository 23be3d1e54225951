"""Run a command with throw-away secrets, for tools that only read the settings."""

from __future__ import annotations

import os
import sys
import tempfile

from core import keys


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            **keys.generate(),
            "DATA_DIR": folder,
            "READ_DOT_ENV": "off",
        }
        status = os.spawnvpe(os.P_WAIT, sys.argv[1], sys.argv[1:], environment)  # noqa: S606 (ours)
    sys.exit(status)


if __name__ == "__main__":
    main()
