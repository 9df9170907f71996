"""Fit the coefficients of `auto` again, and compare them with the ones in use.

Needs the chips of the developers (OBRIY_REALDATA, else ../shared/data). The `report` places are
never opened. Seeds are fixed; some minutes on one core.

    python benchmarks/tune_auto/tune.py [--write]

With --write the coefficient sets of src/obriy/tables/auto_water.toml are replaced; the header and
the settings of that file stay, they are kept by hand. Beside it: check_sites.py (scores with sites
left out, disturbed bands, shade) and check_areas.py (areas of scenes with known water).
"""

import argparse
import json
from pathlib import Path

import chips
import fit
import numpy as np

from obriy.methods.auto.evidence import FEATURES, Evidence, load_tables

TABLE = Path(__file__).parents[2] / "src" / "obriy" / "tables" / "auto_water.toml"


def numbers(values: np.ndarray, digits: int) -> str:
    return json.dumps([round(float(v), digits) for v in values])


def as_toml(found: Evidence, shift: float, scores: dict[str, float]) -> str:
    """Return the section of one coefficient set."""
    judged = ", ".join(f"{k} {scores[k]:.3f}" for k in ("IoU", "precision", "recall", "shade"))
    lines = [
        f"[sets.{found.name}]",
        f"# pixelwise, places left out: {judged}",
        f"bands = {json.dumps(list(found.bands))}",
        f"intercept = {found.intercept:.3f}",
        f"prior_shift = {shift:.2f}",
        f"water_mean = {numbers(found.water_mean, 4)}",
        f"land_mean = {numbers(found.land_mean, 4)}",
        f"spread = {numbers(found.spread, 4)}",
        f"[sets.{found.name}.terms]",
    ]
    for code, low, high, ramp in zip(found.codes, found.low, found.high, found.values, strict=True):
        lines.append(
            f"{FEATURES[code]} = {{ low = {low:g}, high = {high:g}, logodds = {numbers(ramp, 3)} }}"
        )
    return "\n".join(lines) + "\n"


def difference(found: Evidence, shift: float) -> str:
    """Say how far a set lies from the one in use."""
    used = next(e for e in load_tables()[1] if e.name == found.name)
    ramps = dict(zip(used.codes.tolist(), used.values, strict=True))
    mine = dict(zip(found.codes.tolist(), found.values, strict=True))
    nothing = np.zeros(found.values.shape[1])
    most = max(
        np.abs(ramps.get(code, nothing) - mine.get(code, nothing)).max() for code in ramps | mine
    )
    at_land = found.intercept + shift - used.intercept
    return f"off by {most:.3f} in the ramps, {at_land:+.3f} in intercept + prior_shift"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the sets of the table")
    args = parser.parse_args()
    if not chips.DATA.is_dir():
        print(f"skipped: no chips at {chips.DATA} (set OBRIY_REALDATA)")
        return
    everything = np.arange(len(chips.load().sites))
    sections = []
    for bands in fit.SETS:
        shift, scores = fit.prior_shift(bands)
        found = fit.evidence(bands, everything, seed=0)
        shown = ", ".join(f"{k} {v:.3f}" for k, v in scores.items())
        print(f"{found.name}: prior_shift {shift}, {shown}; {difference(found, shift)}", flush=True)
        sections.append(as_toml(found, shift, scores))
    if args.write:
        head = TABLE.read_text("utf-8").split("[sets.", 1)[0]
        TABLE.write_text(head + "\n".join(sections), "utf-8")
        print(f"wrote {TABLE}")


if __name__ == "__main__":
    main()
