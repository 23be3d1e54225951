"""What the machine is, and who used its processors during a row."""

from __future__ import annotations

import os
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")
#: Cores that others may use during a round before it is repeated.
QUIET = 0.3
_PACKAGES = ("django", "celery", "uvicorn", "uvloop", "psycopg", "fastapi", "openai")


def facts() -> dict[str, Any]:
    """The machine and the versions, as they stand beside the figures."""
    cpu = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    models = [
        line.split(":")[1].strip() for line in cpu.splitlines() if "model name" in line
    ]
    memory = int(Path("/proc/meminfo").read_text(encoding="utf-8").split()[1])
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": models[0] if models else platform.machine(),
        "memory_gib": round(memory / 2**20, 1),
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
    }


class Process:
    """A row of the process table."""

    def __init__(self, pid: int) -> None:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        fields = stat[stat.rindex(")") + 2 :].split()
        self.pid = pid
        self.parent = int(fields[1])
        #: Seconds of processor time, own and of children that have ended.
        self.cpu_s = sum(int(each) for each in fields[11:15]) / _TICKS


def processes() -> dict[int, Process]:
    """All processes, by pid."""
    found = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                found[int(path.name)] = Process(int(path.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def tree(root: int, table: dict[int, Process]) -> set[int]:
    """A process and all that descend from it."""
    found = {root}
    while True:
        more = {pid for pid, row in table.items() if row.parent in found} - found
        if not more:
            return found
        found |= more


def backends(database: str, table: dict[int, Process]) -> set[int]:
    """The PostgreSQL server's processes that serve this database, if it is local."""
    found = set()
    for pid in table:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if words[:1] == [b"postgres:"] and database.encode() in words:
            found.add(pid)
    return found


def memory_mb(pid: int, field: str = "VmRSS") -> float:
    """Resident memory of a process; `VmHWM` gives the most it ever had."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0


class Meter:
    """Processor time from `start` to `stop`: of one service, its database, and others."""

    def __init__(self, root: int | None = None, database: str = "") -> None:
        self._root = root
        self._database = database
        self._start = self._read()

    def _read(self) -> dict[str, float]:
        table = processes()
        own = tree(os.getpid(), table)
        servers = backends("answerdesk_bench", table) | (
            backends(self._database, table) if self._database else set()
        )
        service = tree(self._root, table) if self._root else set()

        def total(pids: set[int]) -> float:
            return sum(table[pid].cpu_s for pid in pids if pid in table)

        words = Path("/proc/stat").read_text(encoding="utf-8").split("\n")[0].split()
        ticks = [int(each) for each in words[1:9]]
        busy = sum(ticks) - ticks[3] - ticks[4]
        return {
            "time": time.monotonic(),
            "busy": busy / _TICKS,
            "ours": total(own | servers),
            "service": total(service),
            "database": total(servers),
        }

    def stop(self) -> dict[str, float]:
        """Seconds of the service and its database, and the cores that others used."""
        end = self._read()
        spent = {name: end[name] - self._start[name] for name in end}
        return {
            "service_s": spent["service"],
            "database_s": spent["database"],
            "foreign": max(0.0, (spent["busy"] - spent["ours"]) / spent["time"]),
        }
