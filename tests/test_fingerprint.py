"""What tells inputs apart: content, size, time; what is read with a file counts too."""

import os
import shutil

import pytest

from obriy.runs.fingerprint import fingerprint, local_places

GIGABYTE = 1 << 30


def write(path, content=b"one", when=1_700_000_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (when, when))
    return path


def differs(named, change):
    """Say whether a change is seen by what names an input."""
    before = fingerprint([str(named)])
    assert before == fingerprint([str(named)])
    change()
    return fingerprint([str(named)]) != before


@pytest.mark.parametrize("size", [1, 1000, 256 * 1024])
def test_a_small_file_counts_to_the_byte(tmp_path, size):
    for place in {0, size // 2, size - 1}:
        file = write(tmp_path / "a.tif", bytes(size))
        other = bytearray(size)
        other[place] = 1
        assert differs(file, lambda other=other: write(tmp_path / "a.tif", bytes(other)))


def test_of_a_large_file_ends_and_blocks_count(tmp_path):
    file = write(tmp_path / "a.tif", b"")
    os.truncate(file, GIGABYTE)  # sparse
    for place in (0, GIGABYTE - 1):

        def change(place=place):
            with file.open("r+b") as content:
                content.seek(place)
                content.write(b"x")
            os.utime(file, (1_700_000_000, 1_700_000_000))

        os.utime(file, (1_700_000_000, 1_700_000_000))
        assert differs(file, change)


def test_size_and_time_count_as_well(tmp_path):
    file = write(tmp_path / "a.tif")
    assert differs(file, lambda: write(file, b"ones"))
    assert differs(file, lambda: write(file, b"ones", when=1_700_000_001))


@pytest.mark.parametrize(
    "name",
    ["a.tif.msk", "a.tif.aux.xml", "a.tif.ovr", "a.tfw", "a.prj", "a.json", "a.hdr", "a.aux"],
)
def test_what_is_read_with_an_image_counts(tmp_path, name):
    image = write(tmp_path / "a.tif")
    assert differs(image, lambda: write(tmp_path / name, b"one"))  # it has come
    assert differs(image, lambda: write(tmp_path / name, b"two"))  # of the same size and time
    assert differs(image, (tmp_path / name).unlink)


def test_parts_of_a_shapefile_and_changes_not_yet_in_a_geopackage(tmp_path):
    shape = write(tmp_path / "d.shp")
    assert differs(shape, lambda: write(tmp_path / "d.dbf"))
    package = write(tmp_path / "e.gpkg")
    assert differs(package, lambda: write(tmp_path / "e.gpkg-wal"))


def test_other_files_beside_do_not_count(tmp_path):
    image = write(tmp_path / "a.tif")
    assert not differs(image, lambda: write(tmp_path / "b.tif"))
    assert not differs(image, lambda: write(tmp_path / "a.qgz"))


def test_a_vrt_is_what_it_is_made_of(tmp_path):
    write(tmp_path / "tiles" / "a & b.tif")
    write(
        tmp_path / "inner.vrt",
        b'<SourceFilename relativeToVRT="1">tiles/a &amp; b.tif</SourceFilename>',
    )
    outer = write(tmp_path / "outer.vrt", b"<X><SourceFilename>inner.vrt</SourceFilename></X>")
    assert differs(outer, lambda: write(tmp_path / "tiles" / "a & b.tif", b"two"))
    assert differs(outer, lambda: write(tmp_path / "tiles" / "a & b.tif.msk"))
    write(tmp_path / "loop.vrt", b"<SourceFilename>loop.vrt</SourceFilename>")
    assert len(fingerprint([str(tmp_path / "loop.vrt")])["files"]) == 1


def test_a_folder_is_all_its_files(tmp_path):
    folder = tmp_path / "scenes"
    for day in range(300):
        write(folder / f"{day}" / "B02.tif")
    assert differs(folder, lambda: write(folder / "17" / "B02.tif", b"two"))
    assert differs(folder, lambda: write(folder / "dates.csv", b"file,date"))
    assert differs(folder, lambda: write(folder / "dates.csv", b"file;date"))
    assert differs(folder, lambda: write(folder / "x" / "B02.tif"))
    assert differs(folder, lambda: shutil.rmtree(folder / "x"))


def test_runs_and_hidden_files_in_a_folder_are_none_of_it(tmp_path):
    folder = tmp_path / "scenes"
    write(folder / "a.tif")
    assert not differs(folder, lambda: write(folder / "run" / "ledger.jsonl"))
    assert not differs(folder, lambda: write(folder / "run" / "mask.tif"))
    assert not differs(folder, lambda: write(folder / ".cache"))
    assert differs(
        folder / "run", lambda: write(folder / "run" / "mask.tif", b"two")
    )  # named itself


def test_links_in_a_circle_end(tmp_path):
    write(tmp_path / "a" / "a.tif")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "linked").symlink_to(tmp_path / "a")
    assert len(fingerprint([str(tmp_path / "a")])["files"]) == 1
    assert differs(tmp_path / "b", lambda: write(tmp_path / "a" / "a.tif", b"two"))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.tif")
    assert fingerprint([str(tmp_path / "a.tif"), str(tmp_path)])["files"] == {}


@pytest.mark.parametrize(
    "name",
    ["gsw:{}", "replay:{}", "student:{}?p=0.5", "m211={}", 'NETCDF:"{}":green', "HDF5:{}:x",
     "/vsizip/{}/inner.tif", "/vsigzip/{}"],
)  # fmt: skip
def test_names_with_a_file_in_them(tmp_path, name):
    file = write(tmp_path / "a.nc")
    assert local_places(name.format(file)) == [file]


def test_a_pattern_is_what_fits_it(tmp_path):
    write(tmp_path / "B02.tif")
    pattern = tmp_path / "B0?.tif"
    assert differs(pattern, lambda: write(tmp_path / "B03.tif"))


@pytest.mark.parametrize(
    "name", ["sample:", "simulated:?seed=7", "30,50,31,51", "~nobody/a", "a" * 5000, "a\0b", ""]
)
def test_names_that_are_no_files(name):
    assert fingerprint([name])["files"] == {}
