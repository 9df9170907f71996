"""Tasks under way elsewhere: how many, in which order, and what a lost worker costs."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from tests.test_series import config, lake
from tests.test_water_command import write_image

from obriy.workflows.cluster import in_turn
from obriy.workflows.water.job import run_water

DATES = {f"202506{day:02d}": 6 + day for day in range(1, 9)}


def test_no_more_are_begun_than_may_be_under_way():
    begun: dict[int, Future] = {}

    def begin(task):
        begun[task] = Future()
        return begun[task]

    found = in_turn(range(10), begin, most=3)
    asked = threading.Thread(target=lambda: first.append(next(found)))
    first: list = []
    asked.start()
    while len(begun) < 3:
        time.sleep(0.001)
    begun[1].set_result("b")  # one that is done makes room, though the first is not
    while len(begun) < 4:
        time.sleep(0.001)
    begun[0].set_result("a")
    asked.join(60)
    assert (first[0][0], first[0][1].result()) == (0, "a")
    assert sum(not f.done() for f in begun.values()) <= 3


def test_the_order_is_that_of_the_tasks():
    waits = [0.03, 0.0, 0.02, 0.0, 0.01, 0.0]
    with ThreadPoolExecutor(3) as pool:
        done = in_turn(waits, lambda s: pool.submit(lambda: time.sleep(s) or s), most=3)
        assert [(task, future.result()) for task, future in done] == [(w, w) for w in waits]


def test_what_needs_nothing_is_not_waited_for():
    assert list(in_turn("abc", lambda _: None, most=1)) == [("a", None), ("b", None), ("c", None)]
    assert list(in_turn("", lambda _: None, most=1)) == []


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    place = tmp_path_factory.mktemp("season")
    for day, radius in DATES.items():
        write_image(place / f"S2B_{day}.tif", lake(radius))
    return place


def dies_at_a_draft(witness, named):
    """Make this process die the first time that it begins to write a file: within a task."""
    import os
    import pathlib
    import signal
    import sys

    def strike(event, arguments):
        if event == "tempfile.mkdtemp" and named in arguments[0]:
            pathlib.Path(witness).touch()
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(strike)


def test_a_worker_that_is_killed_costs_its_task(season, tmp_path, monkeypatch):
    import dask
    from distributed import Client, LocalCluster

    monkeypatch.setattr("obriy.workflows.cluster.PATIENCE_S", "600s")  # the machine may be busy
    outputs = {"outputs": ["mask"]}
    here = run_water(config(season, tmp_path / "here", **outputs))
    patient = dask.config.set({"distributed.comm.timeouts.connect": "600s"})
    with patient, LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as local:
        with Client(local, set_as_default=False) as client:
            mortal = next(iter(client.scheduler_info()["workers"]))
            client.run(dies_at_a_draft, str(tmp_path / "died"), ".mask.tif.", workers=[mortal])
        job = config(season, tmp_path / "there", scheduler=local.scheduler_address, **outputs)
        there = run_water(job)
    assert (tmp_path / "died").exists()
    assert there.complete
    assert there.result.area_km2 == here.result.area_km2
    for file in (tmp_path / "here").glob("maps/*/*.tif"):
        other = tmp_path / "there" / file.relative_to(tmp_path / "here")
        assert other.read_bytes() == file.read_bytes()
