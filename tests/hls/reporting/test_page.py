"""Pictures and the report page: readable as XML, the same every time, with everything that the design states."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from asnet.hls.reporting import (
    AreaRow,
    DesignReport,
    Figures,
    LayerReport,
    LoopReport,
    MemoryReport,
    OperationReport,
    UnitReport,
    diagram,
    page,
)
from asnet.hls.reporting.layering import Box, lay_out_graph
from asnet.hls.reporting.schedules import loop_schedule, timeline

OPERATIONS = (
    OperationReport("x", 0, 2, "read x", "%x = load float, ptr %px, align 4"),
    OperationReport("i", 0, 0, None, "%i = add nuw nsw i64 %j, 1"),
    OperationReport("p", 2, 4, "fmul", "%p = fmul float %x, %w"),
    OperationReport("s", 6, 6, "fadd", "%s = fadd float %acc, %p"),
)
MAIN = LoopReport("loop0", {"r": 64, "o": 32}, 2048, 1, 12, "nothing: <1> is least", OPERATIONS, start=0)


def layer(name: str, reads: tuple[str, ...], writes: tuple[str, ...], start: int, spacing: int) -> LayerReport:
    return LayerReport(
        *(name, "Gemm", f"layer_{name}", 0, 90, spacing + 30, True, {"fmul": 4}, (MAIN,), spacing, start),
        lanes=4,
        work=4 * spacing - 100,
        units={"fmul": 4},
        engine="pipelined",
        reads=reads,
        writes=writes,
    )


LAYERS = (
    layer("first <a&b>", ("x", "w"), ("h",), 0, 2048),
    layer("second", ("h",), ("g",), 800, 512),
    layer("sum", ("h", "g"), ("y",), 1500, 256),
)
MEMORIES = (
    MemoryReport("x", "input", 64, 32),
    MemoryReport("y", "output", 10, 32),
    MemoryReport("h", "activation", 32, 32, copies=2, note="2 images"),
    MemoryReport("g", "activation", 32, 32),
    MemoryReport("w", "constant", 2048, 32, layer="first <a&b>"),
)
UNIT = UnitReport("fmul_trunc(p=20)", "fmul", "fmul", "abcdef0123456789ff", 4, {"P": 20, "FTZ": 1}, 12, 3)
REPORT = DesignReport(
    *("net <b>", "net", "ftz", "dataflow", 100.0, 2300, True, 2048, LAYERS, (UNIT,), MEMORIES),
    configuration={"first.fmul": "fmul_trunc(p=20)"},
    identity={"IR": "abc"},
)
FIGURES = Figures(1000, 500, 4, 3, 125.0, "yosys")


def test_diagram_shows_layers_and_what_goes_between_them() -> None:
    text = diagram(REPORT).whole()
    root = ElementTree.fromstring(text)
    words = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "first <a&b>" in words and "h: 32 × 32 b" in words and "ROM w 2,048 × 32 b" in words
    assert "has 4 × fmul_trunc(p=20)" in words
    assert "interval 1, 4 lanes, 2,078 cycles" in words and "s_axis: 64 words an image" in words
    assert len(re.findall('class="edge"', text)) == 5  # x, h twice, g, y
    assert text == diagram(REPORT).whole()


def test_page_says_everything_and_needs_nothing() -> None:
    text = page(REPORT, FIGURES)
    for fact in (
        "first &lt;a&amp;b&gt;",
        "98.8 %",
        "fmul_trunc(p=20)",
        "P = 20",
        "125.0 MHz",
        "18.4 µs",
        "61,035 images/s",
    ):
        assert fact in text, fact
    assert "nothing: &lt;1&gt; is least" in text and "<a&b>" not in text
    assert not re.findall(r"<script|<link|<img|https?://(?!www\.w3\.org)", text)
    assert '<h2 id="comparison">' not in text
    for picture in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(picture)
    assert text == page(REPORT, FIGURES)


def test_before_and_after() -> None:
    text = page(REPORT, FIGURES, (REPORT, Figures(2000, 500, 0, 3, 100.0, "yosys")))
    rows = dict(re.findall(r'<tr><td>([^<]+)</td>(?:<td class="n">[^<]*</td>){2}<td class="n">([^<]*)</td></tr>', text))
    assert rows == {
        "LUT4": "-50.0 %",
        "flip-flops": "+0.0 %",
        "DSP": "new",
        "block RAM": "+0.0 %",
        "Fmax (MHz)": "+25.0 %",
        "time an image (µs)": "-20.0 %",
        "cycles an image": "+0.0 %",
    }


def test_where_the_area_goes() -> None:
    text = page(
        REPORT, area=(AreaRow("layer", "first <a&b>", 1234, 56, 0, 0), AreaRow("design", "all", 4321, 99, 4, 2))
    )
    assert '<td>first &lt;a&amp;b&gt;</td><td class="n">1,234</td><td class="n">56</td>' in text
    assert '<h2 id="area">' in text and '<h2 id="area">' not in page(REPORT)


def test_schedule_of_a_loop() -> None:
    picture, missing = loop_schedule(MAIN)
    text = picture.inner()
    assert missing == 0 and "%s = fadd float %acc, %p: cycle 6 to 12 on fadd" in text
    assert "%x = load float, ptr %px<" in text and "%i = add i64 %j, 1<" in text
    assert text.count('class="interval"') == 11  # an iteration starts in each cycle
    many = tuple(OperationReport(f"o{number}", number, 1, "fadd") for number in range(100))
    assert loop_schedule(LoopReport("long", {}, 1, 0, 100, operations=many))[1] == 20


def test_layers_over_time() -> None:
    picture = timeline(REPORT)
    assert picture is not None
    assert "second, image 2: cycles 4,896 to 5,438" in picture.inner()
    alone = LayerReport("a", "Relu", "layer_a", 3, 8, 40, True, {}, ())
    unknown = LayerReport("b", "Relu", "layer_b", 3, 8, None, False, {}, ())
    sequential = DesignReport(*("n", "n", "ftz", "sequential", 100.0, 80, True, None), (alone, alone), (), (), {}, {})
    picture = timeline(sequential)
    assert picture is not None and "a, image 0: cycles 40 to 80" in picture.inner()
    assert timeline(DesignReport(*("n", "n", "ftz", "s", 1.0, None, False, None), (unknown,), (), (), {}, {})) is None


@pytest.mark.parametrize("count", [1, 2, 30])
def test_layout_leaves_no_overlap(count: int) -> None:
    nodes = {str(number): Box(100, 40) for number in range(count)}
    edges = [(str(a), str(b)) for a in range(count) for b in (a + 1, a + 3) if b < count]
    layout = lay_out_graph(nodes, edges)
    places = list(layout.place.values())
    for number, (x, y) in enumerate(places):
        assert 0 <= x <= layout.width - 100 and 0 <= y <= layout.height - 40
        assert all(abs(x - ox) >= 100 or abs(y - oy) >= 40 for ox, oy in places[:number])
    for (source, target), path in zip(edges, layout.edges, strict=True):
        assert path[0][1] == layout.place[source][1] + 40 and path[-1][1] == layout.place[target][1]


def test_edges_that_pass_rows_go_beside_the_boxes() -> None:
    layout = lay_out_graph(
        {"a": Box(100, 40), "b": Box(100, 40), "c": Box(100, 40)}, [("a", "b"), ("b", "c"), ("a", "c")]
    )
    left = layout.place["b"][0]
    bends = [x for x, _ in layout.edges[2][1:-1]]
    assert bends and all(x < left or x > left + 100 for x in bends)
