"""What `obriy measure` prints."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from obriy.model.areas import WHOLE_IMAGE, Area

if TYPE_CHECKING:
    from obriy.workflows.measuring_maps import MeasuredMaps


def print_measured(measured: "MeasuredMaps") -> None:
    """Print areas by map and district, and what changed."""
    console = Console(highlight=False, markup=False)
    table = Table("map", "date", "district", f"{measured.class_name}, km²", "unseen")
    for one in measured.maps:
        for area in (*one.series.areas, *one.series.together):
            table.add_row(one.name, area.date or "-", _place(area), _km2(area.area_km2),
                          f"{area.unseen_share:.1%}")  # fmt: skip
    console.print(table)
    if measured.change is not None:
        total = measured.change.total
        console.print(
            f"Change from {measured.maps[0].name} to {measured.maps[-1].name}: "
            f"gained {_km2(total.gained_km2)} km², lost {_km2(total.lost_km2)} km², "
            f"lasting {_km2(total.stable_km2)} km², net {_km2(total.net_km2)} km²; "
            f"unseen on a side {total.unseen_km2:.4f} km²"
        )
    for note in dict.fromkeys((*measured.maps[0].notes, *measured.notes)):
        console.print(f"Note: {note}")


def _place(area: Area) -> str:
    return "whole map" if area.district == WHOLE_IMAGE else area.district


def _km2(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
