"""What a report says of the season that land cover was mapped from."""

from obriy.model.result.landcover import CoverSeason
from obriy.outputs.report.cells import Columns, table
from obriy.outputs.report.parts import Folded, Listing, Part, card
from obriy.render.text import Text


def of_season(text: Text, season: CoverSeason | None) -> Part | None:
    """Return the dates of a season, how much each showed, and what nobody saw.

    What rests on little, and months that nobody saw, are warnings of the run.

    Args:
        text: Language.
        season: What the result says of it; None: it is one image, and has no part.
    """
    if season is None:
        return None
    names = text("ice.months").split()
    low, median, high = season.dates_per_pixel
    said = [text("year.per_pixel", median=median, low=low, high=high)]
    if season.never_seen_share > 0:
        said.append(text("year.never", share=text.percent(season.never_seen_share)))
    if season.greenest_month and season.barest_month:
        greenest, barest = (names[m - 1] for m in (season.greenest_month, season.barest_month))
        said.append(text("year.opposite", greenest=greenest, barest=barest))
    col = Columns(text, "year")
    dates = table(
        season.dates,
        [
            col.words("date", lambda row: row["date"]),
            col.share("seen", lambda row: row["seen_share"], 0),
            col.words("why", lambda row: text.sentence(row["reason"])),
        ],
    )
    return card(Listing(said), Folded(text("year.dates", count=len(season.dates)), [dates]))
