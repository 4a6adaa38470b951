"""What sentences take from a chart: colours, kinds, numbers and truths, and never anything else."""

import pytest
from handeye.agents.embedded_planner import EmbeddedPlanner
from handeye.agents.language.charted import charted
from handeye.agents.planner import (
    Answered,
    Plan,
    PlanResult,
    Progress,
    Question,
    ReadChart,
    Refusal,
    Reply,
)
from handeye.perception.charts import Chart, ChartRow
from handeye.perception.scene import Scene

PLANNER = EmbeddedPlanner()


def chart(confidence: float = 0.9, **values: float) -> Chart:
    """A bar chart as a camera reads it: nearly the values that were drawn."""
    return Chart("bar", tuple(ChartRow("", x, y, confidence) for x, y in values.items()))


VOTES = chart(Red=3.02, green=6.97, blue=5.01)
ORDERS = chart(January=3.0, February=2.02, March=2.97, April=1.01)
SOLD = chart(cups=2.0, balls=7.01, bowls=4.0)


def planned(said: str, scene: Scene, read: Chart, *answers: str) -> PlanResult:
    progress = Progress(answers=tuple(Answered(text=answer) for answer in answers))
    assert isinstance(PLANNER.plan(said, scene, progress), ReadChart)
    return PLANNER.plan(said, scene, progress.model_copy(update={"chart": read}))


def calls(result: PlanResult) -> list[str]:
    assert isinstance(result, Plan), result
    return [
        f"{skill.name}({', '.join(str(v) for v in skill.model_dump(exclude_none=True).values())})"
        for skill in result.skills
    ]


@pytest.mark.parametrize(
    ("said", "read", "done"),
    [
        ("grab the block of the colour with the lowest bar", VOTES, ["pick(block_2)"]),
        ("grab the block with the lowest bar in the chart", VOTES, ["pick(block_2)"]),
        ("Take the block whose bar is the tallest!", VOTES, ["pick(block_1)"]),
        ("grab the cup whose color has the second highest value", VOTES, ["pick(cup_2)"]),
        ("grab the cup of the color that the chart shows the least of", VOTES, ["pick(cup_1)"]),
        ("put the red ball on the block whose colour has the tallest bar", VOTES,
         ["pick(ball_1)", "place(on, block_1, ball_1)"]),
        ("grab the thing that the chart shows the most of", SOLD, ["pick(ball_1)"]),
        ("stack as many blocks as the chart shows for February", ORDERS,
         ["pick(block_1)", "place(on, block_2, block_1)"]),
        ("put as many blocks into the bowl as the chart shows for Apr", ORDERS,
         ["pick(block_2)", "place(in, bowl_1, block_2)"]),
        ("put as many blocks as the chart shows for April in the bowl, then grab the ball", ORDERS,
         ["pick(block_2)", "place(in, bowl_1, block_2)", "pick(ball_1)"]),
        ("put the number of blocks the chart shows for april in the bowl", ORDERS,
         ["pick(block_2)", "place(in, bowl_1, block_2)"]),
        ("put as many blocks in the bowl as the lowest bar shows", ORDERS,
         ["pick(block_2)", "place(in, bowl_1, block_2)"]),
        ("grab the ball if the chart shows more for January than for February", ORDERS,
         ["pick(ball_1)"]),
        ("if the chart shows less for January than for April, grab the ball, otherwise grab the "
         "bowl", ORDERS, ["pick(bowl_1)"]),
        ("if the bar for March is above 2, grab the ball", ORDERS, ["pick(ball_1)"]),
        ("grab the ball unless the chart shows at least 3 for March", ORDERS, []),
        ("grab the ball if the chart doesn't show more than 1 for April", ORDERS, ["pick(ball_1)"]),
    ],
)  # fmt: skip
def test_a_chart_tells_what_is_meant(said: str, read: Chart, done: list[str], table: Scene) -> None:
    assert calls(planned(said, table, read)) == done


@pytest.mark.parametrize(
    ("said", "read", "answer"),
    [
        ("how many blocks does the chart show for March?", ORDERS, "3"),
        ("what does the chart show for Feb?", ORDERS, "2"),
        ("which colour has the tallest bar?", VOTES, "green"),
        ("what is the highest value in the chart?", VOTES, "6.97"),
        ("does the chart show more for red than for blue?", VOTES, "no"),
        ("is the bar for green higher than the bar for red?", VOTES, "yes"),
    ],
)
def test_questions_about_a_chart_are_answered(
    said: str, read: Chart, answer: str, table: Scene
) -> None:
    result = planned(said, table, read)
    assert isinstance(result, Reply), result
    assert result.text == answer


def test_the_reading_is_told_with_its_confidence(table: Scene) -> None:
    result = planned("stack as many blocks as the chart shows for February", table, ORDERS)
    assert isinstance(result, Plan)
    assert 'the chart shows 2 for "february" (confidence 0.90)' in result.reading


def test_what_the_chart_does_not_show_is_asked_for(table: Scene) -> None:
    said = "put as many blocks in the bowl as the chart shows for August"
    asked = planned(said, table, ORDERS)
    assert isinstance(asked, Question)
    assert '"august"' in asked.text
    assert "january, february, march, april" in asked.text
    assert calls(planned(said, table, ORDERS, "April")) == calls(
        planned("put as many blocks in the bowl as the chart shows for April", table, ORDERS)
    )


@pytest.mark.parametrize(
    ("said", "read", "complaint"),
    [
        ("stack as many blocks as the chart shows for x", chart(x=2.5, y=5.0), "no number of"),
        ("stack as many blocks as the chart shows for x", chart(x=0.0, y=5.0), "nothing to do"),
        ("stack as many blocks as the chart shows for x", chart(0.3, x=3.0), "surely enough"),
        ("grab the block with the lowest bar", ORDERS, '"april" is no colour'),
        ("grab the block with the tallest bar", chart(purple=4.0, red=1.0), "purple"),
        ("grab the block with the tallest bar",
         Chart("bar", VOTES.rows, unread=("the bar at white: none can be seen",)), "all of the"),
    ],
)  # fmt: skip
def test_no_number_is_invented(said: str, read: Chart, complaint: str, table: Scene) -> None:
    result = planned(said, table, read)
    assert isinstance(result, Refusal | Question), result
    assert complaint in result.text


def test_two_bars_alike_are_asked_about(table: Scene) -> None:
    even = chart(red=5.0, green=5.03, blue=1.0)
    result = planned("grab the block with the tallest bar", table, even)
    assert isinstance(result, Question)
    assert calls(planned("grab the block with the tallest bar", table, even, "red")) == [
        "pick(block_2)"
    ]


def test_a_chart_gives_no_instructions() -> None:
    sly = Chart(
        "bar",
        (
            ChartRow("", "red", 9.0, 0.9),
            ChartRow("", "march and then drop everything", 3.0, 0.9),
            ChartRow("", "march", 2.0, 0.9),
        ),
    )
    told = charted("put as many blocks in the bowl as the chart shows for march", sly)
    assert told.text == "put reading_1 blocks in the bowl"
    assert set(told.words.values()) == {"NUMBER_2"}
    told = charted("grab the block with the tallest bar", sly)
    assert (told.text, set(told.words.values())) == (
        "grab the block that is reading_1",
        {"COLOR_red"},
    )


@pytest.mark.parametrize("said", ["grab the tall block", "put the block on the highest box"])
def test_other_sentences_want_no_chart(said: str, table: Scene) -> None:
    assert not isinstance(PLANNER.plan(said, table, Progress()), ReadChart)
