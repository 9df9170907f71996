"""What a Sentinel-2 product says of itself above its band files."""

import numpy as np
import pytest
import rasterio

from conftest import utm_grid
from obriy.sources.scene import open_scene
from obriy.sources.sentinel2 import product_names, product_tags

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


def write_metadata(product, level="L2A", **values):
    rows = "".join(f"<{key}>{value}</{key}>" for key, value in values.items())
    text = f'<?xml version="1.0"?><n1:P><General_Info>{rows}</General_Info></n1:P>'
    (product / f"MTD_MSI{level}.xml").write_text(text, encoding="utf-8")


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


def test_the_offset_of_every_band_is_found(tmp_path):
    file = write_bands(tmp_path / PRODUCT / INSIDE)[0]
    assert product_tags([file]) == {}
    assert product_names([file]) == PRODUCT
    offsets = "".join(f'<RADIO_ADD_OFFSET band_id="{i}">-1000</RADIO_ADD_OFFSET>' for i in (0, 1))
    (tmp_path / PRODUCT / "MTD_MSIL1C.xml").write_text(f"<a>{offsets}</a>")
    assert product_tags([file]) == {"RADIO_ADD_OFFSET": "-1000"}
    assert product_tags(["simulated:", str(tmp_path / "none.tif")]) == {}


@pytest.mark.realdata
def test_metadata_as_esa_ships_them(realdata):
    known = {
        "S2A_MSIL2A_20230625T234621_N0509_R073_T01WCP_20230626T022157.SAFE": ("05.09", "-1000"),
        "S2B_MSIL2A_20220413T150759_N0400_R025_T33XWJ_20220414T082126.SAFE": ("04.00", "-1000"),
        "S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857.SAFE": ("02.12", None),
        "S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248.SAFE": ("03.01", None),
    }
    for product, (baseline, offset) in known.items():
        tags = product_tags(
            str(file) for file in (realdata / "s2_safe_metadata" / product).glob("MTD*")
        )
        assert (tags["PROCESSING_BASELINE"], tags.get("BOA_ADD_OFFSET")) == (baseline, offset)
