"""What is asked of a Process API: bands, quality and data mask, and the script that makes them."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is asked of the service, but for the place.

    Attributes:
        collection: Its id, e.g. ``sentinel-2-l2a``.
        start: First moment, ISO 8601 in UTC.
        end: Last moment.
        bands: The provider's names of bands, in the order of the answer.
        quality: Its name of the quality band; empty: there is none.
        resampling: ``nearest`` or ``bilinear``, of the bands: quality is always the nearest.
    """

    collection: str
    start: str
    end: str
    bands: tuple[str, ...]
    quality: str
    resampling: str = "nearest"

    @property
    def count(self) -> int:
        """Bands of the answer: those named, quality, dataMask."""
        return len(self.bands) + bool(self.quality) + 1

    @property
    def charged(self) -> int:
        """Bands that a request is charged for: dataMask is free."""
        return self.count - 1

    def evalscript(self) -> str:
        """Return the script that makes the answer: DN as they are, quality, dataMask, UINT16."""
        whole = [*self.bands, *([self.quality] if self.quality else []), "dataMask"]
        if self.resampling == "nearest":
            inputs, argument = [_input(whole)], "sample"
            values = [f"sample.{name}" for name in whole]
        else:  # classes and masks do not mix: they come from a source of their own
            own = whole[len(self.bands) :]
            inputs, argument = [_input(self.bands, "bands"), _input(own, "classes")], "samples"
            values = [f"samples.bands[0].{name}" for name in self.bands]
            values += [f"samples.classes[0].{name}" for name in own]
        return (
            "//VERSION=3\n"
            "function setup() {\n"
            f'  return {{input: [{", ".join(inputs)}], mosaicking: "SIMPLE",\n'
            f'    output: {{bands: {len(whole)}, sampleType: "UINT16"}}}};\n'
            "}\n"
            f"function evaluatePixel({argument}) {{\n"
            f"  return [{', '.join(values)}];\n"
            "}\n"
        )

    def data(self) -> list[dict[str, Any]]:
        """Return the part ``input.data`` of a request."""
        own = {
            "type": self.collection,
            "dataFilter": {"timeRange": {"from": self.start, "to": self.end}},
        }
        if self.resampling == "nearest":
            return [own | _processing("NEAREST")]
        return [
            {"id": "bands", **own, **_processing(self.resampling.upper())},
            {"id": "classes", **own, **_processing("NEAREST")},
        ]


def _input(names: list[str] | tuple[str, ...], source: str = "") -> str:
    """Return one input of an evalscript."""
    listed = ", ".join(f'"{name}"' for name in names)
    units = ", ".join('"DN"' for _ in names)
    where = f'datasource: "{source}", ' if source else ""
    return f"{{{where}bands: [{listed}], units: [{units}]}}"


def _processing(how: str) -> dict[str, Any]:
    return {"processing": {"upsampling": how, "downsampling": how, "harmonizeValues": True}}
