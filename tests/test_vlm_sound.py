"""What models give is held to what their verbs promise, before anything moves by it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from handeye.agents.agent import Agent
from handeye.perception.charts.chart import Chart, ChartRow
from handeye.perception.errors import ModelError, UserError
from handeye.perception.frame import Frame
from handeye.perception.observer import Observer
from handeye.perception.perception import Perception
from handeye.perception.vlm import check_vlm
from handeye.perception.vlm.embedded import EmbeddedVLM
from handeye.perception.vlm.verbs import Answer, Detection
from handeye.sims.simulation import Simulation
from raycast import OVERVIEW, Room, RoomCamera

FRAME = Frame(np.zeros((240, 320, 3), np.uint8), "c", 0, 0.0)


def cup(**changed: Any) -> Detection:
    """A sound detection, but for what is changed."""
    return Detection(
        **{"label": "red cup", "box": (10.0, 20.0, 30.0, 40.0), "score": 0.9, **changed}
    )


class Model:
    """Gives the same to whatever it is asked."""

    def __init__(self, given: Any) -> None:
        self.given = given
        self.calls = 0

    def parse(self, frame: Frame) -> Any:
        self.calls += 1
        return self.given

    def ground(self, frame: Frame, phrase: str) -> Any:
        return self.given

    def ask(self, frame: Frame, question: str) -> Any:
        return self.given

    def read_chart(self, frame: Frame) -> Any:
        return self.given

    def explain(self, frame: Frame, phrase: str) -> Any:
        return self.given


class Seeing:
    """Sees one cup, and is sure of everything."""

    def parse(self, frame: Frame) -> list[Detection]:
        return [cup()]

    def ground(self, frame: Frame, phrase: str) -> list[Detection]:
        return [cup()]

    def ask(self, frame: Frame, question: str) -> Answer:
        return Answer("yes", 1.0)

    def read_chart(self, frame: Frame) -> Chart:
        return Chart("bar", (ChartRow("", "May", 3.0, 1.0),))


PIXELS = r"; boxes are \(x0, y0, x1, y1\), x0 < x1 and y0 < y1, in pixels of the frame, here 320 x"


class TestBreaches:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            (None, "gave None; it must give a list of Detection"),
            ((cup() for _ in "a"), "gave <generator .*; it must give a list of Detection"),
            ([{"box": (1, 2, 3, 4)}], r"gave \{'box': .* in its list; it must give a list of Det"),
            ([cup(label=None)], "gave the label None; labels are words"),
            ([cup(color=3)], "gave 3 for one of them; category, color and state are words or No"),
            ([cup(box=(1, 2, 3, 4, 5))], r"gave the box \(1, 2, 3, 4, 5\)" + PIXELS),
            ([cup(box=("1", 2, 3, 4))], r"gave the box \('1', 2, 3, 4\)" + PIXELS),
            ([cup(box=None)], "gave the box None" + PIXELS),
            ([cup(box=(float("nan"), 0, 9, 9))], r"\(nan, .*, of which not all numbers are finite"),
            ([cup(box=(0, 0, float("inf"), 9))], "of which not all numbers are finite"),
            ([cup(box=(30, 40, 10, 20))], "which is empty or reversed" + PIXELS),
            ([cup(box=(1000, 0, 1100, 9))], "which lies outside of the frame" + PIXELS),
            ([cup(box=(0.2, 0.2, 0.3, 0.3))], "which looks like shares of the image" + PIXELS),
            ([cup(score=None)], r"gave the score None; it must be a number in 0\.\.1"),
            ([cup(score=95.0)], r"gave the score 95.0; it must be a number in 0\.\.1"),
            ([cup(score=float("nan"))], "gave the score nan"),
            ([cup(mask=np.ones((10, 10), bool))], r"the mask \(10, 10\) bool; masks are \(240,"),
            ([cup(mask=np.ones((240, 320)))], r"the mask \(240, 320\) float64; masks are .* bool"),
        ],
    )  # fmt: skip
    def test_what_are_no_detections_is_one_error_that_names_model_verb_and_value(
        self, given: Any, told: str
    ) -> None:
        for look in (
            Perception.of(Model(given)).parse,
            lambda frame: Perception.of(Model(given)).ground(frame, "the cup"),
        ):
            with pytest.raises(ModelError, match=rf"^Model\.(parse|ground) .*{told}") as raised:
                look(FRAME)
            assert not raised.value.passing

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ("yes", r"gave 'yes'; it must give an Answer\(text, confidence\)"),
            (None, "gave None; it must give an Answer"),
            (Answer(None, 1.0), "gave the text None; answers are words"),  # type: ignore[arg-type]
            (Answer("yes", None), "gave the confidence None"),  # type: ignore[arg-type]
            (Answer("yes", 99.0), r"gave the confidence 99.0; it must be a number in 0\.\.1"),
            (Answer("yes", 0.9, (0.1, 0.1, 0.2, 0.2)), "which looks like shares of the image"),
        ],
    )
    def test_what_is_no_answer_is_one_error(self, given: Any, told: str) -> None:
        with pytest.raises(ModelError, match=rf"Model\.ask .*{told}"):
            Perception.of(Model(given)).ask(FRAME, "is it?")

    def test_what_is_no_chart_and_no_heat_map_is_one_error(self) -> None:
        with pytest.raises(ModelError, match=r"Model\.read_chart gave \[\]; it must give a Chart"):
            Perception.of(Model([])).read_chart(FRAME)
        with pytest.raises(
            ModelError, match=r"explain gave \(9, 9\) float64; .* \(240, 320\) floa"
        ):
            Perception.of(Model(np.zeros((9, 9)))).explain(FRAME, "the cup")

    def test_async_verbs_are_not_supported(self) -> None:
        class Async:
            async def parse(self, frame: Frame) -> list[Detection]:
                return []

        with pytest.raises(ModelError, match=r"Async\.parse gave coroutine: async verbs are not"):
            Perception.of(Async()).parse(FRAME)

    def test_masks_are_of_the_frame(self) -> None:
        class Small:
            def masks(self, frame: Frame, boxes: list[Any]) -> list[Any]:
                return [np.ones((9, 9), bool) for _ in boxes]

        with pytest.raises(ModelError, match=r"Small\.masks gave the mask \(9, 9\) bool"):
            Perception(parse_with=Seeing(), mask_with=Small()).parse(FRAME)

    @pytest.mark.parametrize("deadline_s", [None, 20.0])
    def test_the_fallback_is_asked_instead(self, deadline_s: float | None) -> None:
        bad = Model(None)
        eyes = Perception(bad, bad, bad, bad, None, Perception.of(Seeing()), deadline_s)
        assert [d.label for d in eyes.parse(FRAME)] == ["red cup"]
        assert [d.label for d in eyes.ground(FRAME, "the cup")] == ["red cup"]
        assert eyes.ask(FRAME, "is it?").text == "yes"
        assert eyes.read_chart(FRAME).lookup("", "May") == 3.0


class TestSound:
    def test_numbers_of_numpy_become_floats_and_what_sticks_out_is_clipped(self) -> None:
        odd = cup(box=np.array([-5, 20, 30, 400], np.float32), score=np.float32(0.5))
        [found] = Perception.of(Model([odd])).parse(FRAME)
        assert found.box == (0.0, 20.0, 30.0, 240.0)
        assert [type(v) for v in (*found.box, found.score)] == [float] * 5

    def test_what_is_sound_is_handed_on_as_it_is(self) -> None:
        given = [cup(mask=np.ones((240, 320), bool)), cup()]
        found = Perception.of(Model(given)).parse(FRAME)
        assert all(a is b for a, b in zip(found, given, strict=True))

    def test_sums_of_probabilities_may_pass_one_a_little(self) -> None:
        assert Perception.of(Model([cup(score=1.0 + 1e-6)])).parse(FRAME)[0].score == 1.0

    def test_in_a_frame_of_a_few_pixels_the_first_may_be_a_thing(self) -> None:
        tiny = Frame(np.zeros((4, 4, 3), np.uint8), "c", 0, 0.0)
        assert Perception.of(Model([cup(box=(0.0, 0.0, 1.0, 1.0))])).parse(tiny)

    @pytest.mark.parametrize(
        ("text", "said"),
        [("Yes.", "yes"), ("No, it is not.", "no"), ("**Yes**", "yes"), ("YES", "yes"),
         ("a red cup.", "a red cup."), ("No one", "No one"), ("", ""), ("nothing", "nothing")],
    )  # fmt: skip
    def test_yes_and_no_are_two_words_however_they_are_written(self, text: str, said: str) -> None:
        answer = Perception.of(Model(Answer(text, 0.5))).ask(FRAME, "is it?")
        assert (answer.text, answer.confidence) == (said, 0.5)


class TestInTheLoop:
    def test_an_observer_does_not_ask_again_for_what_would_be_the_same(self) -> None:
        model = Model([cup(box=(0.1, 0.1, 0.2, 0.2))])
        camera = RoomCamera(Room(), "overview", OVERVIEW)
        observer = Observer({"overview": camera}, Perception.of(model))
        with pytest.raises(ModelError, match="shares of the image"):
            observer.look()
        assert model.calls == 1

    def test_eyes_that_cannot_parse_are_refused_at_once(self, grab: Simulation) -> None:
        class Grounds:
            def ground(self, frame: Frame, phrase: str) -> list[Detection]:
                return []

        with pytest.raises(UserError, match=r"no parse\(frame\).*; it has ground, read_chart"):
            Agent(grab.robot, vlm=Grounds())
        eyes = Perception(ground_with=Grounds(), fallback=Perception.of(Seeing()))
        assert Observer(grab.robot.cameras, eyes).scene.objects == {}

    def test_the_class_of_a_model_is_none(self) -> None:
        with pytest.raises(UserError, match=r"Seeing is a class, no VLM; give an instance: Seeing"):
            Perception.of(Seeing)

    def test_a_run_with_eyes_that_give_rubbish_fails_and_says_why(self, grab: Simulation) -> None:
        result = Agent(grab.robot, vlm=Model(None)).run("grab the red cup")
        assert (result.status, result.error) == ("failed", "ModelError")
        assert result.reason == "Model.parse gave None; it must give a list of Detection"

    def test_after_a_pick_a_bad_answer_leaves_the_judgement_to_geometry(
        self, grab: Simulation
    ) -> None:
        class Rude(EmbeddedVLM):
            def ask(self, frame: Frame, question: str) -> Any:
                return "yes"

        result = Agent(grab.robot, vlm=Rude()).run("grab the red cup")
        assert result.status == "succeeded"
        assert [step.verified for step in result.skills] == ["yes"]


class TestCheckVlm:
    def test_the_embedded_model_keeps_the_contract(self, grab: Simulation) -> None:
        frame = grab.robot.cameras["overview"].read()
        assert check_vlm(EmbeddedVLM(), frame) == ("parse", "ground", "ask", "explain")

    def test_only_the_verbs_that_a_model_has_are_asked(self) -> None:
        assert check_vlm(Seeing(), FRAME) == ("parse", "ground", "ask", "read_chart")

    @pytest.mark.parametrize(
        ("parse", "told"),
        [
            (lambda _: None, r"Breaks\.parse gave None; it must give a list of Detection"),
            (lambda _: 1 / 0, r"Breaks\.parse failed: ZeroDivisionError: division by zero"),
            (
                lambda _: [cup(score=0.2), cup()],
                r"gave scores \[0\.2, 0\.9\]; the best comes first",
            ),
            (lambda frame: frame.rgb.fill(1) or [], r"Breaks\.parse changed the frame's rgb"),
        ],
    )
    def test_a_breach_is_named(self, parse: Callable[[Frame], Any], told: str) -> None:
        class Breaks:
            def parse(self, frame: Frame) -> Any:
                return parse(frame)

        with pytest.raises(UserError, match=told):
            check_vlm(Breaks(), Frame(np.zeros((240, 320, 3), np.uint8), "c", 0, 0.0))

    def test_masks_and_classes_and_what_has_no_verb(self) -> None:
        class Few:
            def masks(self, frame: Frame, boxes: list[Any]) -> list[Any]:
                return []

        with pytest.raises(UserError, match=r"Few\.masks gave 0 masks for 2 boxes"):
            check_vlm(Few(), FRAME)
        with pytest.raises(UserError, match=r"Few is a class, no VLM; give an instance: Few\("):
            check_vlm(Few, FRAME)
        with pytest.raises(UserError, match="object has none of parse, ground, ask, read_chart"):
            check_vlm(object(), FRAME)
