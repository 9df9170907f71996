"""A country and the land of the Earth on paper, from what `ratios.py` measured of one tile.

python benchmarks/ratios.py --runs 3 --table T.csv
python benchmarks/on_paper.py T.csv     # the tables of docs/scale.md
"""

import csv
import sys

PLACES = {
    "a country, 60 tiles x 12 dates": 60 * 12,
    "the land of the Earth, some 19 000 tiles x 12 dates": 19_000 * 12,
}
JOBS = {"otsu": "`mndwi:otsu`, the mask", "auto": "`auto`, the mask",
        "landcover": "land cover, 12 clusters"}  # fmt: skip
CORES = 32
DOLLARS = 0.05
"""For a core hour beside the data: an assumption."""


def main() -> None:
    with open(sys.argv[1], newline="") as file:  # noqa: PTH123
        rows = {row["job"]: row for row in csv.DictReader(file) if row["what"] == "obriy"}
    known = {job: rows[job] for job in JOBS if job in rows}
    print("| a tile on a date, 10980 x 10980 | processor s | of it fixed | peak GB | read GB | "
          "written MB |\n|---|---|---|---|---|---|")  # fmt: skip
    for job, row in known.items():
        print(f"| {JOBS[job]} | {float(row['cpu_s']):.1f} | {float(row['fixed_s']):.1f} | "
              f"{float(row['peak_mb']) / 1e3:.1f} | {float(row['read_mb']) / 1e3:.2f} | "
              f"{float(row['written_mb']):.1f} |")  # fmt: skip
    print(f"\n| | tasks | read TB | written GB | core hours | on {CORES} cores | dollars |\n"
          "|---|---|---|---|---|---|---|")  # fmt: skip
    for place, tasks in PLACES.items():
        for job, row in known.items():
            hours = tasks * float(row["cpu_s"]) / 3600
            read, written = (tasks * float(row[name]) for name in ("read_mb", "written_mb"))
            print(f"| {place}, {JOBS[job]} | {tasks} | {short(read / 1e6)} | "
                  f"{short(written / 1e3)} | {short(hours)} | {clock(hours / CORES)} | "
                  f"{short(hours * DOLLARS)} |")  # fmt: skip


def short(number: float) -> str:
    """Return two digits of a number."""
    return f"{float(f'{number:.2g}'):g}"


def clock(hours: float) -> str:
    """Return a time in words: minutes, or hours."""
    return f"{60 * hours:.0f} min" if hours < 1 else f"{hours:.0f} h"


if __name__ == "__main__":
    main()
