"""Pictures as SVG, drawn by Vega-Lite.

Every picture stands beside a table of the same numbers; without the extra `report` the table is
all there is. What the library draws is kept only as far as it is shapes and text.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from xml.etree import ElementTree as ET

from markupsafe import Markup

from gate.core.policy import Json
from gate.report.html.tables import Timing
from gate.report.html.traffic import Step
from gate.report.safe import safe

Spec = dict[str, Json]

CANDIDATE, STABLE = "#d9730d", "#2f7ed8"
"""Colours that show on black and on white; tell them apart by their dashes, too."""
_OTHERS = ("#2f7ed8", "#d9730d", "#2e9e6b", "#9b59b6", "#c0392b", "#7f8c8d")
_SERIES_MAX = len(_OTHERS)
_SVG = "{http://www.w3.org/2000/svg}"
_SHAPES = frozenset({"svg", "g", "path", "line", "rect", "text", "circle", "tspan"})
_ATTRIBUTES = frozenset(
    {
        *(
            "d",
            "x",
            "y",
            "x1",
            "x2",
            "y1",
            "y2",
            "cx",
            "cy",
            "r",
            "rx",
            "width",
            "height",
            "viewBox",
        ),
        *("fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray"),
        *("stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "opacity", "transform"),
        *("font-size", "font-weight", "text-anchor", "display"),
    }
)
_INK_FIELDS = ("labelColor", "titleColor", "domainColor", "tickColor")
_INK: Spec = dict.fromkeys(_INK_FIELDS, "currentColor")
_CONFIG: Spec = {
    "axis": {**_INK, "gridColor": "currentColor", "gridOpacity": 0.15, "labelFontSize": 12},
    "legend": {
        **_INK,
        "orient": "top",
        "labelLimit": 260,
        "columnPadding": 40,
        "labelFontSize": 12,
        "title": None,
    },
    "view": {"stroke": None},
}


@cache
def can_draw() -> bool:
    """Whether the library is there (extra `report`)."""
    try:
        import vl_convert  # noqa: F401, PLC0415 - an extra
    except ImportError:
        return False
    return True


def traffic_picture(steps: Sequence[Step]) -> Markup | None:
    """Percent by revision over time, as areas one on the other; None where nothing can be drawn."""
    known = [step for step in steps if step.since_s is not None and step.shares]
    names = [*dict.fromkeys(name for step in known for name in step.shares)]
    if len(known) < 2 or len(names) > _SERIES_MAX:
        return None
    values: list[Json] = [
        {"at": step.since_s, "who": safe(name, 60), "percent": step.shares.get(name, 0)}
        for step in known
        for name in names
    ]
    shown: list[Json] = [safe(name, 60) for name in names]
    layer: Spec = {
        "mark": {"type": "area", "interpolate": "step-after", "opacity": 0.75, "line": True},
        "encoding": {
            "x": {
                "field": "at",
                "type": "quantitative",
                "title": "seconds since it began",
                "scale": {"nice": False},
            },
            "y": {
                "field": "percent",
                "type": "quantitative",
                "stack": "zero",
                "title": "percent of traffic",
                "scale": {"domain": [0, 100], "clamp": True},
            },
            "color": _colours("who", shown, _OTHERS),
        },
    }
    rules: Spec = {
        "data": {"values": [{"at": step.since_s} for step in known[1:]]},
        "mark": {"type": "rule", "strokeDash": [3, 3], "opacity": 0.6, "color": "currentColor"},
        "encoding": {"x": {"field": "at", "type": "quantitative"}},
    }
    return _drawn({"data": {"values": values}, "layer": [layer, rules]}, 180)


def timing_picture(timing: Timing) -> Markup | None:
    """How long answers took: milliseconds by percentile, both sides; None where it cannot be."""
    if len(timing.candidate) < 2:
        return None
    sides = (("candidate", timing.candidate), ("stable", timing.stable))
    values: list[Json] = [
        {"percent": percent, "ms": us / 1000, "side": side}
        for side, measured in sides
        for percent, us in measured.items()
    ]
    shown: list[Json] = [side for side, measured in sides if measured]
    dashes: Spec = {"domain": ["candidate", "stable"], "range": [[1, 0], [6, 3]]}
    layer: Spec = {
        "mark": {"type": "line", "point": True, "interpolate": "monotone", "strokeWidth": 2.5},
        "encoding": {
            "x": {"field": "percent", "type": "quantitative", "title": "percent of answers"},
            "y": {"field": "ms", "type": "quantitative", "title": "took at most (ms)"},
            "color": _colours("side", shown, (CANDIDATE, STABLE)),
            "strokeDash": {"field": "side", "type": "nominal", "scale": dashes},
        },
    }
    return _drawn({"data": {"values": values}, **layer}, 220)


def history_picture(
    points: Sequence[Mapping[str, str]], endings: Mapping[str, str]
) -> Markup | None:
    """When rollouts began, and how they ended: a mark for each; None where nothing can be drawn.

    Args:
        points: {at, ending, took_s} each, `at` as recorded.
        endings: each ending's colour, in the order of the rows.
    """
    if not points:
        return None
    values: list[Json] = [
        {key: safe(value, 60) for key, value in point.items()} for point in points
    ]
    order: list[Json] = [safe(ending, 60) for ending in endings]
    layer: Spec = {
        "mark": {"type": "tick", "thickness": 3, "size": 22},
        "encoding": {
            "x": {
                "field": "at",
                "type": "temporal",
                "title": "UTC",
                "scale": {"type": "utc"},
                "axis": {"format": "%Y-%m-%d %H:%M", "labelOverlap": True, "tickCount": 6},
            },
            "y": {"field": "ending", "type": "nominal", "title": None, "sort": order},
            "color": {**_colours("ending", order, [*endings.values()]), "legend": None},
        },
    }
    return _drawn({"data": {"values": values}, **layer}, max(60, 32 * len(endings)))


def _colours(field: str, names: Sequence[Json], colours: Sequence[str]) -> Spec:
    scale: Spec = {"domain": [*names], "range": [*colours[: len(names)]]}
    return {"field": field, "type": "nominal", "scale": scale}


def _drawn(spec: Spec, height: int) -> Markup | None:
    import vl_convert  # noqa: PLC0415 - an extra, which takes seconds to begin

    about: Spec = {"width": 640, "height": height, "background": "transparent", "config": _CONFIG}
    about["padding"] = {"left": 20, "right": 20, "top": 5, "bottom": 5}
    try:
        svg = vl_convert.vegalite_to_svg(about | spec, allowed_base_urls=[])
    except ValueError:  # numbers that it cannot draw: the table has them
        return None
    return only_shapes(svg)


def only_shapes(svg: str) -> Markup:
    """An SVG without whatever is no shape and no text: no link, no style, no event, no image."""
    root = ET.fromstring(svg)  # noqa: S314 - of our own library, which writes no entities
    _prune(root)
    width, height = root.get("width", "0"), root.get("height", "0")
    root.attrib = {"viewBox": root.get("viewBox", f"0 0 {width} {height}"), "aria-hidden": "true"}
    ET.register_namespace("", _SVG.strip("{}"))
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - nothing but shapes is left


def _prune(element: ET.Element) -> None:
    element.attrib = {
        name: value
        for name, value in element.attrib.items()
        if name in _ATTRIBUTES and "url" not in value.lower()
    }
    for child in [*element]:
        if child.tag.removeprefix(_SVG) in _SHAPES and child.tag.startswith(_SVG):
            _prune(child)
        else:
            element.remove(child)
