"""``result.json``: one shape for what failed, one headline, and files of before are still read."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import ValidationError

from obriy.errors import InputError
from obriy.model.areas import Area
from obriy.model.provenance import Provenance
from obriy.model.result.base import AsNoun, DistrictRow, Failure
from obriy.model.result.ice import IceDate, IceResult
from obriy.model.result.landcover import ClassRow, CoverTotal, LandcoverResult
from obriy.model.result.water import Estimate, WaterDate, WaterImageResult, WaterSeriesResult
from obriy.runs.result_file import read_result, result_schema

OLD = Path(__file__).parent / "results_of_version_1"
SCHEMA = Path(__file__).parent.parent / "docs" / "result.schema.json"


def plain(result):
    return json.loads(json.dumps(result.to_dict(), allow_nan=False))


def lost(old, new, where=""):
    """What stands in old values and not, or otherwise, in new ones."""
    if isinstance(old, dict):
        gone = [f"{where}/{key}" for key in old if key not in new]
        return gone + [x for k in old if k in new for x in lost(old[k], new[k], f"{where}/{k}")]
    if isinstance(old, list):
        if len(old) != len(new):
            return [where]
        return [x for one, other in zip(old, new, strict=True) for x in lost(one, other, where)]
    return [] if old == new else [where]


@pytest.mark.parametrize("file", sorted(OLD.glob("*.json")), ids=lambda file: file.stem)
def test_every_field_of_a_file_of_version_1_keeps_name_and_value(file):
    old = json.loads(file.read_text(encoding="utf-8"))
    assert "schema_version" not in old
    result = read_result(file)
    new = plain(result)
    assert new["schema_version"] == "2"
    if old.get("job") == "compare":
        old["job"] = "compare-landcover"
    # The bounds of an area are made of its other values: since version 2 errors of the map count.
    otherwise = ("/failed", "/areas/bounds_km2")
    assert [place for place in lost(old, new) if not place.startswith(otherwise)] == []
    assert plain(read_result(new)) == new, "what is written is read as it was"


def test_what_failed_has_one_shape():
    series = read_result(OLD / "water_series.json")
    ice = read_result(OLD / "ice.json")
    (date,), (image,) = series.failed, ice.failed
    assert (date.kind, date.name) == ("date", "2023-04-01")
    assert (image.kind, image.name) == ("image", "2020-11-20T0155_terra")
    assert "web page" in date.reason
    assert "web page" in image.reason
    hole = {"row": 0, "column": 64, "rows": 64, "columns": 64, "reason": "a tile is damaged"}
    cover = json.loads((OLD / "landcover.json").read_text(encoding="utf-8")) | {"failed": [hole]}
    where = {"row": 0, "column": 64, "rows": 64, "columns": 64}
    assert read_result(cover).failed == [
        Failure(kind="part", name="image", reason="a tile is damaged", where=where)
    ]
    water = json.loads((OLD / "water_image.json").read_text(encoding="utf-8"))
    water["dates"][0]["holes"] = [hole]
    (part,) = read_result(water).failed
    assert (part.kind, part.where) == ("part", where)
    (row, *_) = read_result(OLD / "compare_landcover.json").failed
    assert (row.kind, row.name) == ("method", "kmeans")


def test_image_and_series_are_told_apart_by_their_kind():
    assert isinstance(read_result(OLD / "water_image.json"), WaterImageResult)
    season = read_result(OLD / "water_season.json")
    assert isinstance(season, WaterSeriesResult)
    assert (season.job, season.kind) == ("water", "series")


def headline(seen, expected, interval, bounds=None, unseen=0.3, clouds="known"):
    return Estimate(area_km2=seen, expected_km2=expected, interval_km2=interval, unseen=clouds,
                    bounds_km2=bounds, unseen_share=unseen).estimate()  # fmt: skip


def test_the_headline_is_the_estimate_of_the_whole_with_its_own_interval():
    head = headline(1.539, 2.202, (2.0, 2.707), (1.539, 9.437))
    assert (head.km2, head.interval_km2, head.of, head.why) == (2.202, (2.0, 2.707), "whole", "")
    assert (head.seen_km2, head.bounds_km2, head.wide) == (1.539, (1.539, 9.437), True)


@pytest.mark.parametrize(
    ("clouds", "expected", "interval", "why"),
    [
        ("known", None, None, "too_little_seen"),
        ("known", 2.2, None, "too_little_seen"),
        ("unknown", None, None, "clouds_unknown"),
        ("unknown", 2.2, (2.0, 2.7), "clouds_unknown"),
    ],
)
def test_what_was_seen_leads_without_an_interval_of_something_else(clouds, expected, interval, why):
    head = headline(1.5, expected, interval, clouds=clouds)
    assert (head.km2, head.interval_km2, head.of, head.why) == (1.5, None, "seen", why)


def test_where_nothing_was_seen_there_is_no_figure():
    head = headline(None, None, None, unseen=1.0)
    assert (head.km2, head.interval_km2, head.of, head.why) == (
        None, None, "nothing", "nothing_seen",
    )  # fmt: skip


def ice_day(date, seen, expected, unseen):
    return IceDate(
        date=date, granule=date, ice_km2=seen, expected_km2=expected,
        interval_km2=None if expected is None else (expected / 2, expected * 2),
        unseen_share=unseen, extent_km2=seen, water_km2=0.0, sea_km2=100.0, ice_share=None,
        water_share=None, cloud_share=unseen,
    )  # fmt: skip


def test_ice_is_led_by_the_most_of_the_dates_that_saw_half_of_the_sea():
    days = [ice_day("2021-01-01", 40.0, 50.0, 0.2), ice_day("2021-02-01", 20.0, 90.0, 0.8),
            ice_day("2021-03-01", 30.0, 30.0, 0.0)]  # fmt: skip
    result = IceResult(method="auto", dates=days, areas=[], seasons=[], provenance=Provenance())
    head = result.headline
    assert (head.date, head.km2, head.interval_km2) == ("2021-01-01", 50.0, (25.0, 100.0))
    assert (head.dates, head.counted, head.maximum) == (3, 2, False)
    assert (head.larger_date, head.larger_km2) == ("2021-02-01", 90.0)
    assert result.leading_date is days[0]
    sure = IceResult(method="", dates=days[::2], areas=[], seasons=[], provenance=Provenance())
    assert sure.headline.maximum
    assert read_result(plain(result)) == result
    blind = ice_day("2021-02-01", None, None, 1.0)
    none = IceResult(method="", dates=[blind], areas=[], seasons=[], provenance=Provenance())
    assert none.headline is None


def test_land_cover_is_led_by_the_largest_class_that_has_a_name():
    classes = (("unknown", 255, 9.0), ("water", 80, 2.0), ("bare", 60, 3.0))
    rows = [
        ClassRow(name=name, code=code, area_km2=km2, share=0.3, district="all")
        for name, code, km2 in classes
    ]
    result = LandcoverResult(
        method="kmeans", legend="worldcover", unseen_share=0.1, clusters=[], classes=rows,
        total=CoverTotal(district="all", classes=rows, unseen_share=0.1), decision={},
        provenance=Provenance(),
    )  # fmt: skip
    head = result.headline
    assert (head.what, head.km2, head.interval_km2) == ("bare", 3.0, None)
    assert (head.of, head.why) == ("seen", "classes")


def test_a_headline_in_a_file_is_not_believed_but_decided():
    values = json.loads((OLD / "water_image.json").read_text(encoding="utf-8"))
    told = read_result(values).headline
    values |= {"schema_version": "2", "kind": "image"}
    values["headline"] = told.model_dump() | {"km2": 1e6}
    assert read_result(values).headline == told


def test_a_row_of_a_district_has_its_headline_and_all_that_was_measured():
    area = Area("North", "2025-06-05", 2.0, 1.9, 10.0, 0.0, 0.25, {"cloud": 0.25},
                expected_km2=2.5, interval_km2=(2.0, 3.1))  # fmt: skip
    row = DistrictRow.of(area, None)
    assert (row.district, row.unseen_share, row.district_km2) == ("North", 0.25, 10.0)
    written = row.model_dump()
    assert {name: written[name] for name in area.to_dict()} == area.to_dict()


def test_what_is_not_in_the_model_is_not_written():
    with pytest.raises(ValidationError):
        Failure(kind="date", name="", reason="", colour="red")
    with pytest.raises(ValidationError):
        Failure(kind="weather", name="", reason="")


def test_fields_of_a_later_version_are_passed_over():
    values = plain(read_result(OLD / "ice.json"))
    known = read_result(values)
    values["moon"] = 1
    values["dates"][0]["tide_m"] = 0.3
    values["schema_version"] = "2"
    assert read_result(values) == known


def test_what_is_no_result_is_said_in_a_sentence(tmp_path):
    path = tmp_path / "result.json"
    with pytest.raises(InputError, match="cannot be read as a result"):
        read_result(path)
    for text, said in (
        ("[]", "does not say of which job"),
        ('{"job": "cooking"}', "not known: 'cooking'"),
        ('{"job": "ice", "dates": []}', "no whole result: provenance"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=said):
            read_result(tmp_path)


def test_a_field_of_a_result_and_a_figure_of_an_area_are_one_line_each():
    @dataclasses.dataclass(frozen=True)
    class TidalArea(Area):
        tide_m: float = 0.0

    class TidalResult(WaterImageResult):
        moon: str = "new"
        areas: list[Annotated[TidalArea, AsNoun]]

    area = TidalArea("bay", "2025-06-05", 2.0, None, 10.0, 0.0, 0.0, {}, tide_m=1.5)
    date = WaterDate(date="2025-06-05", area_km2=2.0, expected_km2=2.0, interval_km2=(1.8, 2.2),
                     unseen_share=0.0, clear_share=1.0)  # fmt: skip
    result = TidalResult(
        **{name: getattr(date, name) for name in Estimate.model_fields}, method="auto",
        dates=[date], decision={}, provenance=Provenance(), moon="full", areas=[area],
    )  # fmt: skip
    written = plain(result)
    assert (written["moon"], written["areas"][0]["tide_m"]) == ("full", 1.5)
    assert written["areas"][0]["area_km2"] == 2.0, "what is derived is written too"
    assert TidalResult.model_validate(written) == result
    schema = TidalResult.model_json_schema()
    assert "moon" in schema["properties"]
    assert "tide_m" in json.dumps(schema)


def shape(schema):
    """A schema without its sentences: a word changed in one of them changes no file."""
    if isinstance(schema, dict):
        said = ("description",) if isinstance(schema.get("description"), str) else ()
        return {key: shape(value) for key, value in schema.items() if key not in said}
    return [shape(part) for part in schema] if isinstance(schema, list) else schema


def test_the_published_schema_is_that_of_the_code():
    published = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert shape(published) == shape(json.loads(json.dumps(result_schema()))), (
        "docs/result.schema.json is stale: make it again with `make schema`"
    )
