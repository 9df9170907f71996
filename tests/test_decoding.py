"""What a file decodes to be read anywhere is counted, and refused where it does not fit."""

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine

from obriy.blocks.decoding import DECODING, decoding_bytes, require_room
from obriy.blocks.gdal import open_raster
from obriy.blocks.memory import BASE_BYTES, allowing, room
from obriy.blocks.plan import deal
from obriy.blocks.raster import RasterBand, file_geobox, lazy_variable
from obriy.errors import MemoryBudgetError
from obriy.sources import open_scene
from obriy.sources.quality import flags_variable
from obriy.sources.reading import probe, sample_windows

ROWS, COLUMNS, BANDS = 120, 200, 6


def write(path, rows=ROWS, columns=COLUMNS, bands=BANDS, **profile):
    with rasterio.open(
        path, "w", driver="GTiff", height=rows, width=columns, count=bands, dtype="uint16",
        crs="EPSG:32636", transform=Affine(10, 0, 5e5, 0, -10, 5.2e6),
        **{"compress": "deflate", "blockysize": rows, "interleave": "pixel"} | profile,
    ) as file:  # fmt: skip
        for band in range(1, bands + 1):
            file.write(np.full((rows, columns), 1000, "uint16"), band)
    return path


def bytes_of(path):
    with open_raster(path) as dataset:
        return decoding_bytes(dataset)


@pytest.mark.parametrize(
    ("profile", "pixels", "bands"),
    [
        ({}, ROWS * COLUMNS, BANDS + 1),  # a buffer of all bands, and one of them in the cache
        ({"interleave": "band"}, ROWS * COLUMNS, 1),
        ({"blockysize": 10}, 10 * COLUMNS, BANDS + 1),
        ({"tiled": True, "blockxsize": 64, "blockysize": 64}, 64 * 64, BANDS + 1),
        ({"tiled": True, "blockxsize": 64, "blockysize": 64, "interleave": "band"}, 64 * 64, 1),
        ({"bands": 1}, ROWS * COLUMNS, 1),
    ],
)
def test_a_tile_of_all_bands_that_lie_together(tmp_path, profile, pixels, bands):
    assert bytes_of(write(tmp_path / "a.tif", **profile)) == pixels * bands * 2


def test_files_behind_a_vrt_stay_open_all(tmp_path):
    parts = "".join(
        f'<VRTRasterBand band="{n}" dataType="UInt16"><SimpleSource>'
        f'<SourceFilename relativeToVRT="1">{write(tmp_path / f"{n}.tif").name}</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>"
        for n in (1, 2, 3)
    )
    vrt = tmp_path / "a.vrt"
    vrt.write_text(f'<VRTDataset rasterXSize="{COLUMNS}" rasterYSize="{ROWS}">{parts}</VRTDataset>')
    assert bytes_of(vrt) == 3 * ROWS * COLUMNS * 7 * 2


def test_a_tile_of_jpeg_2000_is_as_large_as_its_header_says(tmp_path):
    """GDAL gives 64 x 64 for these, and reads the compressed bytes of the whole tile."""
    write(tmp_path / "a.tif", 128, 256, 1)
    sizes = {}
    for side in (64, 256):
        path = tmp_path / f"{side}.jp2"
        rasterio.shutil.copy(
            tmp_path / "a.tif", path, driver="JP2OpenJPEG", BLOCKXSIZE=str(side),
            BLOCKYSIZE=str(min(side, 128)),
        )  # fmt: skip
        with open_raster(path) as dataset:
            rows, columns = dataset.block_shapes[0]
        tiles = -(-128 // min(side, 128)) * (256 // side)
        sizes[side] = bytes_of(path)
        compressed = 3 * path.stat().st_size // tiles
        assert sizes[side] == rows * columns * (8 + 2) + compressed


def test_what_does_not_fit_is_refused_before_it_is_decoded(tmp_path):
    path = write(tmp_path / "strip.tif", 1000, 1000)
    with allowing((BASE_BYTES + 10e6) / 1e9):
        assert room() == pytest.approx(10e6, abs=1)
        with pytest.raises(MemoryBudgetError) as caught:
            open_scene(path, scale=1e-4)
        with pytest.raises(MemoryBudgetError):
            lazy_variable(RasterBand(str(path)), file_geobox(rasterio.open(path)))
        with open_raster(write(tmp_path / "tiles.tif", 1000, 1000, blockysize=10)) as fine:
            assert require_room(fine, "tiles.tif") == 10 * 1000 * 7 * 2
    assert "1000 x 1000 pixels" in caught.value.message
    assert f"rio convert {path} tiled.tif --co tiled=yes" in caught.value.hint
    # 0.850 of the process, 0.014 of the tile, and 0.120 to work with.
    assert "--max-ram 0.99" in caught.value.hint


def test_bands_and_masks_say_what_they_decode(tmp_path):
    path = write(tmp_path / "a.tif", bands=3)
    (band, *_) = probe(str(path))
    variable = lazy_variable(RasterBand(str(path), 2), band.grid)
    assert variable.encoding[DECODING] == (str(path), ROWS * COLUMNS * 4 * 2)
    assert flags_variable({"scl": band}, band.grid).encoding[DECODING][1] == ROWS * COLUMNS * 4 * 2


def test_memory_is_dealt_out_after_the_files_have_theirs():
    shape, small = (5000, 5000), 2 * (24_000_000 + 256 * 256 * 100)
    how = {"halo": 0, "bytes_per_pixel": 100}
    free = deal(8, shape, room=8 * small, decoding={}, **how)
    assert (free.workers, free.block_bytes) == (8, small // 2 - 24_000_000)
    heavy = deal(8, shape, room=8 * small, decoding={"a.tif": small, "b.tif": small}, **how)
    assert heavy.workers == 2  # each takes 3 small
    assert heavy.kept_bytes == (8 * small - 2 * 2 * small) // 4
    with pytest.raises(MemoryBudgetError, match=r"a tile of a\.tif"):
        deal(8, shape, room=8 * small, decoding={"a.tif": 8 * small}, **how)
    with pytest.raises(MemoryBudgetError, match="search for clouds"):
        deal(8, shape, room=8 * small, decoding={}, beside=8 * small, **how)


def test_a_large_tile_takes_what_is_packed_too(tmp_path):
    numbers = np.random.default_rng(5).integers(0, 60_000, (2400, 2000)).astype("uint16")
    path = tmp_path / "strip.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=2000, height=2400, count=1, dtype="uint16",
        blockysize=2400, compress="deflate", zlevel=1, transform=Affine(10, 0, 0, 0, -10, 0),
    ) as file:  # fmt: skip
        file.write(numbers, 1)
    packed = path.stat().st_size
    assert packed > 9e6
    with open_raster(str(path)) as file:
        assert decoding_bytes(file) == numbers.nbytes + packed


@pytest.mark.parametrize("size", [2500, 5490, 7000, 10980])
@pytest.mark.parametrize("tile", [256, 512, 1024])
def test_a_place_that_is_looked_at_decodes_one_tile(size, tile):
    windows = sample_windows(size, size)
    assert len(windows) == 25
    for window in windows:
        rows, columns = window.toslices()
        assert 0 <= rows.start < rows.stop <= size
        for part in (rows, columns):
            last = part.stop == size  # the end of an image is looked at, wherever its tile begins
            assert last or part.start // tile == (part.stop - 1) // tile
