"""From sectors to rows: what each is called, and its share, printed or measured."""

import re
from dataclasses import replace

import numpy as np

from ..errors import ImageError
from .chart import Chart, ChartRow, ChartSeries
from .ink import Canvas, likeness_of_hue
from .layout import number_of
from .legend import Entry, find_legend
from .pies import FARTHEST, Pie, Sector, find_pie
from .similar import told_apart
from .text import Text

_PERCENT = re.compile(r"^(?P<name>.*?)[\s:,(]*(?P<number>\d+(?:[.,]\d+)?)\s?%\s*\)?$")
_LEADER = re.compile(r"^[-–—_~/\\|'`´,、]+ ?(?=\w)|(?<=\w) ?[-–—_~/\\|'`´,、]+$")
"""What the line that leads from a sector to its name is read as."""
_LEAST_TOLD = 0.34
"""At least so many of the sectors have a name or a printed share."""
_ASIDE = 2.2
"""A sector's name is at most so many of its half widths off its middle."""
_SLACK = 2.2
"""A printed share may differ from the measured one by so many percent of the whole."""

_TALLER, _FARTHER = 1.25, 1.12
"""Titles are so much taller than names, or farther from the circle."""
_NEAR, _PALER = 48.0, 120.0
"""How far a sector's colour may be from its swatch's, in RGB: always, and where both are alike in
hue and nothing is closer."""
_ALIKE, _FAR = 0.95, 1e4


def pie_chart(canvas: Canvas, pie: Pie, texts: list[Text]) -> Chart:
    """The table of a pie.

    Args:
        canvas: the chart taken apart.
        pie: its sectors.
        texts: all of its texts.

    Raises:
        ImageError: hardly any sector has a name or a share beside it: plates and cups look so.
    """
    (cx, cy), radius = pie.center, pie.radius
    # What stands in the hole of a donut is of the whole, not of a sector.
    texts = [t for t in texts if np.hypot(t.center[0] - cx, t.center[1] - cy) >= pie.hole]
    outside = [t for t in texts if np.hypot(t.center[0] - cx, t.center[1] - cy) > radius]
    legend = _pie_legend(canvas, pie, outside)
    inks = told_apart(canvas.rgb, legend, list(canvas.inks))
    if len(inks) > len(canvas.inks):
        canvas = replace(canvas, inks=tuple(inks))
        pie = find_pie(canvas) or pie
    title = _title(pie, [t for t in outside if all(t is not e.text for e in legend)])
    names, shares = _told(canvas, pie, legend, texts, title)
    if _looks_like_name(title, outside, pie) and not all(name for name, _ in names):
        without = _told(canvas, pie, legend, texts, [])
        if all(name for name, _ in without[0]):
            title, (names, shares) = [], without
    told_of = sum(bool(name) or k in shares for k, (name, _) in enumerate(names))
    if told_of < max(1.0, _LEAST_TOLD * len(names)):
        raise ImageError(
            f"no chart found: a circle has {len(names)} colours, but nothing says what they are"
        )
    rows, series = [], []
    unread = [f"{pie.others} more of such circles beside this one"] if pie.others else []
    if len(legend) > len(pie.sectors):
        shown = {name for name, _ in names}
        unread += [f"the share of {e.text.text}" for e in legend if e.text.text not in shown]
    unread += _unclaimed(pie, texts, [value for value, _ in shares.values()])
    for k, sector in enumerate(pie.sectors):
        name, told = names[k]
        if not name:
            unread.append(f"the name of the sector of {100 * sector.share:.1f} %")
        y, sure = shares.get(k, (round(100 * float(sector.share), 1), 0.85))
        rows.append(ChartRow("", name, y, sure * told))
        r, g, b = (round(float(v)) for v in canvas.inks[sector.ink].color)
        series.append(ChartSeries(name, (r, g, b)))
    words = " ".join(t.text for t in title)
    return Chart(
        "pie", tuple(rows), title=words, y_unit="%", series=tuple(series), unread=tuple(unread)
    )


def _told(
    canvas: Canvas, pie: Pie, legend: list[Entry], texts: list[Text], title: list[Text]
) -> tuple[list[tuple[str, float]], dict[int, tuple[float, float]]]:
    """What the texts besides legend and title say: (name, confidence) of each sector; shares."""
    taken = [e.text for e in legend] + title
    free = [t for t in texts if t not in taken]
    return _names(canvas, pie, legend, free), _counted(pie, free) | _printed(pie, free)


def _pie_legend(canvas: Canvas, pie: Pie, outside: list[Text]) -> list[Entry]:
    """Entries whose colours are of sectors and whose swatches are not the sectors themselves."""
    colors = [canvas.inks[s.ink].color for s in pie.sectors]
    (cx, cy), radius = pie.center, pie.radius
    found = []
    for entry in find_legend(canvas, outside):
        x, y = (entry.swatch[0] + entry.swatch[2]) / 2, (entry.swatch[1] + entry.swatch[3]) / 2
        apart = np.hypot(x - cx, y - cy) > radius + 2
        if apart and min(float(np.linalg.norm(c - entry.color)) for c in colors) < 48:
            found.append(entry)
    return found if len(found) >= 2 else []


def _title(pie: Pie, outside: list[Text]) -> list[Text]:
    top = pie.center[1] - pie.radius
    above = [t for t in outside if t.is_level and t.box[3] < top + 2]
    if not above:
        return []
    tallest = max(t.height for t in above)
    biggest = [t for t in above if t.height > 0.85 * tallest]
    first = min(biggest, key=lambda t: t.box[1])
    if len(above) > 1 or _is_far(first, pie):
        return [
            t
            for t in biggest
            if abs(t.box[1] - first.box[1]) < 2.2 * first.height
            and (
                abs(t.center[0] - first.center[0]) < 2 * first.height
                or abs(t.box[0] - first.box[0]) < 6
                or abs(t.box[1] - first.box[1]) < 0.4 * first.height
            )
        ]
    centered = abs(first.center[0] - pie.center[0]) < 0.25 * pie.radius
    return [first] if centered and top - first.box[3] > 0.2 * first.height else []


def _looks_like_name(title: list[Text], outside: list[Text], pie: Pie) -> bool:
    """Whether what is taken for a title may be the name of the sector below it, by its looks."""
    others = [t for t in outside if all(t is not own for own in title)]
    if len(title) != 1 or not others:
        return False
    tall = float(np.median([t.height for t in others]))
    far = max(_direction(t, pie)[1] for t in others)
    return title[0].height < _TALLER * tall and _direction(title[0], pie)[1] < _FARTHER * far


def _is_far(text: Text, pie: Pie) -> bool:
    return pie.center[1] - pie.radius - text.box[3] > 1.2 * text.height


def _direction(text: Text, pie: Pie) -> tuple[float, float]:
    """(angle clockwise from straight up, distance in radii) of a text's nearest part."""
    cx, cy = pie.center
    x = float(np.clip(cx, text.box[0], text.box[2]))
    y = float(np.clip(cy, text.box[1], text.box[3]))
    mx, my = text.center
    inside = np.hypot(mx - cx, my - cy) <= pie.radius
    if inside:
        x, y = mx, my
    return float(np.arctan2(x - cx, cy - y) % (2 * np.pi)), float(
        np.hypot(x - cx, y - cy) / pie.radius
    )


def _off(sector: Sector, angle: float) -> float:
    """How far a direction is from a sector's middle, in its half widths."""
    apart = abs((angle - sector.angle + np.pi) % (2 * np.pi) - np.pi)
    return float(apart / max(sector.share * np.pi, 0.02))


def _bare(pie: Pie, texts: list[Text]) -> list[Text]:
    """Bare numbers at a pie that are values: where most sectors have other names to choose from.

    A pie of years is named by them; what is printed in its sectors is not what is beside them.
    """
    near = [t for t in texts if _direction(t, pie)[1] <= FARTHEST and "%" not in t.text]
    numbers = [t for t in near if number_of(t) is not None]
    words = [t for t in near if all(t is not n for n in numbers)]
    if 2 * len(words) >= len(pie.sectors):
        return numbers
    inside = [t for t in numbers if _direction(t, pie)[1] < 1]
    return inside if 2 * (len(near) - len(inside)) >= len(pie.sectors) else []


def _counted(pie: Pie, texts: list[Text]) -> dict[int, tuple[float, float]]:
    """Shares by sector, where each has a bare number, and all are in proportion to the sectors."""
    owned: dict[int, tuple[float, float]] = {}
    for text in _bare(pie, texts):
        number = number_of(text)
        angle, _ = _direction(text, pie)
        k = min(range(len(pie.sectors)), key=lambda i: _off(pie.sectors[i], angle))
        if number is None or k in owned or _off(pie.sectors[k], angle) > 1:
            return {}
        owned[k] = number.value, text.score
    total = sum(value for value, _ in owned.values())
    if len(owned) < len(pie.sectors) or total <= 0:
        return {}
    shares = {k: (round(100 * v / total, 2), 0.98 * score) for k, (v, score) in owned.items()}
    gaps = [abs(shares[k][0] - 100 * s.share) for k, s in enumerate(pie.sectors)]
    return shares if max(gaps) <= _SLACK else {}


def _printed(pie: Pie, texts: list[Text]) -> dict[int, tuple[float, float]]:
    """Printed percentages by sector, where they agree with the measured share."""
    pairs = []
    for text in texts:
        match = _PERCENT.match(text.text.strip())
        angle, distance = _direction(text, pie)
        if match is None or distance > 1.6:
            continue
        value = float(match["number"].replace(",", "."))
        for k, sector in enumerate(pie.sectors):
            gap = abs(value - 100 * sector.share)
            if gap <= _SLACK and _off(sector, angle) < 2.5:
                pairs.append((_off(sector, angle) + gap, k, value, text.score))
    found: dict[int, tuple[float, float]] = {}
    for _, k, value, score in sorted(pairs):
        found.setdefault(k, (value, 0.98 * score))
    return found


def _unclaimed(pie: Pie, texts: list[Text], values: list[float]) -> list[str]:
    """Percentages printed in the circle that are no sector's which was told from the others."""
    left, found = list(values), []
    for text in texts:
        match = _PERCENT.match(text.text.strip())
        if match is None or _direction(text, pie)[1] > 1:
            continue
        value = float(match["number"].replace(",", "."))
        if value in left:
            left.remove(value)
        else:
            found.append(f"whose share the printed {match['number']} % is")
    return found


def _names(
    canvas: Canvas, pie: Pie, legend: list[Entry], texts: list[Text]
) -> list[tuple[str, float]]:
    """(name, confidence) of each sector: from the legend, or the nearest text."""
    beside = _beside(pie, [*texts, *(e.text for e in legend)])
    if not legend:
        return beside
    # Lines that lead from sectors to their names may look like swatches.
    found = _by_colour(canvas, pie, legend)
    named = [sum(bool(name) for name, _ in names) for names in (found, beside)]
    return beside if named[1] > named[0] else found


def _by_colour(canvas: Canvas, pie: Pie, legend: list[Entry]) -> list[tuple[str, float]]:
    """(name, confidence) of each sector: the entry of its colour, of which none names two."""
    from scipy.optimize import linear_sum_assignment

    colors = [canvas.inks[sector.ink].color for sector in pie.sectors]
    apart = np.array([[np.linalg.norm(e.color - color) for e in legend] for color in colors])
    alike = np.array([[likeness_of_hue(c, e.color) > _ALIKE for e in legend] for c in colors])
    # A sector or its swatch may be see-through: what is left over is then alike in hue.
    apart[(apart > _PALER) | (~alike & (apart > _NEAR))] = _FAR
    rows, columns = linear_sum_assignment(apart)
    owner = {
        k: i for k, i in zip(rows.tolist(), columns.tolist(), strict=True) if apart[k, i] < _FAR
    }
    found = [legend[owner[k]].text if k in owner else None for k in range(len(colors))]
    return [(t.text, t.score) if t is not None else ("", 0.3) for t in found]


def _beside(pie: Pie, texts: list[Text]) -> list[tuple[str, float]]:
    """(name, confidence) of each sector: the text that is nearest to its direction."""
    pairs = []
    values = _bare(pie, texts)
    told: dict[int, tuple[str, float]] = {}
    for t, text in enumerate(texts):
        match = _PERCENT.match(text.text.strip())
        words = _LEADER.sub("", match["name"].strip(" :,(") if match else text.text)
        angle, distance = _direction(text, pie)
        if not words or distance > FARTHEST or any(text is v for v in values):
            continue
        told[t] = words, text.score
        for k, sector in enumerate(pie.sectors):
            off = _off(sector, angle)
            if off < _ASIDE:
                pairs.append((off + 0.5 * distance, k, t))
    owner: dict[int, int] = {}
    for _, k, t in sorted(pairs):
        if k not in owner and t not in owner.values():
            owner[k] = t
    nameless = [k for k in range(len(pie.sectors)) if k not in owner]
    left = [t for t in told if t not in owner.values()]
    if len(nameless) == len(left) == 1:
        # Labels of narrow sectors are moved aside, at the ends of lines, but keep their order.
        owner = _in_order(pie, {t: _direction(texts[t], pie)[0] for t in told})
    return [told[owner[k]] if k in owner else ("", 0.3) for k in range(len(pie.sectors))]


def _in_order(pie: Pie, angles: dict[int, float]) -> dict[int, int]:
    """Which of as many texts, by their directions, is each sector's: in the same order around."""
    places = sorted(angles, key=lambda t: angles[t])
    sectors = sorted(range(len(pie.sectors)), key=lambda k: pie.sectors[k].angle)

    def apart(turn: int) -> float:
        pairs = zip(sectors, places[turn:] + places[:turn], strict=True)
        off = [angles[t] - pie.sectors[k].angle for k, t in pairs]
        return float(np.abs((np.array(off) + np.pi) % (2 * np.pi) - np.pi).sum())

    turn = min(range(len(places)), key=apart)
    return dict(zip(sectors, places[turn:] + places[:turn], strict=True))
