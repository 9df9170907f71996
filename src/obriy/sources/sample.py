"""``sample:``, the real Sentinel-2 chip that the package spyndex carries."""

import importlib.metadata
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.errors import MissingExtraError, UsageError
from obriy.model.grid import describe
from obriy.model.item import Item
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.sources.base import Query, Request, Source

FILE = "spyndex/data/S2_10m.json"
BANDS = ("blue", "green", "red", "nir")
"""The chip's bands B02, B03, B04, B08, in its own order (spyndex, docs of ``datasets.open``)."""
SCALE = 1e-4
PIXEL_M = 10.0


def open_sample(request: Request) -> xr.Dataset:
    """Open the chip: 300 x 300 pixels, blue, green, red, nir.

    The chip has no CRS, date or product level: its grid is made up, 10 m in a plane without a
    place on Earth, and the record says so.

    Args:
        request: Only the address may be given; a resolution of 10 m is what it has.

    Raises:
        UsageError: bands or numbers that the chip does not leave open.
        MissingExtraError: where spyndex is not installed.
    """
    if request.paths[0] != "sample:":
        raise UsageError(f"'{request.paths[0]}': there is one sample.", "Write 'sample:'.")
    asked = (request.sensor, request.bands, request.scale, request.offset, request.nodata)
    if any(a is not None for a in asked) or request.resolution not in (None, PIXEL_M):
        raise UsageError(
            "The sample has its bands, its factor and pixels of 10 m.", "Write 'sample:' alone."
        )
    file, numbers = _read()
    height, width = numbers.shape[1:]
    geobox = GeoBox((height, width), Affine(PIXEL_M, 0, 0, 0, -PIXEL_M, height * PIXEL_M), None)
    bands = {
        name: xr.Variable(("y", "x"), (numbers[i] * SCALE).astype("float32"))
        for i, name in enumerate(BANDS)
    }
    version = importlib.metadata.version("spyndex")
    record = (
        Provenance(({"href": "sample:", "file": FILE, "package": f"spyndex {version}"},))
        .with_step("bands", by="the package's documentation", sensor="unknown", read=list(BANDS))
        .with_step("scaling", scale=SCALE, offset=0.0, by="sensor table", reason=str(file.name))
        .with_step("grid", made_up=True, pixel_m=PIXEL_M, scene=describe(geobox))
        .with_warning(notice("sample_without_crs"))
    )
    return make_scene(bands, geobox, sensor="unknown", provenance=record)


def _read() -> tuple[Path, npt.NDArray[np.float64]]:
    """Return the chip's file and its DN, (4, 300, 300); spyndex itself is not imported."""
    try:
        found = importlib.metadata.distribution("spyndex").locate_file(FILE)
    except importlib.metadata.PackageNotFoundError as error:
        raise MissingExtraError("The sample needs spyndex.", "pip install spyndex") from error
    file = Path(str(found))
    return file, np.asarray(json.loads(file.read_text()), "float64")


def find_sample(texts: Sequence[str], query: Query) -> list[Item]:
    """Return the chip, which has no date."""
    return [Item("sample", "sample:", (text,)) for text in texts]


SAMPLE = Source(find_sample, open_sample)
