"""More districts than anybody reads: all are measured, and a report lists the largest."""

import numpy as np
import pytest
import shapely
from tests.test_areas import local, map_of

from obriy.measures.areas import measure_areas
from obriy.model.areas import MOST_OUTLINES, District
from obriy.outputs.report.cells import MOST_ROWS, largest, left_out
from obriy.outputs.report.water import _districts
from obriy.render.furniture import district_entries
from obriy.render.text import text_of

SIDE = 25  # districts in a row; each has 4 x 4 pixels


@pytest.fixture(scope="module")
def areas():
    """625 districts that tile a map; of water district k has k % 17 pixels."""
    labels = np.ones((4 * SIDE, 4 * SIDE), "uint8")
    districts = []
    for k in range(SIDE * SIDE):
        row, column = divmod(k, SIDE)
        cell = np.ones(16, "uint8")
        cell[: k % 17] = 2
        labels[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = cell.reshape(4, 4)
        box = shapely.box(40 * column, -40 * row - 40, 40 * column + 40, -40 * row)
        districts.append(District(f"d{k}", box, None))
    return measure_areas(map_of(labels, local(labels.shape)), "water", districts, pixel_size_m=10)


def test_each_has_its_own_water(areas):
    assert areas.together == ()
    assert [a.area_km2 for a in areas.areas] == pytest.approx(
        [(k % 17) * 100e-6 for k in range(SIDE * SIDE)]
    )


def test_a_report_lists_the_largest_and_says_where_all_are(areas):
    table, words = _districts(text_of("en"), areas).parts
    assert len(table.rows) == MOST_ROWS
    assert words.text.startswith("The 500 districts of 625 with the largest areas; areas.csv has")
    shown = {row[0] for row in table.rows}
    # Of 625 districts 125 are left out: those of 0, 1 and 2 pixels (37 each), and 14 of 3.
    assert {f"d{k}" for k in range(SIDE * SIDE) if k % 17 > 3} <= shown
    assert not {f"d{k}" for k in range(SIDE * SIDE) if k % 17 < 3} & shown


def test_a_few_are_listed_as_they_stand(areas):
    few = areas.areas[:MOST_ROWS]
    assert largest(few) == list(few)
    assert left_out(text_of("en"), len(few), "areas.csv") == ""


def test_what_is_not_outlined_is_in_no_legend(areas):
    one = District("d", shapely.box(0, 0, 1, 1), None)
    assert district_entries(text_of("en"), [one] * MOST_OUTLINES)
    assert not district_entries(text_of("en"), [one] * (MOST_OUTLINES + 1))
