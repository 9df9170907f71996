"""What a run over ice reads: granules with what belongs to them, and images, each with its time."""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from obriy.errors import SourceError, UsageError
from obriy.sources.base import MADE_UP, TIMES
from obriy.sources.dates import parse_range, time_in
from obriy.sources.integrity import HDF4_SUFFIXES as HDF
from obriy.sources.reading import SUFFIXES

_GEOLOCATION: Final = re.compile(r"^M[OY]D03\b", re.IGNORECASE)
_CLOUDS: Final = re.compile(r"^M[OY]D35", re.IGNORECASE)
_SATELLITE: Final = re.compile(r"^M([OY])D", re.IGNORECASE)
_FALSE_COLOUR: Final = re.compile(r"falsecolou?r", re.IGNORECASE)
_TRUE_COLOUR: Final = re.compile(r"truecolou?r", re.IGNORECASE)
_MASK: Final = re.compile(r"^(land(mask)?|cloud)\b|\.landmask\.", re.IGNORECASE)
"""Rasters beside the images that are no images."""


@dataclasses.dataclass(frozen=True)
class IceImage:
    """One image of a run.

    Attributes:
        name: Its own name in the run: the stem of its file.
        time: ISO 8601, to the minute where known.
        path: The file, or an address such as ``simulated:ice``.
        geolocation: The MOD03 of a granule, where there is one.
        clouds: The MOD35 of a granule, or the drawing of clouds beside a picture, where there is
            one.
        false_colour: The false-colour picture that belongs to a true-colour one.
        land: The land mask that lies beside a picture.
    """

    name: str
    time: str
    path: str
    geolocation: Path | None = None
    clouds: Path | None = None
    false_colour: Path | None = None
    land: Path | None = None

    @property
    def date(self) -> str:
        """The day, ISO 8601."""
        return self.time[:10]

    @property
    def is_picture(self) -> bool:
        """Whether it is a true-colour picture, enhanced and not calibrated."""
        return _TRUE_COLOUR.search(Path(self.path).name) is not None


def find_ice_images(
    sources: Sequence[str],
    *,
    geolocation: Sequence[str] = (),
    clouds: str = "auto",
    datetime: str | None = None,
) -> list[IceImage]:
    """Find the images that a user named, in the order of time.

    MOD03 and MOD35 files among the sources, beside the granules, or in what ``geolocation`` and
    ``clouds`` name are put to the granule of the same satellite and time.

    Args:
        sources: Files, folders, or ``simulated:ice``.
        geolocation: MOD03 files or folders of them.
        clouds: ``auto``, ``none``, or a MOD35 file or a folder of them to look in, too.
        datetime: ``A/B`` as for `obriy.sources.dates.parse_range`.

    Raises:
        SourceError: nothing there, an image whose time nothing tells, or a file of ``geolocation``
            or ``clouds`` that belongs to none of the granules.
        UsageError: two images of one name, or none within ``datetime``.
    """
    files = [file for source in sources for file in _files(source)]
    names = [Path(file).name for file in files]
    places = [*geolocation, *([] if clouds in ("auto", "none") else [clouds])]
    helpers = [path for place in places for path in _hdf(place)]  # what was named goes first
    helpers += [Path(f) for f, n in zip(files, names, strict=True) if _is_helper(n)]
    _require_helpers(geolocation, helpers)
    images = [_image(f, files, helpers) for f in files if is_image(Path(f).name)]
    if not images:
        held = f"only {', '.join(names[:5])}" if names else "nothing that could be one"
        raise SourceError(
            f"There is no image in {', '.join(sources[:3])}: {held}.",
            "Name MOD02HKM or MYD02HKM granules, images, or a folder of them.",
        )
    _refuse_twins(images)
    _require_use(places, images)
    if clouds == "none":
        images = [dataclasses.replace(image, clouds=None) for image in images]
    return _within(sorted(images, key=lambda image: (image.time, image.name)), datetime)


def _files(source: str) -> list[str]:
    """Return the files of a source; an address stays as it is."""
    path = Path(source).expanduser()
    if path.is_dir():
        inside = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
        return [str(p) for p in inside if p.name.lower().endswith((*HDF, *SUFFIXES))]
    if not path.exists() and not source.startswith(MADE_UP):
        raise SourceError(f"There is no {source}.", "Check the path.")
    return [source if source.startswith(MADE_UP) else str(path)]


def _hdf(source: str) -> list[Path]:
    path = Path(source).expanduser()
    if path.is_dir():
        return sorted(p for p in path.iterdir() if p.name.lower().endswith(HDF))
    if not path.exists():
        raise SourceError(f"There is no {source}.", "Check the path.")
    return [path]


def _is_helper(name: str) -> bool:
    return bool(_GEOLOCATION.match(name) or _CLOUDS.match(name))


def is_image(name: str) -> bool:
    """Whether a file is an image by its name, and not what belongs to one."""
    return not (_is_helper(name) or _MASK.search(name) or _FALSE_COLOUR.search(name))


def _require_helpers(geolocation: Sequence[str], helpers: Iterable[Path]) -> None:
    if geolocation and not any(_GEOLOCATION.match(h.name) for h in helpers):
        raise SourceError(
            f"--geolocation: {', '.join(geolocation)} holds no MOD03 or MYD03 file.",
            "They are named MOD03.AYYYYDDD.HHMM.*.hdf.",
        )


def _require_use(places: Sequence[str], images: Sequence[IceImage]) -> None:
    """Refuse a file that was named and belongs to no granule: nothing would be made of it.

    Raises:
        SourceError: naming the file.
    """
    used = {file for image in images for file in (image.geolocation, image.clouds)}
    for path in (Path(place).expanduser() for place in places):
        if path.is_file() and path not in used:
            raise SourceError(
                f"{path} is of another granule than those to map, or another product.",
                "Name the file of the same satellite and time, as NASA names it.",
            )


def _image(file: str, files: Sequence[str], helpers: Sequence[Path]) -> IceImage:
    path = Path(file)
    if file.startswith(MADE_UP):
        return IceImage(_stem(path), TIMES.get("simulated")(file), file)
    time = time_in(path.name) or time_in(path.parent.name)
    if time is None:
        raise SourceError(
            f"Nothing tells the time of {path.name}.",
            "Name the file with its date and time, e.g. 2021-02-18T0225.tif.",
        )
    if not path.name.lower().endswith(HDF):
        named = path if time_in(path.name) else Path(f"{path.parent.name}.{path.name}")
        return IceImage(_stem(named), time, file, **beside_picture(path, files))
    near = [*helpers, *_hdf(str(path.parent))]
    return IceImage(
        _stem(path),
        time,
        file,
        geolocation=_partner(path, near, _GEOLOCATION),
        clouds=_partner(path, near, _CLOUDS),
    )


def _stem(path: Path) -> str:
    return re.sub(r"[^\w.-]+", "-", re.sub(r"\.(tiff?|hdf4?|h4|vrt|nc)$", "", path.name))


def _partner(granule: Path, helpers: Iterable[Path], kind: re.Pattern[str]) -> Path | None:
    """Return the file of a kind with the satellite and the time of a granule."""
    wanted = _moment(granule.name)
    return next((h for h in helpers if kind.match(h.name) and _moment(h.name) == wanted), None)


def _moment(name: str) -> tuple[str, str | None]:
    satellite = _SATELLITE.match(name)
    return (satellite[1].upper() if satellite else ""), time_in(name)


def beside_picture(path: Path, files: Sequence[str]) -> dict[str, Path]:
    """Return what belongs to a true-colour picture, by the names: false colour, land, clouds.

    Args:
        path: The picture; what lies in its folder is looked through.
        files: More files to look through.

    Returns:
        Files by ``false_colour``, ``land``, ``clouds``, as far as there are any.
    """
    if not _TRUE_COLOUR.search(path.name):
        return {}
    there = {p.name.lower(): p for p in path.parent.iterdir()} | {
        Path(f).name.lower(): Path(f) for f in files
    }
    wanted = {
        "false_colour": _TRUE_COLOUR.sub("falsecolor", path.name.lower()),
        "land": _TRUE_COLOUR.sub("landmask", path.name.lower()),
        "clouds": _TRUE_COLOUR.sub("cloud", path.name.lower()),
    }
    found = {kind: there[name] for kind, name in wanted.items() if name in there}
    if "land" not in found:  # one mask serves the pictures of both satellites
        day = re.sub(r"(terra|aqua).*", "", path.name.lower())
        masks = [p for n, p in sorted(there.items()) if n.startswith(day) and "landmask" in n]
        found |= {"land": masks[0]} if masks else {}
    return found


def _refuse_twins(images: Sequence[IceImage]) -> None:
    names = [image.name for image in images]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"Two images are named {twice}.", "Keep one of them.")


def _within(images: list[IceImage], datetime: str | None) -> list[IceImage]:
    if datetime is None:
        return images
    first, last = parse_range(datetime)
    inside = [image for image in images if first <= image.date <= last]
    if not inside:
        raise UsageError(
            f"No image lies in {datetime}: they are of {images[0].date} to {images[-1].date}.",
            "Give another --datetime A/B.",
        )
    return inside
