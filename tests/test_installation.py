"""What adds an extra depends on how Obriy came here."""

import json
import shlex
import sys

import pytest

from obriy.installation import install_hint

METADATA = """Metadata-Version: 2.4
Name: obriy
Version: 9.9
Requires-Dist: numpy>=1.26
Requires-Dist: pyhdf>=0.11; extra == 'modis'
Requires-Dist: pyresample>=1.28; extra == "modis"
Requires-Dist: dask[distributed]>=2024.7; extra == 'dask'
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Make it look as if Obriy had come from somewhere; return what pip is to be given."""

    def told(extra, direct=None):
        folder = tmp_path / "site" / "obriy-9.9.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(METADATA)
        if direct is not None:
            (folder / "direct_url.json").write_text(json.dumps(direct))
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        pip, _, what = install_hint(extra).partition(" install ")
        assert shlex.split(pip)[-2:] == ["-m", "pip"]
        assert sys.executable in pip  # into this environment, and no other
        return shlex.split(what)

    return told


def test_a_clone(installed, tmp_path):
    clone = tmp_path / "my clone"
    clone.mkdir()
    direct = {"dir_info": {"editable": True}, "url": clone.as_uri()}
    assert installed("modis", direct) == ["-e", f"{clone}[modis]"]


def test_a_folder(installed, tmp_path):
    direct = {"dir_info": {}, "url": tmp_path.as_uri()}
    assert installed("modis", direct) == [f"{tmp_path}[modis]"]


def test_a_clone_that_is_gone(installed):
    direct = {"dir_info": {"editable": True}, "url": "file:///nowhere/obriy"}
    assert installed("modis", direct) == ["pyhdf>=0.11", "pyresample>=1.28"]


def test_a_wheel(installed):
    direct = {"archive_info": {}, "url": "file:///tmp/obriy-9.9-py3-none-any.whl"}
    assert installed("dask", direct) == ["dask[distributed]>=2024.7"]


def test_a_repository(installed):
    direct = {"vcs_info": {"vcs": "git", "commit_id": "abc"}, "url": "https://example.org/obriy"}
    assert installed("modis", direct) == ["pyhdf>=0.11", "pyresample>=1.28"]


def test_an_index(installed):
    assert installed("modis") == ["obriy[modis]"]
