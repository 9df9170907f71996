"""Products of Sentinel-2, written as their specification lays them out, not as they are read.

Names, folders and elements follow ESA's Products Specification Document (S2-PDGS-TAS-DI-PSD v14.9
and v13.1), and real products of baselines 02.09 to 05.09; the pixels are made up: a square lake of
known area on bright land, a strip that was not seen, in whole numbers.
"""

import dataclasses
import datetime as dt
import json
import zipfile
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

IDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
PIXEL_M = dict.fromkeys(IDS, 20) | dict.fromkeys(("B02", "B03", "B04", "B08"), 10)
PIXEL_M |= dict.fromkeys(("B01", "B09", "B10"), 60)
WATER = {"B02": 0.06, "B03": 0.05, "B04": 0.03, "B08": 0.01, "B11": 0.005, "B12": 0.004}
SIDE = 48
"""Pixels of 10 m along a side; the lake is rows and columns 12 to 24, columns below 6 unseen."""
LAKE_KM2 = 12 * 12 * 100 / 1e6
SUN = (62.5, 151.25)
"""Zenith and azimuth, degrees."""


@dataclasses.dataclass(frozen=True)
class Product:
    """What is told of one; ``add`` is None where the metadata know no offset."""

    level: str = "2A"
    baseline: str = "05.09"
    add: dict | None = None
    full: int = 10_000
    sensed: str = "20230607T083609"
    made: str = "20230607T110000"
    tile: str = "T36TWT"
    craft: str = "S2B"

    @property
    def name(self):
        number = self.baseline.replace(".", "")
        return f"{self.craft}_MSIL{self.level}_{self.sensed}_N{number}_R064_{self.tile}_{self.made}"

    @property
    def granule(self):
        return f"L{self.level}_{self.tile}_A032662_{self.sensed}"

    @property
    def offsets(self):
        usual = -1000 if self.baseline >= "04.00" else 0
        return dict.fromkeys(IDS, usual) | (self.add or {})


def reflectance(band, pixel=10):
    """Reflectance of a band on its grid; NaN where nothing was seen."""
    land = np.full((SIDE, SIDE), 0.12 if PIXEL_M[band] == 10 and band != "B08" else 0.35)
    land[12:24, 12:24] = WATER.get(band, 0.02)
    land[:, :6] = np.nan
    step = pixel // 10
    return land[step // 2 :: step, step // 2 :: step][: SIDE // step, : SIDE // step]


def numbers_of(product, band, pixel):
    """DN of a band: reflectance times the quantification, the offset inside; 0 where unseen."""
    seen = reflectance(band, pixel)
    raw = np.round(seen * product.full - product.offsets[band])
    return np.where(np.isnan(seen), 0, raw).astype("uint16")


def write_image(file, numbers, pixel, kind="uint16"):
    """Write numbers (y, x) or (band, y, x), lossless, the upper left corner where all have it."""
    numbers = np.atleast_3d(numbers.T).T if numbers.ndim == 2 else numbers
    file.parent.mkdir(parents=True, exist_ok=True)
    lossless = {"QUALITY": 100, "REVERSIBLE": "YES"}
    driver, options = ("JP2OpenJPEG", lossless) if file.suffix == ".jp2" else ("GTiff", {})
    with rasterio.open(
        file, "w", driver=driver, count=len(numbers), dtype=kind, width=numbers.shape[2],
        height=numbers.shape[1], crs="EPSG:32636",
        transform=Affine(pixel, 0, 500_040, 0, -pixel, 5_200_020), **options,
    ) as image:  # fmt: skip
        image.write(numbers.astype(kind))


def write_bands(product, file_of):
    """Write every band; ``file_of(band, pixel)`` is where, None where the layout has none so."""
    for band in IDS:
        for pixel in (10, 20, 60):
            file = None if pixel < PIXEL_M[band] else file_of(band, pixel)
            if file is not None:
                write_image(file, numbers_of(product, band, pixel), pixel)


def scl():
    """The classification at 20 m: 6 water, 5 bare, 9 a cloud on land, 0 where unseen."""
    found = np.full((SIDE // 2, SIDE // 2), 5, "uint8")
    found[6:12, 6:12] = 6
    found[16:20, 16:20] = 9
    found[:, :3] = 0
    return found


def write_safe(folder, product, name=None):
    """Write a product as ESA has shipped it since December 2016; return its folder."""
    root = folder / (name or f"{product.name}.SAFE")
    granule = root / "GRANULE" / product.granule
    stem = f"{product.tile}_{product.sensed}"
    if product.level == "2A":
        _write_l2a(product, granule, stem)
    else:
        images = granule / "IMG_DATA"
        write_bands(product, lambda b, m: images / f"{stem}_{b}.jp2" if m == PIXEL_M[b] else None)
        write_image(images / f"{stem}_TCI.jp2", np.full((3, SIDE, SIDE), 90), 10, "uint8")
        write_clouds(granule / "QI_DATA", product)
    write_image(granule / "QI_DATA" / f"{stem}_PVI.jp2", np.full((3, 2, 2), 90), 240, "uint8")
    (root / "DATASTRIP" / "DS_X").mkdir(parents=True)
    (root / "DATASTRIP" / "DS_X" / "MTD_DS.xml").write_text("<n1:x xmlns:n1='y'/>")
    (granule / "MTD_TL.xml").write_text(tile_xml(product))
    (root / f"MTD_MSIL{product.level}.xml").write_text(product_xml(product))
    (root / "manifest.safe").write_text("<xfdu:XFDU xmlns:xfdu='urn:ccsds:schema:xfdu:1'/>")
    return root


def write_clouds(folder, product):
    """Write the clouds of Level 1C: a raster since baseline 04.00, outlines before."""
    if product.baseline < "04.00":
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "MSK_CLOUDS_B00.gml").write_text("<eop:Mask xmlns:eop='http://eop'/>")
        return
    layers = np.zeros((3, SIDE // 6, SIDE // 6), "uint8")
    layers[0, 6, 2], layers[1, 6, 3], layers[2, 7, 4] = 1, 1, 1
    write_image(folder / "MSK_CLASSI_B00.jp2", layers, 60, "uint8")


def _write_l2a(product, granule, stem):
    def file_of(band, pixel):
        lacks = band == "B10" or (band == "B08" and pixel > 10)
        return None if lacks else granule / f"IMG_DATA/R{pixel}m/{stem}_{band}_{pixel}m.jp2"

    write_bands(product, file_of)
    for pixel in (20, 60):
        classes = scl()[:: pixel // 20, :: pixel // 20]
        write_image(file_of("SCL", pixel), classes, pixel, "uint8")
    for pixel in (10, 20, 60):
        side = SIDE * 10 // pixel
        write_image(file_of("TCI", pixel), np.full((3, side, side), 80), pixel, "uint8")
        write_image(file_of("AOT", pixel), np.full((side, side), 120), pixel)
        write_image(file_of("WVP", pixel), np.full((side, side), 1500), pixel)
    for mask in ("CLDPRB", "SNWPRB"):
        quality = granule / f"QI_DATA/MSK_{mask}_20m.jp2"
        write_image(quality, np.zeros((SIDE // 2, SIDE // 2)), 20, "uint8")


def zipped(folder):
    """Pack a product as the Data Space Ecosystem does; return the archive, the folder is gone."""
    archive = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, path.relative_to(folder.parent))
    return archive


def _time(compact):
    return dt.datetime.strptime(compact, "%Y%m%dT%H%M%S").isoformat()


def product_xml(product):
    """User product metadata, the elements that PSD 14 has for the level and the baseline."""
    level, key = product.level, "BOA" if product.level == "2A" else "RADIO"
    numbered = "".join(
        f'<{key}_ADD_OFFSET band_id="{IDS.index(b)}">{v}</{key}_ADD_OFFSET>'
        for b, v in product.offsets.items()
    )
    listed = {"BOA": "BOA_ADD_OFFSET_VALUES_LIST", "RADIO": "Radiometric_Offset_List"}[key]
    offsets = f"<{listed}>{numbered}</{listed}>" if product.baseline >= "04.00" else ""
    full = (
        f'<QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit="none">{product.full}'
        '</BOA_QUANTIFICATION_VALUE><AOT_QUANTIFICATION_VALUE unit="none">1000.0'
        "</AOT_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>"
        if level == "2A"
        else f'<QUANTIFICATION_VALUE unit="none">{product.full}</QUANTIFICATION_VALUE>'
    )
    kind = f"Level-{level}_User_Product"
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:{kind} xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-{level}.xsd">
<n1:General_Info><Product_Info>
<PRODUCT_START_TIME>{_time(product.sensed)}.024Z</PRODUCT_START_TIME>
<PRODUCT_URI>{product.name}.SAFE</PRODUCT_URI><PROCESSING_LEVEL>Level-{level}</PROCESSING_LEVEL>
<PROCESSING_BASELINE>{product.baseline}</PROCESSING_BASELINE>
<GENERATION_TIME>{_time(product.made)}.000000Z</GENERATION_TIME>
<Datatake datatakeIdentifier="GS2B_{product.sensed}_032662_N{product.baseline}">
<SPACECRAFT_NAME>Sentinel-{product.craft[1:]}</SPACECRAFT_NAME>
<DATATAKE_SENSING_START>{_time(product.sensed)}.024Z</DATATAKE_SENSING_START></Datatake>
</Product_Info><Product_Image_Characteristics>
<Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT>
<SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
<Special_Values><SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT>
<SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX></Special_Values>{full}{offsets}
</Product_Image_Characteristics></n1:General_Info>
<n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>2.5</Cloud_Coverage_Assessment>
</n1:Quality_Indicators_Info></n1:{kind}>
"""


def tile_xml(product):
    """Tile metadata: the sun, and two bands' views on both sides of north."""
    level = product.level
    tile = f"{product.craft}_OPER_MSI_L{level}_TL_2BPS_{product.made}_A032662_{product.tile}"
    views = "".join(
        f'<Mean_Viewing_Incidence_Angle bandId="{band}"><ZENITH_ANGLE unit="deg">{zenith}'
        f'</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">{azimuth}</AZIMUTH_ANGLE>'
        "</Mean_Viewing_Incidence_Angle>"
        for band, zenith, azimuth in ((0, 4.0, 350.0), (1, 4.0, 10.0))
    )
    kind = f"Level-{level}_Tile_ID"
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<n1:{kind} xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-{level}_Tile_Metadata.xsd">
<n1:General_Info><TILE_ID metadataLevel="Brief">{tile}_N{product.baseline}</TILE_ID>
<SENSING_TIME metadataLevel="Standard">{_time(product.sensed)}.458Z</SENSING_TIME></n1:General_Info>
<n1:Geometric_Info><Tile_Angles metadataLevel="Standard"><Mean_Sun_Angle>
<ZENITH_ANGLE unit="deg">{SUN[0]}</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">{SUN[1]}</AZIMUTH_ANGLE>
</Mean_Sun_Angle><Mean_Viewing_Incidence_Angle_List>{views}</Mean_Viewing_Incidence_Angle_List>
</Tile_Angles></n1:Geometric_Info><n1:Quality_Indicators_Info metadataLevel="Standard">
<Image_Content_QI><CLOUDY_PIXEL_PERCENTAGE>2.5</CLOUDY_PIXEL_PERCENTAGE></Image_Content_QI>
</n1:Quality_Indicators_Info></n1:{kind}>
"""


def write_aws(folder, product, metadata=True):
    """Write the tile of AWS: tiles/36/T/WT/YYYY/M/D/0."""
    day = dt.datetime.strptime(product.sensed[:8], "%Y%m%d")
    root = folder / f"tiles/36/T/WT/{day.year}/{day.month}/{day.day}/0"
    if product.level == "1C":
        write_bands(product, lambda b, m: root / f"{b}.jp2" if m == PIXEL_M[b] else None)
        write_image(root / "TCI.jp2", np.full((3, SIDE, SIDE), 90), 10, "uint8")
    else:
        write_bands(product, lambda b, m: None if b == "B10" else root / f"R{m}m/{b}.jp2")
        write_image(root / "R20m/SCL.jp2", scl(), 20, "uint8")
        write_image(root / "R10m/TCI.jp2", np.full((3, SIDE, SIDE), 90), 10, "uint8")
    write_image(root / "preview.jp2", np.full((3, 2, 2), 90), 240, "uint8")
    if metadata:
        (root / "metadata.xml").write_text(tile_xml(product))
    told = {"timestamp": f"{_time(product.sensed)}.458Z", "productName": product.name}
    (root / "tileInfo.json").write_text(json.dumps(told | {"path": "tiles/36/T/WT"}))
    return root


def write_earth_search(folder, product, applied, named="B{}"):
    """Write COGs of Earth Search v1 and their item; ``applied``: the offset is off the numbers."""
    day = product.sensed[:8]
    identity = f"{product.craft}_{product.tile[1:]}_{day}_0_L2A"
    root = folder / identity
    kept = product if not applied else dataclasses.replace(product, baseline="03.01")
    titles = "coastal blue green red rededge1 rededge2 rededge3 nir nir08 nir09 - swir16 swir22"
    common = dict(zip(IDS, titles.split(), strict=True))
    name_of = (lambda b: f"{b}.tif") if named == "B{}" else (lambda b: f"{common[b]}.tif")
    write_bands(kept, lambda b, m: root / name_of(b) if m == PIXEL_M[b] and b != "B10" else None)
    write_image(root / ("SCL.tif" if named == "B{}" else "scl.tif"), scl(), 20, "uint8")
    write_image(root / "visual.tif", np.full((3, SIDE, SIDE), 90), 10, "uint8")
    item = {
        "type": "Feature", "stac_version": "1.0.0", "id": identity, "properties": {
            "datetime": f"{_time(product.sensed)}.458Z", "platform": "sentinel-2b",
            "s2:product_uri": f"{product.name}.SAFE",
            "s2:processing_baseline": product.baseline, "eo:cloud_cover": 2.5,
            "earthsearch:boa_offset_applied": applied,
            "view:sun_elevation": 90 - SUN[0], "view:sun_azimuth": SUN[1],
        },
    }  # fmt: skip
    (root / f"{identity}.json").write_text(json.dumps(item))
    (root / "granule_metadata.xml").write_text(tile_xml(product))
    return root


def write_before_2016(folder, tiles=("T36TWT", "T36TXT")):
    """Write a Level-1C product as ESA named and packed them before December 2016."""
    made, sensed = "20160914T120000", "20160907T085602"
    name = f"S2A_OPER_PRD_MSIL1C_PDMC_{made}_R064_V{sensed}_{sensed}"
    root = folder / f"{name}.SAFE"
    for tile in tiles:
        product = Product("1C", "02.04", sensed=sensed, made=made, tile=tile, craft="S2A")
        stem = f"S2A_OPER_MSI_L1C_TL_SGS__{made}_A006331_{tile}"
        granule = root / "GRANULE" / f"{stem}_N02.04"
        write_bands(
            product,
            lambda b, m, g=granule, s=stem: (
                g / f"IMG_DATA/{s}_{b}.jp2" if m == PIXEL_M[b] else None
            ),
        )
        beside = stem.replace("_MSI_", "_MTD_")
        (granule / f"{beside}.xml").write_text(tile_xml(product))
    (root / f"{name.replace('_PRD_MSIL1C', '_MTD_SAFL1C')}.xml").write_text(product_xml(product))
    return Path(root)
