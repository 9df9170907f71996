"""One process at a time works in a run folder; a lock that is nobody's is taken over."""

import dataclasses
import json
import os
import subprocess
import sys
import threading
import time

import pytest

from obriy.errors import OutputError
from obriy.runs.folder import RunFolder
from obriy.runs.lock import BEAT_S, STALE_S, Holder, lock_folder
from terminal import HANG_S

OTHER = "import sys; sys.stdin.read()"


@pytest.fixture
def other_process():
    """A process that lives until the test ends."""
    with subprocess.Popen([sys.executable, "-c", OTHER], stdin=subprocess.PIPE) as process:
        yield process
        process.stdin.close()


def lock_of(folder, age=0.0, **facts):
    """Write a lock as another process would, touched some seconds ago."""
    holder = dataclasses.replace(
        Holder.this_process(), token="other", command="obriy water a.tif", **facts
    )
    file = folder / ".lock"
    file.write_text(json.dumps(dataclasses.asdict(holder)))
    now = file.stat().st_mtime
    os.utime(file, (now - age, now - age))
    return file


def born(process):
    import psutil

    return psutil.Process(process.pid).create_time()


def test_a_second_run_is_told_who_works_there(tmp_path, other_process):
    lock_of(tmp_path, pid=other_process.pid, born=born(other_process))
    with pytest.raises(OutputError) as caught, lock_folder(tmp_path):
        pass
    said = str(caught.value)
    for words in (f"process {other_process.pid}", "obriy water a.tif", "since", " min)", "host"):
        assert words in said
    assert "--out" in caught.value.hint
    assert (tmp_path / ".lock").exists()


def test_two_threads_of_one_process_shut_each_other_out(tmp_path):
    said = []

    def second():
        try:
            with RunFolder(tmp_path, {"job": "water"}):
                pass
        except OutputError as error:
            said.append(error.message)

    with RunFolder(tmp_path, {"job": "water"}):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert "Another run works in" in said[0]
    with RunFolder(tmp_path, {"job": "water"}):
        pass


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, check=True)  # fmt: skip
    lock_of(tmp_path, pid=int(dead.stdout))
    with lock_folder(tmp_path):
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
    assert not list(tmp_path.iterdir())


def test_the_number_of_a_dead_process_may_be_used_again(tmp_path, other_process):
    lock_of(tmp_path, pid=other_process.pid, born=born(other_process) - 1000)
    with lock_folder(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("facts", [{"host": "elsewhere"}, {"processes": "pid:[1]"}])
def test_of_another_machine_only_a_silent_lock_is_nobodys(tmp_path, facts):
    lock_of(tmp_path, age=2 * BEAT_S, pid=2**22 + 1, **facts)
    with pytest.raises(OutputError, match="Another run"), lock_folder(tmp_path):
        pass
    lock_of(tmp_path, age=STALE_S + 60, pid=2**22 + 1, **facts)
    with lock_folder(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"pid": 1}', "\x00" * 40])
def test_a_lock_that_says_nothing_for_long_is_nobodys(tmp_path, text):
    (tmp_path / ".lock").write_text(text)
    age = time.time() - 60  # one that is fresh is still being written
    os.utime(tmp_path / ".lock", (age, age))
    with lock_folder(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("attempt", range(20))  # a race is not lost every time
def test_of_many_that_want_a_stale_lock_one_gets_it(tmp_path, attempt, often_switched):
    lock_of(tmp_path, age=STALE_S + 60, host="elsewhere")
    got, start = [], threading.Barrier(8)
    done = threading.Event()

    def answer(mine):
        got.append(mine)
        if len(got) == 8:
            done.set()

    def want():
        start.wait()
        try:
            with lock_folder(tmp_path):
                answer(True)
                done.wait(HANG_S)  # nobody gives it back before all have had their answer
        except OutputError:
            answer(False)

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got.count(True) == 1
    assert not list(tmp_path.iterdir())


@pytest.fixture
def often_switched():
    """Let threads take turns as often as can be, so that a race shows."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def test_a_run_that_was_taken_over_notices(tmp_path, monkeypatch):
    monkeypatch.setattr("obriy.runs.lock.BEAT_S", 0.01)
    with lock_folder(tmp_path) as lock:
        lock_of(tmp_path, host="elsewhere")
        for thread in threading.enumerate():
            if thread.name == "obriy-lock":
                thread.join(HANG_S)
        with pytest.raises(OutputError, match="has taken"):
            lock.check()
    assert (tmp_path / ".lock").exists()  # the other one's


def test_a_holder_shows_that_it_lives(tmp_path, monkeypatch):
    monkeypatch.setattr("obriy.runs.lock.BEAT_S", 0.01)
    with lock_folder(tmp_path):
        lock = tmp_path / ".lock"
        os.utime(lock, (0, 0))
        deadline = time.monotonic() + HANG_S
        while lock.stat().st_mtime == 0:
            assert time.monotonic() < deadline, "it hangs"
            time.sleep(0.01)
