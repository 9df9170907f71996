"""What is kept of the network outlives what ends processes, and goes by rules."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from tests.servers.running import serving_files

from obriy import settings as obriy_settings
from obriy.errors import OutputError, RemoteError
from obriy.net import cache, mirror, remote
from obriy.net.client import client, drop_client
from obriy.net.mirror import About
from obriy.net.spans import Spans, together
from terminal import obriy

SIZE = 3_000_000
EDGE = 4096
"""Bytes that are fetched beside what is asked for; the systems that tests run on have this size."""
BYTES = np.random.default_rng(1).bytes(SIZE)


def about(name, size=SIZE, made=0.0):
    return About(f"http://h/{name}", size, "", "", made)


@pytest.fixture(autouse=True)
def told(monkeypatch, tmp_path):
    """Set settings as the environment does, for a process that begins."""

    def put(**settings):
        usual = {"cache": tmp_path / "cache", "net_wait_s": 0, "net_tries": 2}
        for name, value in (usual | settings).items():
            monkeypatch.setenv(f"OBRIY_{name.upper()}", str(value))
        begin()

    put()
    yield put
    monkeypatch.undo()
    begin()


def begin():
    obriy_settings.settings.cache_clear()
    drop_client()
    remote.let_go()
    cache._Anew.since = 0.0


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "data.tif").write_bytes(BYTES)
    with serving_files(folder) as server:
        server.file = folder / "data.tif"
        server.at = f"{server.url}/data.tif"
        yield server


def test_spans_say_what_lacks():
    spans = Spans([(10, 20), (30, 40), (20, 25)])
    assert list(spans) == [(10, 25), (30, 40)]
    assert spans.lacking((0, 50)) == [(0, 10), (25, 30), (40, 50)]
    assert spans.lacking((12, 24)) == []
    assert spans.lacking((40, 41)) == [(40, 41)]
    spans.remove((12, 33))
    assert list(spans) == [(10, 12), (33, 40)]
    assert spans.total == 9


def test_spans_agree_with_a_mask_of_bytes():
    rng = np.random.default_rng(2)
    spans, there = Spans(), np.zeros(200, bool)
    for _ in range(300):
        start, stop = sorted(int(n) for n in rng.integers(0, 200, 2))
        if rng.random() < 0.6:
            spans.add((start, stop))
            there[start:stop] = True
        else:
            spans.remove((start, stop))
            there[start:stop] = False
        lacking = np.zeros(200, bool)
        for a, b in spans.lacking((0, 200)):
            lacking[a:b] = True
        assert (lacking == ~there).all()
        if rng.random() < 0.1:
            spans, there = Spans(), np.zeros(200, bool)


def test_neighbours_are_asked_for_together_and_long_spans_in_parts():
    assert together([(0, 10), (20, 30), (100_000, 100_010)]) == [(0, 30), (100_000, 100_010)]
    parts = together([(0, 20_000_000)])
    assert len(parts) == 3
    assert parts[0][0] == 0
    assert parts[-1][1] == 20_000_000


def test_several_threads_fetch_each_byte_once(server):
    file = remote.remote_file(server.at)
    spans = [(n * 50_000, n * 50_000 + 80_000) for n in range(40)]
    threads = [threading.Thread(target=file.need, args=(spans[n % 7 :],)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert file.path.read_bytes()[: spans[-1][1]] == BYTES[: spans[-1][1]]
    assert client().traffic.received == spans[-1][1] + EDGE


SLOWLY = """
import sys, time
from obriy.net.remote import remote_file
file = remote_file(sys.argv[1])
for n in range(1, 60):
    file.need([(n * 50_000, (n + 1) * 50_000)])
    print(n, flush=True)
    time.sleep(0.005)
"""


def test_a_process_that_was_killed_leaves_what_it_read(server):
    process = subprocess.Popen(
        [sys.executable, "-c", SLOWLY, server.at], stdout=subprocess.PIPE, text=True
    )
    read = [process.stdout.readline() for _ in range(12)]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    file = remote.remote_file(server.at)
    file.need([(0, SIZE)])
    assert read[-1] == "12\n"
    assert file.path.read_bytes() == BYTES
    assert client().traffic.received <= SIZE - 12 * 50_000


def test_two_processes_read_one_file(server):
    begun = [subprocess.Popen([sys.executable, "-c", SLOWLY, server.at], stdout=subprocess.DEVNULL)
             for _ in range(2)]  # fmt: skip
    assert [process.wait() for process in begun] == [0, 0]
    file = remote.remote_file(server.at)
    assert file.read(50_000, SIZE) == BYTES[50_000:]
    assert client().traffic.requests == 0


def test_a_line_that_was_cut_and_bytes_that_were_lost_are_fetched_again(server):
    file = remote.remote_file(server.at)
    file.need([(100_000, 200_000), (500_000, 600_000)])
    path = file.path
    with path.open("r+b") as stream:  # a disk that lost power
        stream.seek(150_000)
        stream.write(bytes(4096))
    with (path.parent / "spans").open("ab") as journal:
        journal.write(b"700000 8")
    del file
    begin()
    file = remote.remote_file(server.at)
    file.need([(100_000, 200_000), (500_000, 600_000), (700_000, 800_000)])
    lost, new = 100_000 + 2 * EDGE, 100_000 + 2 * EDGE
    assert client().traffic.received == lost + new
    for span in [(100_000, 200_000), (500_000, 600_000), (700_000, 800_000)]:
        assert file.read(*span) == BYTES[slice(*span)]


def test_a_file_that_changed_is_an_error_and_read_anew_by_the_next_run(server):
    file = remote.remote_file(server.at)
    file.need([(0, 100_000)])
    later = BYTES[::-1]
    server.file.write_bytes(later)
    os.utime(server.file, (1, 1))
    with pytest.raises(RemoteError, match="changed while it was read"):
        file.need([(200_000, 300_000)])
    begin()
    assert remote.remote_file(server.at).read(0, SIZE) == later


@pytest.mark.parametrize("harm", [lambda file: file.unlink(), lambda file: os.truncate(file, 9)])
def test_a_mirror_that_lost_its_file_is_made_anew(server, harm):
    file = remote.remote_file(server.at)
    file.need([(0, 100_000)])
    harm(file.path)
    del file
    begin()
    assert remote.remote_file(server.at).read(0, 50_000) == BYTES[:50_000]


def test_what_is_refreshed_is_fetched_again(server):
    remote.remote_file(server.at).need([(0, 100_000)])
    begin()
    cache.read_anew()
    for _ in range(2):
        remote.remote_file(server.at).need([(0, 100_000)])
    assert client().traffic.received == 100_000 + EDGE


def test_the_longest_unused_goes_first_and_what_is_used_stays(told):
    told(cache_gb=0.003)
    names = ["used", "old", "older", "new"]
    held = None
    for age, name in zip([300, 200, 250, 0], names, strict=True):
        made = mirror.make(about(name))
        made.write(0, BYTES[:1_000_000])
        os.utime(made.folder, (time.time() - age,) * 2)
        held = made if name == "used" else held
        del made
    cache.trim()
    there = [name for name in names if mirror.find(f"http://h/{name}") is not None]
    assert held is not None
    assert there == ["used", "new"]


WRITES = """
import sys
from obriy.net import mirror
about = mirror.About(f"http://h/{sys.argv[1]}", 1_000_000, "", "", 0.0)
mirror.make(about).write(0, bytes(1_000_000))
"""


def test_many_short_runs_stay_within_the_cap(told):
    told(cache_gb=0.0015)
    for number in range(3):
        subprocess.run([sys.executable, "-c", WRITES, str(number)], check=True)
    assert sum(kept.size for kept in cache.entries()) < 1.5e6


def test_what_a_killed_process_left_half_made_goes_after_a_day(told):
    kept = mirror.make(about("x"))
    old, new = (kept.folder.with_name(f".{name}") for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (time.time() - 100_000,) * 2)
    cache.trim()
    assert (old.exists(), new.exists(), kept.folder.exists()) == (False, True, True)


def test_what_is_open_survives_the_end_of_its_entry(server):
    """Another process may let go of it after all: what is open goes on with its own."""
    file = remote.remote_file(server.at)
    with file.path.open("rb") as stream:
        assert cache.clear() == (0, 1)
        file.need([(0, 100_000)])
        assert stream.read(100_000) == BYTES[:100_000]


def test_what_another_run_refreshes_is_an_error_and_no_other_file(server):
    file = remote.remote_file(server.at)
    file.need([(0, 100_000)])
    cache.discard(file.path.parent)
    other = remote.RemoteFile(server.at, None)
    assert other.path != file.path
    with pytest.raises(RemoteError, match="let go of by another run"):
        file.need([(200_000, 300_000)])


def test_documents_are_kept(told):
    assert cache.load("answers", "a") is None
    cache.save("answers", "a", b"one")
    cache.save("answers", "a", b"two")
    assert cache.load("answers", "a") == b"two"
    assert [kept.folder.parents[1].name for kept in cache.entries()] == ["answers"]
    cache.read_anew()
    assert cache.load("answers", "a") is None
    cache.save("answers", "a", b"three")
    assert cache.load("answers", "a") == b"three"
    cache.clear()
    assert cache.load("answers", "a") is None


def test_a_cache_that_cannot_be_written_says_what_to_set(told, tmp_path):
    (tmp_path / "file").write_text("no folder")
    told(cache=tmp_path / "file")
    with pytest.raises(OutputError, match="OBRIY_CACHE"):
        mirror.make(about("x"))


def test_the_command_shows_and_clears(told, tmp_path):
    assert "nothing is kept" in obriy("cache").stdout
    made = mirror.make(about("x"))
    made.write(0, BYTES[:2_000_000])
    shown = obriy("cache").stdout
    assert str(tmp_path / "cache") in shown
    assert shown.split("\n")[1].split() == ["files", "1", "2.0", "MB"]
    assert "1 in use stay" in obriy("cache", "--clear").stdout
    del made
    assert "2.0 MB freed" in obriy("cache", "--clear").stdout
    assert "nothing is kept" in obriy("cache").stdout


def test_the_record_of_a_mirror_has_no_signature(told):
    made = mirror.make(about("x"))
    assert json.loads((made.folder / "about.json").read_text())["href"] == "http://h/x"
