"""DePlot and MatCha (Pix2Struct): charts to linearised tables."""

from dataclasses import dataclass, replace

from ..charts.chart import Chart, ChartRow
from ..charts.numbers import parse_number
from ..errors import ModelError
from ..frame import Frame
from .answering import generate
from .checkpoints import Parts, picture_of
from .verbs import Answer
from .written import CUT_OFF, read_answer, read_table

_PROMPT = "Generate underlying data table of the figure below:"


@dataclass(frozen=True, eq=False)
class PlotReader:
    """Reads charts; MatCha checkpoints also answer questions about them.

    Attributes:
        parts: the checkpoint.
        max_new_tokens: most that it may write.
    """

    parts: Parts
    max_new_tokens: int = 512
    verbs = ("read_chart", "ask")

    def read_chart(self, frame: Frame) -> Chart:
        """The table of a chart; the kind is not told by these models, and "bar" or "line" is
        taken from whether the first column is of numbers.

        Raises:
            ModelError: nothing that is a table was written; of no chart these models write one too.
        """
        inputs = self.parts.inputs(images=picture_of(frame), text=_PROMPT)
        written = generate(self.parts, inputs, self.max_new_tokens)
        title, rows = read_table(written.text)
        if not written.cut:
            return table_to_chart(title, rows, written.sure)
        chart = table_to_chart(title, rows[:-1], written.sure)  # the last may have lost digits
        return replace(chart, unread=(*chart.unread, CUT_OFF))

    def ask(self, frame: Frame, question: str) -> Answer:
        """A short answer to a question about a chart."""
        inputs = self.parts.inputs(images=picture_of(frame), text=question)
        text, sure, _ = generate(self.parts, inputs, 32)
        said = read_answer(text)
        return Answer(said, sure if said else 0.0)


def table_to_chart(title: str, rows: list[list[str]], sure: float) -> Chart:
    """A chart from a header and rows of cells: the first column is x, each other a series."""
    if len(rows) < 2 or len(rows[0]) < 2:
        raise ModelError("no chart was read: the model wrote no table")
    header, body = rows[0], rows[1:]
    single = len(header) == 2
    found, bad = [], 0
    for row in body:
        number = parse_number(row[0])
        x = number.value if number else row[0]
        for name, cell in zip(header[1:], row[1:], strict=False):
            value = parse_number(cell)
            if value is None:
                bad += 1
                continue
            found.append(ChartRow("" if single else name, x, value.value, sure))
    if not found:
        raise ModelError("no chart was read: the table that the model wrote has no numbers")
    numeric = all(not isinstance(row.x, str) for row in found)
    return Chart(
        "line" if numeric else "bar" if single else "bar_grouped",
        tuple(found),
        title=title,
        x_label=header[0],
        y_label=header[1] if single else "",
        unread=(f"{bad} cells that are no numbers",) if bad else (),
    )
