"""What a Sentinel-2 product says of itself above its band files."""

import numpy as np
import pytest
import rasterio

from conftest import utm_grid
from obriy.sources.scene import open_scene
from obriy.sources.sentinel2 import facts_above, tags_told

PRODUCT = "S2B_MSIL2A_20230607T083609_N0509_R064_T36TWT_20230607T110000.SAFE"
OLD = "S2A_MSIL2A_20180607T083601_N0208_R064_T36TWT_20180607T110000.SAFE"
INSIDE = "GRANULE/L2A_T36TWT_A032662_20230607T084307/IMG_DATA/R20m"
BANDS = ("B02", "B03", "B04", "B8A", "B11", "B12")


def write_bands(folder):
    """Write a bright place, whose numbers alone cannot tell whether 1000 is in them."""
    folder.mkdir(parents=True)
    grid = utm_grid((16, 16), 20)
    random = np.random.default_rng(3)
    for band in BANDS:
        values = random.integers(2400, 3200, grid.shape).astype("uint16")
        with rasterio.open(
            folder / f"T36TWT_20230607T083609_{band}_20m.tif", "w", driver="GTiff", count=1,
            dtype="uint16", height=16, width=16, transform=grid.affine, crs=str(grid.crs),
        ) as file:  # fmt: skip
            file.write(values, 1)
    return sorted(str(path) for path in folder.iterdir())


def write_metadata(product, level="2A", **values):
    rows = "".join(f"<{key}>{value}</{key}>" for key, value in values.items())
    rows = rows.replace("<BOA_ADD_OFFSET>", '<BOA_ADD_OFFSET band_id="1">')
    kind = f"Level-{level}_User_Product"
    text = f'<?xml version="1.0"?><n1:{kind} xmlns:n1="https://psd-14"><n1:General_Info>{rows}'
    text += f"</n1:General_Info></n1:{kind}>"
    (product / f"MTD_MSIL{level}.xml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("product", "metadata", "offset"),
    [
        (PRODUCT, {"PROCESSING_BASELINE": "05.09", "BOA_ADD_OFFSET": -1000}, 0.1),
        (PRODUCT, None, 0.1),  # by the name of the product
        (OLD, None, 0),
        ("my copy", {"PROCESSING_BASELINE": "05.09", "BOA_ADD_OFFSET": -1000}, 0.1),
        ("my copy", {"PROCESSING_BASELINE": "02.08"}, 0),
        ("my copy", {"BOA_ADD_OFFSET": 0, "PROCESSING_BASELINE": "05.09"}, 0),
    ],
)
def test_the_offset_of_a_product_is_in_its_metadata(tmp_path, product, metadata, offset):
    files = write_bands(tmp_path / product / INSIDE)
    if metadata:
        write_metadata(tmp_path / product, **metadata)
    scene = open_scene(files)
    with rasterio.open(files[1]) as file:
        expected = file.read(1) / 10_000 - offset
    np.testing.assert_allclose(scene["green"], expected, atol=1e-6)


def test_what_a_product_tells_is_found_from_its_files(tmp_path):
    file = write_bands(tmp_path / PRODUCT / INSIDE)[0]
    assert tags_told(facts_above([file])) == {"PROCESSING_BASELINE": "05.09"}  # by its name
    write_metadata(tmp_path / PRODUCT, BOA_ADD_OFFSET=-1000)
    assert tags_told(facts_above([file]))["BOA_ADD_OFFSET"] == "-1000"
    other = write_bands(tmp_path / OLD / INSIDE)[0]
    assert facts_above([file, other]) == {}  # two products tell nothing of one image
    assert facts_above(["simulated:", str(tmp_path / "none.tif")]) == {}
