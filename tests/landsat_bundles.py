"""Landsat bundles file by file, as the product guides of USGS list them, with pixels made up.

Names: Landsat 8-9 Collection 2 Level 2 Science Product Guide LSDS-1619 v4.0, table 4-1; Landsat
4-7: LSDS-1618 v4.0, table 4-1; Level 1: LSDS-1415 and LSDS-1336 (Collection 2), LSDS-1656
(Collection 1). Ground: the left quarter is water, the rest land, at the reflectances of `GROUND`.
"""

import gzip

import numpy as np
import rasterio
from affine import Affine

SIZE = 40
WATER = SIZE // 4
GROUND = {  # reflectance of land, of water
    "coastal": (0.05, 0.04), "blue": (0.06, 0.05), "green": (0.08, 0.06), "red": (0.09, 0.04),
    "nir08": (0.3, 0.02), "swir16": (0.2, 0.01), "swir22": (0.1, 0.005),
}  # fmt: skip
OLI = dict(enumerate(("coastal", "blue", "green", "red", "nir08", "swir16", "swir22"), 1))
TM = {1: "blue", 2: "green", 3: "red", 4: "nir08", 5: "swir16", 7: "swir22"}
THERMAL = ("ST_ATRAN", "ST_CDIST", "ST_DRAD", "ST_EMIS", "ST_EMSD", "ST_QA", "ST_TRAD", "ST_URAD")
CLEAR, WET = 21_824, 21_952  # QA_PIXEL of clear land and of clear water, LSDS-1619, table 6-3


def bands_of(product):
    return OLI if product[3] in "89" else TM


def truth(name):
    land, water = GROUND[name]
    found = np.full((SIZE, SIZE), land)
    found[:, :WATER] = water
    return found


def counts(name, scale, offset, dtype="uint16"):
    return np.round((truth(name) - offset) / scale).astype(dtype)


def write(file, numbers, nodata=None):
    file.parent.mkdir(parents=True, exist_ok=True)
    stack = numbers if numbers.ndim == 3 else numbers[None]
    with rasterio.open(
        file, "w", driver="GTiff", count=len(stack), height=stack.shape[1], width=stack.shape[2],
        dtype=stack.dtype, nodata=nodata, crs="EPSG:32636",
        transform=Affine(30, 0, 5e5, 0, -30, 5.2e6),
    ) as dataset:  # fmt: skip
        dataset.write(stack)


def quality():
    found = np.full((SIZE, SIZE), CLEAR, "uint16")
    found[:, :WATER] = WET
    return found


def level2(folder, product, saturated=(), **mtl):
    """Write a Collection 2 Level-2 bundle; ``saturated`` are places of QA_RADSAT, band 1."""
    bands = bands_of(product)
    for number, name in bands.items():
        write(folder / f"{product}_SR_B{number}.TIF", counts(name, 2.75e-5, -0.2), 0)
    write(folder / f"{product}_QA_PIXEL.TIF", quality(), 1)
    radsat = np.zeros((SIZE, SIZE), "uint16")
    for place in saturated:
        radsat[place] = 1
    write(folder / f"{product}_QA_RADSAT.TIF", radsat)
    beside = ["SR_QA_AEROSOL"] if bands is OLI else ["SR_ATMOS_OPACITY", "SR_CLOUD_QA"]
    beside += ["ST_B10" if bands is OLI else "ST_B6", *THERMAL]
    for name in beside:
        write(folder / f"{product}_{name}.TIF", np.full((SIZE, SIZE), 96, "int16"))
    (folder / f"{product}_ANG.txt").write_text("GROUP = FILE_HEADER\nEND\n")
    (folder / f"{product}_MD5.txt").write_text("d41d8cd98f00b204e9800998ecf8427e  x.TIF\n")
    for form in ("txt", "xml", "json"):
        write_mtl(folder / f"{product}_MTL.{form}", product, **mtl)
    return folder


def level1(folder, product, elevation=30.0, forms=("txt", "xml", "json")):
    """Write a Collection 2 Level-1 bundle; reflectance is ``(DN m + a) / sin(elevation)``."""
    bands = bands_of(product)
    sine = np.sin(np.radians(elevation))
    scale, offset, dtype = (2e-5, -0.1, "uint16") if bands is OLI else (2e-3, -0.01, "uint8")
    for number, name in bands.items():
        numbers = counts(name, scale / sine, offset / sine, dtype)
        write(folder / f"{product}_B{number}.TIF", numbers)
    write(folder / f"{product}_QA_PIXEL.TIF", quality(), 1)
    for name in ("QA_RADSAT", "SAA", "SZA", "VAA", "VZA"):
        write(folder / f"{product}_{name}.TIF", np.zeros((SIZE, SIZE), "uint16"))
    thermal = ("B10", "B11") if bands is OLI else ("B6",) if product[1] == "T" else (
        "B6_VCID_1", "B6_VCID_2",
    )  # fmt: skip
    for name in thermal:
        write(folder / f"{product}_{name}.TIF", np.full((SIZE, SIZE), 140, dtype))
    for form in forms:
        write_mtl(folder / f"{product}_MTL.{form}", product, elevation, (scale, offset))
    return folder


def gaps_of(folder, product, numbers, places, packed=False):
    """Write a mask of the gaps for each band, and what was interpolated into them.

    ``packed``: as Collection 1 had them, one by one in a folder ``gap_mask``.
    """
    for number, name in bands_of(product).items():
        mask = np.ones((SIZE, SIZE), "uint8")
        mask[places[name]] = 0
        file = folder / ("gap_mask" if packed else ".") / f"{product}_GM_B{number}.TIF"
        write(file, mask)
        if packed:
            file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
            file.unlink()
        band = folder / f"{product}_B{number}.TIF"
        with rasterio.open(band, "r+") as dataset:
            filled = dataset.read(1)
            filled[places[name]] = numbers
            dataset.write(filled, 1)


def write_mtl(file, product, elevation=30.0, level1=(2e-5, -0.1), level2=(2.75e-5, -0.2), **values):
    numbers = bands_of(product)
    craft = {"LANDSAT_PRODUCT_ID": product, "PROCESSING_LEVEL": product[5:9]}
    attributes = {
        "SPACECRAFT_ID": f"LANDSAT_{product[3]}",
        "SENSOR_ID": {"T": "TM", "E": "ETM", "C": "OLI_TIRS", "O": "OLI", "M": "MSS"}[product[1]],
        "DATE_ACQUIRED": f"{product[17:21]}-{product[21:23]}-{product[23:25]}",
        "CLOUD_COVER": 12.5, "SUN_ELEVATION": elevation, "EARTH_SUN_DISTANCE": 1.0,
    } | values  # fmt: skip
    groups = {"PRODUCT_CONTENTS": craft, "IMAGE_ATTRIBUTES": attributes}
    for group, (mult, add) in (
        ("LEVEL2_SURFACE_REFLECTANCE_PARAMETERS", level2),
        ("LEVEL1_RADIOMETRIC_RESCALING", level1),
    ):
        if group.startswith("LEVEL1") or product[5:7] == "L2":
            groups[group] = {f"REFLECTANCE_MULT_BAND_{n}": mult for n in numbers} | {
                f"REFLECTANCE_ADD_BAND_{n}": add for n in numbers
            }
    file.write_text(FORMS[file.suffix](groups))


def _odl(groups):
    lines = ["GROUP = LANDSAT_METADATA_FILE"]
    for group, content in groups.items():
        told = (f'"{v}"' if isinstance(v, str) and v[:1].isalpha() else v for v in content.values())
        lines += [f"  GROUP = {group}"]
        lines += [f"    {key} = {value}" for key, value in zip(content, told, strict=True)]
        lines += [f"  END_GROUP = {group}"]
    return "\n".join([*lines, "END_GROUP = LANDSAT_METADATA_FILE", "END", ""])


def _xml(groups):
    inside = "".join(
        f"<{group}>{''.join(f'<{k}>{v}</{k}>' for k, v in content.items())}</{group}>\n"
        for group, content in groups.items()
    )
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f"{head}<LANDSAT_METADATA_FILE>\n{inside}</LANDSAT_METADATA_FILE>\n"


def _json(groups):
    import json

    text = {g: {k: str(v) for k, v in c.items()} for g, c in groups.items()}
    return json.dumps({"LANDSAT_METADATA_FILE": text}, indent=1)


FORMS = {".txt": _odl, ".xml": _xml, ".json": _json}
