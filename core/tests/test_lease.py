"""A worker is alive exactly as long as it shows a sign of life."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from core import lease, store


@pytest.fixture
def held(transactional_db: None) -> Any:
    sign = lease.Lease()
    sign.hold()
    yield sign
    sign.release()


def test_a_held_lease_is_alive_and_a_released_one_dead(held: lease.Lease) -> None:
    worker = held.worker

    assert worker in lease.alive()
    assert lease.dead([worker, 424242]) == {424242}
    held.release()
    assert lease.dead([worker]) == {worker}


def test_holding_again_keeps_the_number(held: lease.Lease) -> None:
    before = held.worker

    assert held.hold() == before


def test_two_workers_have_two_numbers(held: lease.Lease) -> None:
    other = lease.Lease()

    other.hold()

    assert lease.alive() >= {held.worker, other.worker}
    assert held.worker != other.worker
    other.release()
    assert held.worker in lease.alive()


def test_asking_for_nobody_asks_nothing(
    db: None, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert lease.dead([]) == set()


def test_looking_never_takes_a_lease_that_is_just_being_made(
    transactional_db: None,
) -> None:
    """Others look twice a second; a lease must not fall to somebody who looks."""
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            lease.alive()
        connection.close()

    watcher = threading.Thread(target=look)
    watcher.start()
    lost = []
    try:
        for _ in range(150):
            sign = lease.Lease()
            worker = sign.hold()
            if lease.dead([worker]):
                lost.append(worker)
            sign.release()
    finally:
        stop.set()
        watcher.join()

    assert lost == []


def test_a_lost_session_gets_a_new_number(held: lease.Lease) -> None:
    if not store.is_postgresql():
        pytest.skip("a file's lock goes only with its process")
    before = held.worker
    session = held._session
    assert session is not None
    store.fetch("SELECT pg_terminate_backend(%s)", [session.info.backend_pid])

    after = held.hold()

    assert after != before
    assert before not in lease.alive()
    assert after in lease.alive()


KILLED = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


def test_a_killed_process_is_dead_at_once(
    transactional_db: None, settings: Any
) -> None:
    if store.is_postgresql():
        pytest.skip("there a session is the sign; see the lost session")
    lease.alive()  # makes the folder
    path = Path(settings.DATA_DIR) / "workers" / "777.lock"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    assert 777 in lease.alive()

    process.kill()
    process.wait()
    process.stdout.close()

    assert 777 not in lease.alive()
    assert not path.exists()
