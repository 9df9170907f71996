"""The ice of a moment: fast ice, floes, brash, thin new ice, cracks and open lanes."""

import dataclasses
import math

import numpy as np

from obriy.simulate.fields import Float32, smoothstep, stream
from obriy.simulate.ice.frame import Frame, evolving, facts, streaks
from obriy.simulate.ice.place import Bay, Floes, make_floes
from obriy.simulate.ice.season import Weather

NILAS, BRASH, GREY, WHITE, SNOW = 0.0, 1.0, 2.0, 3.0, 4.0
"""Stages of ice, in the order of their brightness; ice may stand between two."""


@dataclasses.dataclass(frozen=True)
class Cover:
    """Ice on ground cells, (rows, columns) float32; as at sea, also where there is land.

    Attributes:
        share: Concentration of ice in the cell, 0 to 1.
        stage: 0 nilas, 1 brash, 2 grey, 3 white, 4 snow-covered, and between.
        floe: Number of chance of the floe, 0 to 1.
    """

    share: Float32
    stage: Float32
    floe: Float32


def make_cover(bay: Bay, frame: Frame, seed: int, weather: Weather) -> Cover:
    """Return the ice of a moment; none from May to October.

    Args:
        bay: The place.
        frame: The ground cells.
        seed: The seed of everything.
        weather: The moment.
    """
    if weather.frost <= 0:
        nothing = np.zeros(frame.size, "float32")
        return Cover(nothing, nothing, nothing)
    fast, fast_stage, excess = _fast_ice(bay, frame, seed, weather)
    drifting = _drift_ice(bay, frame, seed, weather, excess)
    new, new_stage = _new_ice(bay, frame, seed, weather)
    share = np.maximum(drifting.share, new)
    stage = np.where(drifting.share >= new, drifting.stage, new_stage)
    lane = _lane(frame, seed, weather, excess)
    share = (1 - fast) * share * (1 - lane) + fast
    stage = np.where(fast > 0.5, fast_stage, stage)
    # Lanes freeze over in frost: dark ice, the hardest to tell from water.
    skin = lane * (1 - fast) * np.float32(weather.cold)
    share, stage = share + (1 - share) * skin, np.where(skin > 0.3, new_stage * 0.6, stage)
    return Cover(
        np.clip(share, 0, 1).astype("float32"),
        np.clip(stage, NILAS, SNOW).astype("float32"),
        drifting.floe,
    )


def _fast_ice(
    bay: Bay, frame: Frame, seed: int, weather: Weather
) -> tuple[Float32, Float32, Float32]:
    """Return share and stage of fast ice, and by how much the frost exceeds what it needs."""
    table = facts("ice")
    need = float(table["fast_open"]) - float(table["fast_shelter"]) * bay.shelter
    need += np.float32(table["fast_rough"]) * bay.rough
    excess = weather.frost - need
    share = smoothstep(excess, 0.0, 0.03)
    patches = evolving(seed, "snow patches", frame, (7000.0, 12.0), weather.day)
    age = np.clip((weather.deepest - need) * 9, 0, 2.3) + weather.snow + 0.2
    stage = age + np.float32(0.45) * patches
    crack = _cracks(bay, frame, seed, weather)
    return share * (1 - crack), np.asarray(stage, "float32"), np.asarray(excess, "float32")


def _cracks(bay: Bay, frame: Frame, seed: int, weather: Weather) -> Float32:
    """Return open cracks in fast ice, more of them in the thaw, (rows, columns) 0 to 1."""
    field = evolving(seed, "cracks", frame, (float(facts("ice")["crack_m"]), 10.0), weather.day)
    width = 0.006 + 0.05 * weather.wet
    line = 1 - smoothstep(np.abs(field), 0.3 * width, width)
    return np.asarray(line * smoothstep(-bay.rough, 0.2, 1.0), "float32")


def _lane(frame: Frame, seed: int, weather: Weather, excess: Float32) -> Float32:
    """Return the lane that wind opens along the edge of fast ice, 0 to 1."""
    opening = evolving(seed, "lane", frame, (20_000.0, 3.0), weather.day)
    width = np.clip(0.05 + 0.06 * opening + 0.006 * weather.wind_speed, 0.0, 0.3)
    away = np.asarray(-excess / np.maximum(width, 1e-3), "float32")
    return 1 - smoothstep(away, 0.6, 1.0)


def _demand(bay: Bay, frame: Frame, seed: int, weather: Weather) -> Float32:
    """Return the frost at which drifting ice fills a place."""
    table = facts("ice")
    far = bay.shore_m / np.float32(table["drift_far_m"])
    rough = evolving(seed, "drift", frame, (float(table["drift_rough_m"]), 8.0), weather.day)
    need = float(table["drift_open"]) + float(table["drift_far"]) * far
    need = need - 0.35 * bay.shelter + np.float32(table["drift_rough"]) * rough
    return np.asarray(need + _polynya(bay, frame, weather), "float32")


def _polynya(bay: Bay, frame: Frame, weather: Weather) -> Float32:
    """Return how much more frost it takes off the shores that the wind blows from."""
    table = facts("ice")
    reach = float(table["polynya_m"]) / frame.ground
    east, north = (w / max(weather.wind_speed, 1e-6) for w in weather.wind)
    down, right = round(-north * reach), round(east * reach)
    upwind = np.roll(bay.shelter, (down, right), (0, 1))
    rows, columns = bay.shelter.shape
    # What the roll brought in from the other side is not upwind of anything.
    upwind[slice(0, down) if down >= 0 else slice(rows + down, rows)] = 0
    upwind[:, slice(0, right) if right >= 0 else slice(columns + right, columns)] = 0
    strength = float(table["polynya"]) * min(weather.wind_speed / 10, 1.6)
    return np.asarray(strength * np.maximum(upwind - bay.shelter, 0) * 2, "float32")


def _drift_ice(bay: Bay, frame: Frame, seed: int, weather: Weather, excess: Float32) -> Cover:
    """Return floes, large and small, and the brash between."""
    table = facts("ice")
    need = _demand(bay, frame, seed, weather)
    wide = float(table["drift_width"])
    spare = np.asarray(weather.frost - need + 0.2 * np.maximum(excess, -0.3), "float32")
    much = smoothstep(spare, -wide / 2, wide / 2)
    large, small = (_moved(frame, seed, weather, float(d)) for d in table["floe_m"])
    gap = np.float32(table["gap_m"] * (1.6 - much.mean()))
    is_large = (large.chance < float(table["large_share"]) * much) & (large.inside_m > 1.5 * gap)
    is_small = (small.chance < 0.9 * much) & (small.inside_m > 0.5 * gap)
    rows = _rows_of_brash(frame, seed, weather)
    brash = np.clip(much * (0.35 + 0.5 * rows), 0, 0.95) * smoothstep(much, 0.02, 0.25)
    share = np.where(is_large, 1.0, np.where(is_small, 0.96, brash))
    chance = np.where(is_large, large.kind, small.kind)
    old = weather.snow + 1.2 * min(weather.deepest, 1.0)
    stage = np.where(
        is_large | is_small, GREY - 0.9 + old * (0.55 + 0.7 * chance), BRASH + 0.5 * (chance - 0.6)
    )
    return Cover(
        np.asarray(share, "float32"), np.asarray(stage, "float32"), np.asarray(chance, "float32")
    )


def _rows_of_brash(frame: Frame, seed: int, weather: Weather) -> Float32:
    """Return rows along the wind into which waves and wind herd brash and slush."""
    azimuth = math.degrees(math.atan2(*weather.wind))
    rng = stream(seed, "rows", weather.winter, math.floor(weather.day))
    return streaks(rng, frame, 3500.0, azimuth, 6.0)


def _moved(frame: Frame, seed: int, weather: Weather, distance: float) -> Floes:
    """Return the pattern of floes where the drift has brought it."""
    floes = make_floes(frame, distance)
    start = stream(seed, "floes", weather.winter, distance).integers(0, frame.size)
    east, north = (d / frame.ground for d in weather.drift_m)
    by = (int(start[0] - round(north)), int(start[1] + round(east)))
    moved = (np.roll(a, by, (0, 1)) for a in (floes.chance, floes.kind, floes.inside_m))
    return Floes(*moved)


def _new_ice(bay: Bay, frame: Frame, seed: int, weather: Weather) -> tuple[Float32, Float32]:
    """Return share and stage of thin ice that has just formed, in patches near the ice."""
    table = facts("ice")
    patches = evolving(seed, "new ice", frame, (float(table["new_ice_m"]), 2.5), weather.day)
    far = bay.shore_m / np.float32(table["drift_far_m"])
    near = weather.frost - (0.1 + 0.75 * far - 0.3 * bay.shelter)
    level = patches + 2.2 * near + 1.6 * weather.cold - 3.4 - 0.05 * weather.wind_speed
    share = smoothstep(np.asarray(level, "float32"), -0.25, 0.3) * np.float32(weather.cold > 0.1)
    stage = 0.15 + 0.55 * np.clip(level, 0, 2.4)
    return np.asarray(share, "float32"), np.asarray(stage, "float32")
