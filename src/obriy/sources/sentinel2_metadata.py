"""What a Sentinel-2 product says of itself: its XML, the item or JSON beside it, its name.

Whoever passes products on leaves other parts of them: ESA and Google the metadata of product and
granule, AWS those of the granule and a ``tileInfo.json``, Earth Search a STAC item, many users the
name alone. Each is read for what it tells; what stands nearer to the pixels' maker is believed
before what stands farther off, and where two disagree, that is said.

Source: ESA, Sentinel-2 Products Specification Document S2-PDGS-TAS-DI-PSD v14.9, 4.2-4.8 (User
Product and Tile Metadata); v13.1 for the element names before 2018; STAC extensions eo v1.1, view
v1.0, sentinel-2 v1.0; Element 84, Earth Search v1 (``earthsearch:boa_offset_applied``).
"""

import json
import math
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from obriy.errors import SourceError
from obriy.model.notices import notice
from obriy.tables.sensor import load_sensor

Facts = dict[str, Any]
"""Facts by name; see `facts_of`."""
OFFSET_SINCE: Final = "04.00"
"""First processing baseline that adds 1000 to every number."""
OFFSET: Final = -1000.0
_AGAIN: Final = "Download the product again."
_NAMES: Final = (
    r"(?P<craft>S2[A-D])_MSIL(?P<level>1C|2A)_(?P<time>\d{8}T\d{6})_N(?P<baseline>\d{4})_R\d{3}_",
    r"(?P<craft>S2[A-D])_MSIL(?P<level>1C|2A)_(?P<time>\d{8}T\d{6})_",
    r"(?P<craft>S2[A-D])_(?:OPER|USER)_PRD_MSIL(?P<level>1C|2A)_\w+?_V(?P<time>\d{8}T\d{6})",
    r"(?P<craft>S2[A-D])_T?\d{1,2}[A-Z]{3}_(?P<time>\d{8}(?:T\d{6})?)_(?:\d+_)?L(?P<level>1C|2A)",
    r"T\d{2}[A-Z]{3}_(?P<time>\d{8}T\d{6})_",
)
"""Names of products (of ESA before and since December 2016, of Earth Search) and of band files;
times in them are of sensing."""
_LEVELS: Final = {"1C": "L1C", "2A": "L2A"}
_SAID: Final = ("level", "baseline", "platform")
"""Facts on which two parts of a product may not disagree unheard."""


def facts_of(
    parts: Iterable[tuple[str, str]], names: Iterable[str]
) -> tuple[Facts, tuple[str, ...]]:
    """Put together what the parts of a product tell.

    Args:
        parts: Name and text of each, the one nearest to the maker of the pixels first.
        names: Names of folders and files, tried last, in this order.

    Returns:
        What is told, and sentences on what disagrees. Facts, each only where it is told:
        ``level`` ("L1C", "L2A"), ``baseline`` ("05.09"), ``platform`` ("Sentinel-2B"), ``time``
        (of sensing, ISO 8601, UTC), ``quantification`` (DN that is a reflectance of 1),
        ``offsets`` (DN to add, by band: "B8A"), ``nodata`` and ``saturated`` (DN), ``cloud_cover``
        (per cent), ``sun`` (elevation, azimuth) and ``view`` (zenith, azimuth; means, degrees),
        ``properties`` (of a STAC item); ``by``: which part told each.

    Raises:
        SourceError: a part that cannot be read, or numbers that are none.
    """
    told: Facts = {"by": {}}
    disagree = []
    for name, found in [(name, read_part(name, text)) for name, text in parts] + [
        (notice("the_name", name=name), of_name(name)) for name in names
    ]:
        for key, value in found.items():
            if key not in told:
                told[key], told["by"][key] = value, name
            elif key in _SAID and told[key] != value:
                first, one, two = told["by"][key], str(told[key]), str(value)
                disagree.append(
                    notice("product_disagrees", first=first, one=one, name=name, two=two)
                )
    if "offsets" not in told and "baseline" in told:
        added = OFFSET if told["baseline"] >= OFFSET_SINCE else 0.0
        told["offsets"] = dict.fromkeys(band_ids(), added)
        told["by"]["offsets"] = notice("baseline", number=told["baseline"])
    time = told.pop("datatake", None)
    if time and "time" not in told:
        told["time"], told["by"]["time"] = time, told["by"]["datatake"]
    told["by"].pop("datatake", None)
    return told, tuple(dict.fromkeys(disagree))


def read_part(name: str, text: str) -> Facts:
    """Return what one part tells, XML or JSON; nothing for a part of another kind."""
    if name.lower().endswith(".json"):
        return _of_json(text)
    if "<!doctype" in text.lower():
        raise SourceError(f"{name} declares entities, and metadata of ESA have none.", _AGAIN)
    try:
        root = ET.fromstring(text)  # noqa: S314 - entities would need the DOCTYPE
    except ET.ParseError as error:
        raise SourceError(f"{name} is no XML that can be read ({error}).", _AGAIN) from error
    values: dict[str, list[ET.Element]] = defaultdict(list)
    for element in root.iter():
        values[_plain(element.tag)].append(element)
    kind = _plain(root.tag)
    if kind.endswith("User_Product"):
        return _known(_of_product(kind, values, name))
    return _known(_of_tile(kind, root, values, name)) if kind.endswith("Tile_ID") else {}


def band_ids() -> list[str]:
    """Return the bands in the order in which metadata number them, from 0."""
    return [band.id for band in load_sensor("sentinel2_l1c").bands]


def _of_product(kind: str, values: Mapping[str, list[ET.Element]], name: str) -> Facts:
    level = kind.removeprefix("Level-").removesuffix("_User_Product")
    quantification = (
        ("QUANTIFICATION_VALUE",)
        if level == "1C"
        else ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE")
    )
    added = values["RADIO_ADD_OFFSET" if level == "1C" else "BOA_ADD_OFFSET"]
    ids = band_ids()
    special = dict(
        zip(
            (_text(e) for e in values["SPECIAL_VALUE_TEXT"]),
            values["SPECIAL_VALUE_INDEX"],
            strict=False,
        )
    )
    return {
        "level": _LEVELS.get(level),
        "baseline": _first(values, "PROCESSING_BASELINE"),
        "platform": _first(values, "SPACECRAFT_NAME"),
        "datatake": _first(values, "DATATAKE_SENSING_START", "PRODUCT_START_TIME"),
        "quantification": _quantity(values, name, *quantification),
        "offsets": {ids[_band(e, ids, name)]: _number(e, name) for e in added},
        "nodata": _number(special["NODATA"], name) if "NODATA" in special else None,
        "saturated": _number(special["SATURATED"], name) if "SATURATED" in special else None,
        "cloud_cover": _quantity(values, name, "Cloud_Coverage_Assessment"),
    }


def _of_tile(
    kind: str, root: ET.Element, values: Mapping[str, list[ET.Element]], name: str
) -> Facts:
    tile = _first(values, "TILE_ID", "TILE_ID_2A") or ""
    baseline = re.search(r"_N(\d{2}\.\d{2})$", tile)
    return {
        "level": _LEVELS.get(kind.removeprefix("Level-").removesuffix("_Tile_ID")),
        "baseline": baseline[1] if baseline else None,
        "platform": f"Sentinel-2{tile[2]}" if re.match(r"S2[A-D]_", tile) else None,
        "time": _first(values, "SENSING_TIME"),
        "cloud_cover": _quantity(values, name, "CLOUDY_PIXEL_PERCENTAGE"),
        "sun": _sun(root, name),
        "view": _mean_view(values["Mean_Viewing_Incidence_Angle"], name),
    }


def _sun(root: ET.Element, name: str) -> tuple[float, float] | None:
    angles = [_angles(e, name) for e in root.iter() if _plain(e.tag) == "Mean_Sun_Angle"]
    return (round(90 - angles[0][0], 4), round(angles[0][1], 4)) if angles else None


def _mean_view(elements: Iterable[ET.Element], name: str) -> tuple[float, float] | None:
    """Return zenith and azimuth of the mean of directions, those of the bands."""
    pairs = [_angles(element, name) for element in elements]
    if not pairs:
        return None
    tilts = [(math.sin(math.radians(z)), math.radians(a)) for z, a in pairs]
    north = sum(tilt * math.cos(azimuth) for tilt, azimuth in tilts)
    east = sum(tilt * math.sin(azimuth) for tilt, azimuth in tilts)
    zenith = sum(z for z, _ in pairs) / len(pairs)
    return round(zenith, 4), round(math.degrees(math.atan2(east, north)), 4) % 360


def _angles(element: ET.Element, name: str) -> tuple[float, float]:
    found = {_plain(child.tag): child for child in element}
    if not {"ZENITH_ANGLE", "AZIMUTH_ANGLE"} <= set(found):
        raise SourceError(f"{name}: {_plain(element.tag)} lacks an angle.", _AGAIN)
    return _number(found["ZENITH_ANGLE"], name), _number(found["AZIMUTH_ANGLE"], name)


def _of_json(text: str) -> Facts:
    """Return what a STAC item, or AWS's ``tileInfo.json`` or ``productInfo.json``, tells."""
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(document, dict):
        return {}
    properties = document.get("properties")
    if not isinstance(properties, dict):
        name = str(document.get("productName") or document.get("name") or "")
        return {**_known({"time": document.get("timestamp")}), **of_name(name)}
    sun = [properties.get(f"view:sun_{angle}") for angle in ("elevation", "azimuth")]
    baseline = properties.get("s2:processing_baseline") or properties.get("processing:version")
    named = of_name(str(properties.get("s2:product_uri") or document.get("id") or ""))
    return {
        **named,
        **_known(
            {
                "time": properties.get("datetime"),
                "baseline": baseline,
                "cloud_cover": properties.get("eo:cloud_cover"),
                "sun": None if None in sun else tuple(map(float, sun)),  # type: ignore[arg-type]
            }
        ),
        "properties": {
            key: str(value).lower() if isinstance(value, bool) else str(value)
            for key, value in properties.items()
            if isinstance(value, str | int | float)
        },
    }


def of_name(name: str) -> Facts:
    """Return what the name of a product, a granule or a band file tells; often nothing."""
    match = next(filter(None, (re.match(pattern, name) for pattern in _NAMES)), None)
    if match is None:
        return {}
    parts = match.groupdict()
    craft, level, baseline = (parts.get(key) for key in ("craft", "level", "baseline"))
    day, _, clock = parts["time"].partition("T")
    time = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    return _known(
        {
            "platform": craft and f"Sentinel-2{craft[2]}",
            "level": level and _LEVELS[level],
            "baseline": baseline and f"{baseline[:2]}.{baseline[2:]}",
            "datatake": time + (f"T{clock[:2]}:{clock[2:4]}:{clock[4:]}Z" if clock else ""),
        }
    )


def _known(told: Facts) -> Facts:
    return {key: value for key, value in told.items() if value not in (None, "", {})}


def _first(values: Mapping[str, list[ET.Element]], *tags: str) -> str | None:
    found = (_text(element) for tag in tags for element in values.get(tag, ()))
    return next(filter(None, found), None)


def _quantity(values: Mapping[str, list[ET.Element]], name: str, *tags: str) -> float | None:
    return next((_number(e, name) for tag in tags for e in values.get(tag, ())), None)


def _band(element: ET.Element, ids: list[str], name: str) -> int:
    number = next((v for k, v in element.attrib.items() if k.lower() in ("band_id", "bandid")), "")
    if not number.isdigit() or int(number) >= len(ids):
        raise SourceError(
            f"{name}: {_plain(element.tag)} is of the band '{number}', and there are 0 to "
            f"{len(ids) - 1}.",
            _AGAIN,
        )
    return int(number)


def _number(element: ET.Element, name: str) -> float:
    try:
        found = float(_text(element))
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise SourceError(
            f"{name}: {_plain(element.tag)} is '{_text(element)}', which is no number.", _AGAIN
        )
    return found


def _text(element: ET.Element) -> str:
    return (element.text or "").strip()


def _plain(tag: str) -> str:
    """Return the name of an element without its namespace."""
    return tag.rpartition("}")[2]
