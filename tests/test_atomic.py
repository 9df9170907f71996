"""Files appear whole or not at all: disk full, read-only folder, Ctrl-C."""

import os
import subprocess
import sys
import textwrap

import pytest

from obriy.errors import OutputError
from obriy.outputs.files import atomic_path, write_bytes, write_text
from terminal import HANG_S


def test_the_file_appears_with_its_sidecars_at_the_end(tmp_path):
    target = tmp_path / "new" / "map.tif"
    with atomic_path(target) as path:
        path.write_bytes(b"map")
        path.with_name("map.tif.aux.xml").write_text("names")
        assert not target.exists()
        assert path.suffix == ".tif"
    assert sorted(p.name for p in target.parent.iterdir()) == ["map.tif", "map.tif.aux.xml"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_an_exception_leaves_nothing_and_keeps_the_old_file(tmp_path, error):
    target = write_text(tmp_path / "areas.csv", "old")

    def work():
        with atomic_path(target) as path:
            path.write_text("half")
            raise error

    with pytest.raises(error):
        work()
    assert [p.name for p in tmp_path.iterdir()] == ["areas.csv"]
    assert target.read_text() == "old"


def test_a_writer_that_leaves_no_file_is_an_error(tmp_path):
    with pytest.raises(OutputError, match="left no file"), atomic_path(tmp_path / "a.csv"):
        pass


def test_a_name_with_wildcards_is_only_a_name(tmp_path):
    assert write_bytes(tmp_path / "a[1].txt", b"x").read_bytes() == b"x"


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "out").write_text("I am a file")
    with pytest.raises(OutputError, match=r"out/mask.tif could not be written"):
        write_text(tmp_path / "out" / "mask.tif", "x")


def _run(code: str, *arguments: str, **options) -> str:
    """Run a script in its own process and return the message of its OutputError."""
    script = "from obriy.errors import OutputError\n" + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


LIMITED_TEXT = """
    import resource, signal, sys
    from pathlib import Path
    from obriy.outputs.files import write_text
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write past the limit fails with EFBIG
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    try:
        write_text(Path(sys.argv[1]), "x" * 100_000)
    except OutputError as error:
        print(error)
"""


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    said = _run(LIMITED_TEXT, str(tmp_path / "report.html"))
    assert "the disk is full" in said
    assert "--out" in said
    assert len(said.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


READ_ONLY = """
    import os, sys
    from pathlib import Path
    from obriy.outputs.files import write_text
    if os.geteuid() == 0:  # root may write anywhere: be nobody
        os.setgid(65534)
        os.setuid(65534)
    try:
        write_text(Path(sys.argv[1]), "x")
    except OutputError as error:
        print(error)
"""


def test_a_read_only_folder_is_one_line(tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    for parent in [folder, *folder.parents][:4]:
        if parent.stat().st_uid == os.getuid() and parent != folder:
            parent.chmod(parent.stat().st_mode | 0o055)
    said = _run(READ_ONLY, str(folder / "report.html"))
    assert "no permission" in said
    assert list(folder.iterdir()) == []
