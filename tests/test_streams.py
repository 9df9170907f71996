"""No result is lost to its printing: encodings, full disks, closed streams, readers that left."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from obriy.cli.streams import Stream, forgiving_streams, print_json
from terminal import HANG_S, error_line, obriy, run_python

FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Water on the left, land on the right, 20 x 20 pixels."""
    path = tmp_path_factory.mktemp("image") / "lake.tif"
    wet = np.arange(20) < 8
    bands = [np.where(wet, w, d) * np.ones((20, 1)) for w, d in
             ((800, 900), (700, 1000), (300, 3000), (100, 2500))]  # fmt: skip
    with rasterio.open(
        path, "w", driver="GTiff", width=20, height=20, count=4, dtype="uint16",
        crs="EPSG:32636", transform=Affine(10, 0, 5e5, 0, -10, 5.2e6),
    ) as file:  # fmt: skip
        file.write(np.stack(bands).astype("uint16"))
        file.descriptions = ("green", "red", "nir", "swir16")
    return path


@pytest.fixture(scope="module")
def finished(image, tmp_path_factory):
    """A finished run: printing it again is quick."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    done = obriy("water", image, "--out", folder)
    assert done.returncode == 0, done.stderr
    assert "km²" in done.stdout
    return ["water", image, "--out", folder]


def told_in(encoding, tell):
    """Return what a stream of an encoding takes of what is told, read as that encoding."""
    raw, before = io.BytesIO(), sys.stdout
    sys.stdout = stream = io.TextIOWrapper(raw, encoding=encoding, newline="")
    try:
        with forgiving_streams():
            tell()
        return raw.getvalue().decode(encoding)
    finally:
        sys.stdout = before
        stream.close()


def write(text):
    return lambda: sys.stdout.write(text)


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "5 км² – 3·10⁶ м³, ≥ ґанок ß"),
        ("cp1251", "5 км2 – 3·106 м3, >= ґанок ?"),
        ("cp866", "5 км2 - 3·106 м3, >= ганок ?"),
        ("ascii", "5 ??2 - 3*106 ?3, >= ????? ?"),
        ("latin-1", "5 ??² - 3·106 ?³, >= ????? ß"),
    ],
)
def test_letters_that_an_encoding_lacks(encoding, shown):
    assert told_in(encoding, write("5 км² – 3·10⁶ м³, ≥ ґанок ß")) == shown


def test_a_name_that_is_no_text():
    assert told_in("utf-8", write("bad\udcff.tif")) == "bad?.tif"


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "cp866", "ascii"])
def test_json_is_the_same_values_in_every_encoding(encoding):
    values = {"name": "Дніпро", "unit": "км²", "path": "bad\udcff.tif"}
    assert json.loads(told_in(encoding, lambda: print_json(values))) == values


def test_json_that_fits_is_readable():
    assert "Дніпро" in told_in("utf-8", lambda: print_json("Дніпро"))


class Broken(io.RawIOBase):
    """Bytes that go nowhere, with an error."""

    def writable(self):
        return True

    def write(self, content):
        raise OSError(28, "No space left on device")


def test_a_loss_is_kept_and_ends_nothing():
    stream = Stream(io.BufferedWriter(Broken()), encoding="utf-8")
    stream.write("x" * 100_000)
    stream.flush()
    assert stream.lost.strerror == "No space left on device"
    stream.detach()


def test_streams_are_as_before():
    before = sys.stdout, sys.stderr
    with forgiving_streams():
        sys.stdout.write("")
    assert (sys.stdout, sys.stderr) == before
    sys.stdout.write("")  # its bytes are still its own


def run_shell(command, words, **environment):
    """Run a command line of the shell in which ``$@`` stands for the command."""
    whole = ["bash", "-c", command, "bash", sys.executable, "-m", "obriy", *map(str, words)]
    return subprocess.run(
        whole, capture_output=True, check=False, env=os.environ | environment, timeout=HANG_S
    )


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "ascii"])
def test_a_finished_run_is_told_in_any_encoding(finished, encoding):
    done = run_shell('"$@"', finished, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert "km2" in done.stdout.decode(encoding)
    assert done.stderr == b""


@FULL
@pytest.mark.parametrize("more", ["", "--json"])
def test_a_run_whose_summary_finds_no_room(finished, more):
    done = run_shell('"$@" > /dev/full', [*finished, *more.split()])
    assert done.returncode == 0
    assert done.stderr.decode().splitlines() == [
        f"Note: not all could be printed (No space left on device); it lies in {finished[-1]}."
    ]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_run_whose_streams_are_closed(image, tmp_path, closed):
    run = tmp_path / "run"
    done = run_shell(f'"$@" {closed}', ["water", image, "--out", run])
    assert done.returncode == 0, done.stderr
    assert json.loads((run / "result.json").read_text())["job"] == "water"
    with rasterio.open(run / "mask.tif") as file:  # no message of a library went into it
        assert (file.read(1)[:, :8] == 2).all()
        assert file.checksum(1)


def test_a_run_whose_reader_has_left(finished):
    done = run_shell('"$@" | head -1; exit ${PIPESTATUS[0]}', finished)
    assert done.returncode == 0
    assert len(done.stdout.decode().splitlines()) == 1
    assert done.stderr == b""


@FULL
@pytest.mark.parametrize("words", [["indices"], ["--help"], ["--version"]])
def test_where_the_print_is_all_there_is_its_loss_is_an_error(words):
    done = run_shell('"$@" > /dev/full', words)
    assert done.returncode == 1
    assert done.stderr.decode().startswith("error: Standard output could not be written")


def test_an_error_is_told_in_any_encoding(tmp_path):
    done = run_python(
        "-m",
        "obriy",
        "water",
        tmp_path / "ніде.tif",
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert "does not exist" in error_line(done, 1)


def test_a_stream_that_is_done_with_is_no_terminal():
    """colorama keeps the stream it finds when it is loaded, and asks it when Python ends."""
    stream = Stream(io.BytesIO(), encoding="utf-8")
    stream.detach()
    assert not stream.isatty()
