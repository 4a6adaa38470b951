"""The observer: cameras, models and tracker looked through as one; who answers for what."""

import math
import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest
from handeye.perception.charts.chart import Chart, ChartRow
from handeye.perception.errors import (
    AmbiguousError,
    CameraError,
    ImageError,
    ModelError,
    NotFoundError,
)
from handeye.perception.frame import Frame
from handeye.perception.observer import Observer
from handeye.perception.perception import Perception
from handeye.perception.vlm.verbs import Detection
from raycast import (
    AWAY,
    BALL,
    CUP,
    OVERVIEW,
    Room,
    RoomCamera,
    RoomVlm,
    Thing,
    arm_at,
    observing,
)

PLATE = Thing("blue plate", (0.55, -0.15), (0.16, 0.16, 0.015))
ON_PLATE = Thing("red cup", (0.55, -0.15), (0.06, 0.06, 0.08), bottom=0.015)


# --- Perception ----------------------------------------------------------------------------------


def test_models_are_composed_by_verb() -> None:
    room = Room(CUP)
    frame, _ = room.see()
    perception = Perception(parse_with=RoomVlm(room))
    assert [d.label for d in perception.parse(frame)] == ["red cup"]
    with pytest.raises(ModelError, match="no VLM here can ground"):
        perception.ground(frame, "the cup")


def test_one_model_gives_every_verb_that_it_has() -> None:
    frame, _ = Room(CUP).see()
    perception = Perception.of(RoomVlm(Room(CUP)))
    assert perception.ask(frame, "is it?").text == "yes"
    with pytest.raises(ModelError, match="can read_chart"):
        Perception(ask_with=RoomVlm(Room(CUP))).read_chart(frame)
    with pytest.raises(ModelError, match="none of parse, ground, ask, read_chart"):
        Perception.of(object())


def test_a_model_that_raises_is_one_clear_error_with_its_cause() -> None:
    class Broken:
        def parse(self, frame: Frame) -> list[Detection]:
            raise RuntimeError("out of memory")

    frame, _ = Room(CUP).see()
    with pytest.raises(ModelError, match=r"Broken\.parse failed: RuntimeError: out of memory") as e:
        Perception.of(Broken()).parse(frame)
    assert isinstance(e.value.__cause__, RuntimeError)


# --- looking -------------------------------------------------------------------------------------


def test_a_look_reads_the_fixed_camera_and_keeps_what_it_saw() -> None:
    observer, _ = observing(CUP, BALL)
    assert sorted(observer.scene.objects) == ["ball_1", "cup_1"]
    assert observer.frames.keys() == observer.detections.keys() == {"overview"}
    assert observer.calls["parse"] == 1
    observer.look(["overview", "wrist"])
    assert observer.calls["parse"] == 3
    assert len(observer.points("cup_1")) > 50
    assert len(observer.cloud(exclude=["cup_1"])) < len(observer.cloud())


def test_questions_go_to_the_model_about_the_latest_frame() -> None:
    observer, _ = observing(CUP)
    assert observer.ask("is the red cup there?").text == "yes"
    assert observer.calls["ask"] == 1
    assert observer.seconds["model"] > 0


def test_a_camera_that_fails_leaves_the_scene_as_it_was() -> None:
    observer, _ = observing(CUP)
    before = observer.scene
    with pytest.raises(CameraError, match='no camera "side"; there are: overview, wrist'):
        observer.look(["side"])
    assert observer.scene is before


def test_what_fails_for_a_moment_is_tried_again() -> None:
    room = Room(CUP)
    frame, _ = room.see()
    trouble: list[Exception] = [CameraError("no frame"), ModelError("too late")]

    class Shaky:
        name = "overview"

        def read(self, max_age_s: float = 1.0) -> Frame:
            if trouble and isinstance(trouble[0], CameraError):
                raise trouble.pop(0)
            return frame

        def close(self) -> None:
            pass

    class Slow(RoomVlm):
        def parse(self, frame: Frame) -> list[Detection]:
            if trouble:
                raise trouble.pop(0)
            return super().parse(frame)

    observer = Observer({"overview": Shaky()}, Perception.of(Slow(room)))
    assert list(observer.look().objects) == ["cup_1"]
    assert not trouble


@pytest.mark.parametrize(("still_s", "oldest_s"), [(math.inf, 1.0), (0.4, 0.4), (0.0, 0.1)])
def test_after_a_motion_only_frames_since_are_looked_at(still_s: float, oldest_s: float) -> None:
    asked: list[float] = []

    class Asked(RoomCamera):
        def read(self, max_age_s: float = 1.0) -> Frame:
            asked.append(max_age_s)
            return super().read(max_age_s)

    room = Room(CUP)
    arm = replace(AWAY, still_s=still_s)
    camera = Asked(room, "overview", OVERVIEW)
    assert Observer({"overview": camera}, Perception.of(RoomVlm(room)), lambda: arm).look().objects
    assert asked == [oldest_s]


def test_a_model_that_is_late_is_not_asked_again_while_it_is_at_work() -> None:
    room = Room(CUP)
    released = threading.Event()

    class Slow(RoomVlm):
        def parse(self, frame: Frame) -> list[Detection]:
            released.wait(20)
            return []

    eyes = Perception(parse_with=Slow(room), deadline_s=0.05)
    observer = Observer({"overview": RoomCamera(room, "overview", OVERVIEW)}, eyes)
    with pytest.raises(ModelError, match=r"Slow\.parse gave no answer within 0\.05 s"):
        observer.look()
    released.set()


def test_a_camera_that_raises_or_gives_no_right_frame_is_one_clear_error() -> None:
    room = Room(CUP)
    frame, _ = room.see()

    class Broken:
        name = "overview"

        def __init__(self, *gives: Frame | Exception | None) -> None:
            self.gives = list(gives)

        def read(self, max_age_s: float = 1.0) -> Frame:
            given = self.gives[0] if len(self.gives) == 1 else self.gives.pop(0)
            if isinstance(given, Exception):
                raise given
            return given  # type: ignore[return-value]

        def close(self) -> None:
            pass

    def look(*gives: Frame | Exception | None) -> list[str]:
        observer = Observer({"overview": Broken(*gives)}, Perception.of(RoomVlm(room)))
        return list(observer.look().objects)

    small = replace(frame, depth=frame.depth[:10, :10])  # type: ignore[index]
    with pytest.raises(CameraError, match='camera "overview" failed: OSError: usb gone'):
        look(OSError("usb gone"))
    with pytest.raises(
        CameraError, match=r'"overview" gives what is no frame: depth must be \(120'
    ):
        look(small)
    with pytest.raises(CameraError, match='camera "overview" gives what is no frame'):
        look(None)
    assert look(OSError("usb gone for a moment"), small, frame) == ["cup_1"]


def test_a_chart_model_that_fails_at_one_camera_is_asked_about_the_others() -> None:
    class Reader:
        def __init__(self, **says: Chart | Exception) -> None:
            self.says = says

        def read_chart(self, frame: Frame) -> Chart:
            said = self.says[frame.camera]
            if isinstance(said, Exception):
                raise said
            return said

    none, rubbish = ImageError("there is none"), ModelError("nothing that is a table")
    chart = Chart("bar", (ChartRow("", "May", 3.0, 1.0),))

    def observer(overview: Chart | Exception, wrist: Chart | Exception) -> Observer:
        room = Room(CUP)
        cameras = {name: RoomCamera(room, name, OVERVIEW) for name in ("overview", "wrist")}
        reader = Perception(chart_with=Reader(overview=overview, wrist=wrist))
        return Observer(cameras, reader, fixed=())

    frame, read = observer(rubbish, chart).read_chart()
    assert (frame.camera, read) == ("wrist", chart)
    with pytest.raises(ImageError, match=r'camera "overview": there is none; camera "wrist": th'):
        observer(none, none).read_chart()
    with pytest.raises(ModelError, match=r'"overview": nothing that is a table; camera "wrist": '):
        observer(rubbish, none).read_chart()


def test_a_robot_without_the_fixed_camera_is_told_so_at_once() -> None:
    with pytest.raises(CameraError, match='no camera "overview"; it has: none'):
        Observer({}, Perception.of(RoomVlm(Room())))


# --- resolving -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("ball_1", "ball_1"),
        ("the blue ball", "ball_1"),
        ("ball", "ball_1"),
        ("the sphere", "ball_1"),
        ("the blue plate", "plate_1"),
    ],
)
def test_ids_and_plain_words_need_no_model(target: str, expected: str) -> None:
    observer, _ = observing(CUP, BALL, PLATE)
    assert observer.resolve(target) == expected
    assert observer.calls["ground"] == 0


def position_of(observer: Observer, target: str) -> Sequence[float]:
    return observer.scene.objects[observer.resolve(target)].position


class Doubting(RoomVlm):
    """Sees everything as faintly as it is told to; grounds phrases with the scores that it has."""

    def __init__(self, room: Room, score: float, truth: dict[str, float]) -> None:
        super().__init__(room)
        self.score, self.truth = score, truth

    def parse(self, frame: Frame) -> list[Detection]:
        return [replace(found, score=self.score) for found in super().parse(frame)]

    def ground(self, frame: Frame, phrase: str) -> list[Detection]:
        if phrase not in self.truth:
            return []
        return [replace(self.parse(frame)[0], label=phrase, score=self.truth[phrase])]


@pytest.mark.parametrize(
    ("score", "truth", "named"),
    [
        (0.6, {"blue bowl": 0.3, "blue plate": 0.6}, "blue bowl"),  # seen faintly
        (0.9, {"blue bowl": 0.7, "blue plate": 0.4}, "blue bowl"),  # less likely now
        (0.9, {"blue bowl": 0.3, "blue plate": 0.8}, "blue plate"),
        (0.6, {"blue plate": 0.6}, "blue plate"),
    ],
)
def test_what_has_a_doubtful_name_may_be_what_is_asked_for(
    score: float, truth: dict[str, float], named: str
) -> None:
    room = Room(PLATE)
    cameras = {"overview": RoomCamera(room, "overview", OVERVIEW)}
    observer = Observer(cameras, Perception.of(Doubting(room, score, truth)), lambda: AWAY)
    observer.look()
    assert observer.recognise("blue bowl") is (named == "blue bowl")
    for _ in range(4):  # and it stays so, though the model goes on to call it a plate
        assert {o.name for o in observer.scene.objects.values()} == {named}
        observer.look()
    assert not observer.recognise("something nice")


def test_relations_and_sizes_are_settled_by_geometry() -> None:
    observer, _ = observing(CUP, ON_PLATE, PLATE)
    assert position_of(observer, "the cup on the plate")[1] == pytest.approx(-0.15, abs=0.02)
    assert position_of(observer, "the big cup")[1] == pytest.approx(0.10, abs=0.02)
    assert observer.calls["ground"] == 0


def test_what_words_leave_open_lists_the_candidates() -> None:
    observer, _ = observing(CUP, ON_PLATE, PLATE)
    with pytest.raises(AmbiguousError) as caught:
        observer.resolve("the red cup")
    assert sorted(caught.value.candidates) == ["cup_1", "cup_2"]


def test_what_is_not_there_lists_what_is() -> None:
    observer, _ = observing(CUP, BALL)
    for target in ("the moon", "cup_7", "the green duck", ""):
        with pytest.raises(NotFoundError, match=r"in view: .*red cup \(0\.90\)"):
            observer.resolve(target)


def test_other_phrases_are_grounded_by_the_model_and_matched_by_place() -> None:
    observer, vlm = observing(CUP, ON_PLATE, PLATE)
    parsed = observer.detections["overview"]
    vlm.grounded = [d for d in parsed if d.category == "plate"]
    assert observer.resolve("the flat round thing that one eats from") == "plate_1"
    nearer = max((d for d in parsed if d.category == "cup"), key=lambda d: d.box[3])
    vlm.grounded = [Detection("my favourite", nearer.box, 0.8)]
    assert position_of(observer, "my favourite")[0] == pytest.approx(0.55, abs=0.02)


def test_things_are_found_by_what_an_own_model_calls_them() -> None:
    class Workshop(RoomVlm):
        ground = None  # type: ignore[assignment]

        def parse(self, frame: Frame) -> list[Detection]:
            tool = "Phillips screwdriver"
            found = super().parse(frame)
            return [replace(d, label=tool, category=tool, color=None) for d in found]

    room = Room(CUP)
    camera = RoomCamera(room, "overview", OVERVIEW)
    observer = Observer({"overview": camera}, Perception.of(Workshop(room)), lambda: AWAY)
    [there] = observer.look().objects
    assert observer.resolve("the Phillips screwdriver") == there
    with pytest.raises(NotFoundError):
        observer.resolve("the hammer")


def test_eyes_without_a_fixed_camera_say_so() -> None:
    observer = Observer({}, Perception.of(RoomVlm(Room())), lambda: AWAY, fixed=())
    assert observer.look().objects == {}
    with pytest.raises(CameraError, match="no camera sees the table"):
        observer.ask("is it there?")
    with pytest.raises(NotFoundError):
        observer.resolve("the flat round thing")


def test_several_grounded_things_are_ambiguous() -> None:
    observer, vlm = observing(CUP, BALL)
    vlm.grounded = observer.detections["overview"]
    with pytest.raises(AmbiguousError):
        observer.resolve("whatever rolls")


def test_what_the_gripper_holds_can_be_named_so() -> None:
    lifted = Thing("red cup", (0.45, 0.0), (0.05, 0.05, 0.05), bottom=0.25)
    room = Room(lifted, CUP)
    vlm = RoomVlm(room)
    camera = RoomCamera(room, "overview", OVERVIEW)
    observer = Observer(
        {"overview": camera}, Perception.of(vlm), lambda: arm_at(0.45, 0.0, 0.275, 0.05)
    )
    held = observer.look().holding
    assert held is not None
    assert observer.resolve("the red cup in the gripper") == held
