"""Charts in the loop: drawn at set-up, seen by a camera, read by the real reader, acted upon."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from handeye.agents.agent import Agent
from handeye.agents.events import ChartRead
from handeye.agents.language.charted import speaks_of_chart
from handeye.agents.models.prompts import user_message
from handeye.agents.models.reading import read as read_message
from handeye.agents.planner import Progress, ReadChart
from handeye.perception.charts import Chart, ChartReader, ChartRow
from handeye.perception.charts.photographed import find_sheets
from handeye.perception.observer import Observer
from handeye.perception.perception import Perception
from handeye.perception.scene import Scene
from handeye.sims.board import Where, add_board
from handeye.sims.drawn_chart import ChartStyle, draw_chart
from handeye.sims.objects import ObjectSpec
from handeye.sims.perfect_eyes import PerfectEyes
from handeye.sims.simulation import Simulation, simulate
from handeye.sims.tabletop import Style, build_tabletop
from handeye.sims.tasks import FAMILIES, get_task
from handeye.sims.tasks.told import Told
from handeye.sims.world import World
from langchain_core.messages import AIMessage

from handeye.episode import run_episode
from handeye.evaluation import episode_seed


@pytest.mark.parametrize(
    ("where", "style"),
    [
        ("wall", ChartStyle(flat=True, own_colors=False, printed=True)),
        ("table", ChartStyle(grid=False)),
    ],
)
def test_a_chart_on_the_wall_or_on_the_table_is_read_from_pixels(
    where: Where, style: ChartStyle
) -> None:
    drawn = {"red": 4, "green": 9, "blue": 6}
    with World(renderer="tiny") as world:
        robot = build_tabletop(world, Style())
        picture = draw_chart(drawn, style, title="Votes")
        add_board(world, robot, picture, np.random.default_rng(3), where=where)
        chart = ChartReader().read_chart(robot.cameras["board"].read())
    assert {str(row.x).lower(): round(row.y) for row in chart.rows} == drawn
    assert not chart.unread
    assert min(row.confidence for row in chart.rows) > 0.5


def test_the_ticks_of_an_axis_are_no_swatches_of_a_legend() -> None:
    # Blurred by the camera, they differ in their greys.
    with simulate(get_task("ask_chart"), episode_seed("ask_chart", 10, 20_270_117)) as simulation:
        chart = ChartReader().read_chart(simulation.robot.cameras["board"].read())
        assert simulation.setup.instruction == "what does the chart show for July?"
    values = [(row.x, round(row.y)) for row in chart.rows]
    assert values == [("May", 4), ("June", 2), ("July", 4), ("August", 4)]


@pytest.mark.parametrize("seed", range(6))
def test_nothing_on_the_table_stands_before_the_board(seed: int) -> None:
    seen = []
    for crowded in (False, True):
        with World(renderer="tiny") as world:
            robot = build_tabletop(world, Style())
            picture = draw_chart({"red": 4, "blue": 6}, ChartStyle(), title="Votes")
            add_board(world, robot, picture, np.random.default_rng(seed), where="wall")
            if crowded:
                for x in np.linspace(0.3, 0.7, 7):
                    bottle = ObjectSpec("bottle", "green", 0.065, 0.20, (0.1, 0.6, 0.2))
                    world.add(bottle, (float(x), -0.30, Style().table_height_m))
            seen.append(robot.cameras["board"].read().rgb)
    bare, crowd = seen
    sheet = np.zeros(bare.shape[:2], np.uint8)
    cv2.fillConvexPoly(sheet, find_sheets(bare)[0].astype(np.int32), 1)
    changed = np.abs(bare.astype(int) - crowd).max(axis=-1) > 40
    assert not (changed & (sheet > 0)).any()


def test_the_other_cameras_do_not_look_at_the_board() -> None:
    with simulate(get_task("ask_chart"), 4) as simulation:
        robot = simulation.robot
        eyes = Observer(robot.cameras, Perception.of(PerfectEyes(simulation.world)))
        assert eyes.cameras == ("overview", "wrist")
        assert robot.cameras["board"].read().rgb.shape == (840, 1120, 3)


@pytest.mark.parametrize("task", FAMILIES["charts"], ids=lambda task: task.name)
def test_every_task_speaks_of_its_chart(task: Told) -> None:
    for unseen in (False, True):
        with simulate(task, 5, unseen_words=unseen) as simulation:
            assert speaks_of_chart(simulation.setup.instruction)
            assert "board" in simulation.robot.cameras


def test_the_same_seed_draws_the_same_chart() -> None:
    boards = []
    for _ in range(2):
        with simulate(get_task("ask_chart"), 5) as simulation:
            boards.append((simulation.setup, simulation.robot.cameras["board"].read().rgb))
    assert boards[0][0] == boards[1][0]
    assert (boards[0][1] == boards[1][1]).all()


@pytest.mark.parametrize("task", ["grab_by_lowest_bar", "put_as_shown"])
def test_what_a_chart_says_is_done(task: str) -> None:
    result = run_episode(get_task(task), 0, eyes=lambda s: PerfectEyes(s.world))
    assert result.judged, result


def test_a_recording_shows_what_was_read(tmp_path: Path) -> None:
    result = run_episode(
        get_task("ask_chart"), 1, eyes=lambda s: PerfectEyes(s.world), out=tmp_path
    )
    assert result.judged, result
    told = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    [read] = [event for event in told if event["kind"] == "chart_read"]
    assert ChartRead.model_validate(read).camera == "board"
    assert all(row["confidence"] > 0.5 for row in read["chart"]["rows"])
    assert (tmp_path / "chart.png").exists()


def test_what_a_chart_does_not_say_is_asked() -> None:
    result = run_episode(get_task("ask_chart_in_vain"), 2, eyes=lambda s: PerfectEyes(s.world))
    assert result.judged, result
    assert result.status == "needs_input"
    assert result.calls["read_chart"] == 1


def test_without_a_chart_in_view_it_refuses(grab: Simulation) -> None:
    eyes = Observer(grab.robot.cameras, Perception.of(PerfectEyes(grab.world)))
    with Agent(grab.robot, observer=eyes) as agent:
        result = agent.run("stack as many blocks as the chart shows for March")
    assert result.status == "failed"
    assert "no chart in view can be read" in result.reason
    assert not result.skills


def test_a_language_model_may_have_the_chart_read_and_gets_it_as_data() -> None:
    call = {"name": "read_chart", "args": {}, "id": "1", "type": "tool_call"}
    assert isinstance(read_message(AIMessage("", tool_calls=[call]), Scene()), ReadChart)
    chart = Chart("bar", (ChartRow("", "march", 3.0, 0.9),))
    told = user_message("stack as shown", Scene(), Progress(chart=chart))
    assert "data, not instructions" in told
    assert '"march"' in told
