"""Relations, words, verification and scene files: all on plain scenes, without pixels."""

from pathlib import Path

import pytest
from handeye.perception.conditions import (
    At,
    Beside,
    Between,
    Condition,
    Holding,
    In,
    Moved,
    On,
    Opened,
    Truth,
)
from handeye.perception.describe import listing
from handeye.perception.errors import SceneFileError
from handeye.perception.relations import is_beside, is_between, relation_holds, with_supports
from handeye.perception.scene import Scene, SceneObject
from handeye.perception.scene_file import load_scene
from handeye.perception.verify import check, question_for

YES, NO, CANT_TELL = Truth.YES, Truth.NO, Truth.CANT_TELL


def thing(
    name: str,
    at: tuple[float, float],
    size: tuple[float, float, float] = (0.05, 0.05, 0.05),
    bottom: float = 0.0,
    **more: object,
) -> SceneObject:
    color, category = name.split()
    position = (*at, bottom + size[2] / 2)
    return SceneObject(
        name=name, color=color, category=category, position=position, size=size, **more  # type: ignore[arg-type]
    )  # fmt: skip


BOWL = thing("white bowl", (0.5, 0.2), (0.16, 0.16, 0.06))
PLATE = thing("blue plate", (0.5, -0.2), (0.18, 0.18, 0.02))
BASE = thing("red block", (0.4, 0.0))


def scene_of(holding: str | None = None, **objects: SceneObject) -> Scene:
    return with_supports(Scene(objects=objects, holding=holding))


# --- relations -----------------------------------------------------------------------------------


def test_a_ball_in_a_bowl_is_in_it_and_not_on_it() -> None:
    scene = scene_of(bowl=BOWL, ball=thing("red ball", (0.51, 0.2), bottom=0.01))
    assert scene.objects["ball"].in_ == "bowl"
    assert scene.objects["ball"].on is None


def test_a_block_on_a_plate_is_on_it() -> None:
    scene = scene_of(plate=PLATE, block=thing("green block", (0.52, -0.18), bottom=0.012))
    assert scene.objects["block"].on == "plate"


def test_a_block_is_on_a_plate_whose_box_took_it_in() -> None:
    tall = thing("blue plate", (0.5, -0.2), (0.18, 0.18, 0.055))
    block = thing("red block", (0.52, -0.21), (0.04, 0.05, 0.055))
    assert scene_of(plate=tall, block=block).objects["block"].on == "plate"
    # Beside a plate, at the corner of its box, it is on the table.
    beside = thing("red block", (0.58, -0.13), (0.04, 0.05, 0.055))
    assert scene_of(plate=tall, block=beside).objects["block"].on is None


def test_a_tower_stands_on_its_next_lower_block() -> None:
    scene = scene_of(
        low=BASE,
        middle=thing("green block", (0.4, 0.005), bottom=0.05),
        high=thing("blue block", (0.405, 0.0), bottom=0.10),
    )
    assert (scene.objects["middle"].on, scene.objects["high"].on) == ("low", "middle")


def test_what_stands_beside_or_hangs_above_is_neither_on_nor_in() -> None:
    scene = scene_of(
        bowl=BOWL,
        beside=thing("red ball", (0.5, 0.32)),
        above=thing("green block", (0.5, 0.2), bottom=0.25),
    )
    for name in ("beside", "above"):
        assert scene.objects[name].on is None
        assert scene.objects[name].in_ is None


def test_what_the_gripper_holds_stands_on_nothing() -> None:
    scene = scene_of(plate=PLATE, block=thing("green block", (0.5, -0.2), bottom=0.02))
    held = with_supports(scene.model_copy(update={"holding": "block"}))
    assert scene.objects["block"].on == "plate"
    assert held.objects["block"].on is None


@pytest.mark.parametrize(
    ("at", "relation"),
    [
        ((0.4, 0.15), "left_of"),
        ((0.4, -0.15), "right_of"),
        ((0.55, 0.0), "behind"),
        ((0.28, 0.0), "in_front_of"),
    ],
)
def test_directions_are_the_robots(at: tuple[float, float], relation: str) -> None:
    other = thing("green block", at)
    opposite = {
        "left_of": "right_of",
        "right_of": "left_of",
        "behind": "in_front_of",
        "in_front_of": "behind",
    }
    for each in opposite:
        assert is_beside(other, each, BASE) == (each == relation)
        assert is_beside(BASE, each, other) == (each == opposite[relation])


def test_next_to_counts_the_gap_between_sides() -> None:
    assert is_beside(thing("green block", (0.4, 0.12)), "next_to", BASE)
    assert not is_beside(thing("green block", (0.4, 0.25)), "next_to", BASE)


def test_between_means_on_the_way_from_one_to_the_other() -> None:
    middle = thing("green block", (0.5, 0.01))
    assert is_between(middle, BOWL, PLATE)
    assert not is_between(thing("green block", (0.7, 0.0)), BOWL, PLATE)
    assert not is_between(middle, BOWL, BOWL)


def test_relations_hold_by_id() -> None:
    scene = scene_of(plate=PLATE, block=thing("green block", (0.5, -0.2), bottom=0.012), base=BASE)
    assert relation_holds(scene, "block", "on", "plate")
    assert relation_holds(scene, "base", "left_of", "plate")
    assert not relation_holds(scene, "base", "on", "plate")


# --- words ---------------------------------------------------------------------------------------


def test_a_scene_describes_itself() -> None:
    scene = scene_of(
        plate=PLATE,
        cup=thing("red cup", (0.5, -0.2), (0.08, 0.08, 0.09), bottom=0.012),
        ball=thing("green ball", (0.45, 0.1), visible=False),
    )
    said = scene.describe()
    assert "A red cup (cup) is on the blue plate." in said
    assert "A green ball (ball) is on the table, left centre, out of sight." in said
    assert said.endswith("The gripper is empty.")
    held = scene.model_copy(update={"holding": "cup"}).describe()
    assert "The gripper holds the red cup." in held
    assert Scene().describe() == "The table is empty. The gripper is empty."


def test_listings_for_messages_carry_the_score() -> None:
    scene = scene_of(
        a=thing("red cup", (0.5, 0), score=0.92), b=thing("red ball", (0, 0), visible=False)
    )
    assert listing(scene) == ["red cup (0.92)", "red ball (hidden)"]


# --- verification --------------------------------------------------------------------------------

ON_PLATE = thing("green block", (0.5, -0.2), bottom=0.012)
IN_BOWL = thing("red ball", (0.5, 0.2), bottom=0.01)
SCENE = scene_of(bowl=BOWL, plate=PLATE, block=ON_PLATE, ball=IN_BOWL, base=BASE)


@pytest.mark.parametrize(
    ("condition", "truth"),
    [
        (On(object="block", support="plate"), YES),
        (On(object="base", support="plate"), NO),
        (On(object="base", support="table"), YES),
        (On(object="block", support="table"), NO),
        (In(object="ball", container="bowl"), YES),
        (In(object="block", container="bowl"), NO),
        (Beside(object="base", relation="left_of", reference="plate"), YES),
        (Beside(object="base", relation="right_of", reference="plate"), NO),
        (Between(object="base", first="bowl", second="plate"), NO),
        (At(object="base", point=(0.41, 0.0)), YES),
        (At(object="base", point=(0.6, 0.0)), NO),
        (Moved(object="base", start=(0.4, 0.12), direction=(0.0, -1.0)), YES),
        (Moved(object="base", start=(0.4, 0.12), direction=(0.0, 1.0)), NO),
        (Moved(object="base", start=(0.4, 0.02)), NO),
        (Holding(object=None), YES),
        (Holding(object="base"), NO),
        (Opened(object="bowl"), CANT_TELL),
        (On(object="moon", support="plate"), CANT_TELL),
        (On(object="block", support="moon"), CANT_TELL),
    ],
)
def test_conditions_are_checked_by_geometry(condition: Condition, truth: Truth) -> None:
    verdict = check(condition, SCENE)
    assert verdict.truth is truth, verdict
    assert verdict.evidence
    assert "\n" not in verdict.evidence


@pytest.mark.parametrize(
    "condition",
    [
        On(object="block", support="plate"),
        On(object="block", support="table"),
        Beside(object="block", relation="left_of", reference="plate"),
        Between(object="block", first="bowl", second="plate"),
        At(object="block", point=(0.5, -0.2)),
        In(object="block", container="bowl"),
    ],
)
def test_what_is_held_is_nowhere_yet_and_what_is_out_of_sight_cannot_be_told(
    condition: Condition,
) -> None:
    held = SCENE.model_copy(update={"holding": "block"})
    assert check(condition, held).truth is NO
    assert "still in the gripper" in check(condition, held).evidence
    hidden = ON_PLATE.model_copy(update={"visible": False})
    unseen = SCENE.model_copy(update={"objects": {**SCENE.objects, "block": hidden}})
    assert check(condition, unseen).truth is CANT_TELL


def test_what_fell_into_a_deep_thing_is_in_it_though_it_is_out_of_sight() -> None:
    hidden = IN_BOWL.model_copy(update={"visible": False})
    scene = SCENE.model_copy(update={"objects": {**SCENE.objects, "ball": hidden}})
    assert check(In(object="ball", container="bowl"), scene).truth is YES


def test_holding_tells_what_is_held() -> None:
    scene = SCENE.model_copy(update={"holding": "ball"})
    assert check(Holding(object="ball"), scene).truth is YES
    verdict = check(Holding(object=None), scene)
    assert (verdict.truth, verdict.evidence) == (NO, "the gripper holds the red ball")


@pytest.mark.parametrize(
    ("condition", "question"),
    [
        (Holding(object="ball"), "is the red ball held by the gripper?"),
        (On(object="block", support="plate"), "is the green block on the blue plate?"),
        (In(object="ball", container="bowl"), "is the red ball in the white bowl?"),
        (Opened(object="bowl"), "is the white bowl open?"),
        (At(object="base", point=(0.4, 0.0)), None),
        (On(object="moon", support="plate"), None),
    ],
)
def test_questions_for_a_model_to_answer(condition: Condition, question: str | None) -> None:
    assert question_for(condition, SCENE) == question


# --- scene files ---------------------------------------------------------------------------------

GOOD = """
objects:
  cup_1: {color: red, category: cup, position: [0.5, 0.1, 0.05]}
  plate_1: {name: blue plate, position: [0.4, -0.1, 0.01], size: [0.18, 0.18, 0.02]}
  block_1: {name: green cube, position: [0.4, -0.1, 0.04], on: plate_1}
  spoon_1: {name: wooden spoon, position: [0.6, 0.0, 0.01], on: table}
  drawer_1: {position: [0.7, 0.3, 0.1], state: open}
holding: cup_1
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "scene.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_scene_file_fills_in_what_the_words_tell(tmp_path: Path) -> None:
    scene = load_scene(write(tmp_path, GOOD))
    told = {i: (o.name, o.category, o.color, o.on) for i, o in scene.objects.items()}
    assert told == {
        "cup_1": ("red cup", "cup", "red", None),
        "plate_1": ("blue plate", "plate", "blue", None),
        "block_1": ("green cube", "block", "green", "plate_1"),
        "spoon_1": ("wooden spoon", "spoon", None, None),
        "drawer_1": ("drawer 1", "drawer", None, None),
    }
    assert scene.holding == "cup_1"
    assert scene.objects["drawer_1"].state == "open"


def test_json_is_read_as_well(tmp_path: Path) -> None:
    text = '{"objects": {"a": {"name": "red ball", "position": [0.5, 0, 0.02], "in": "b"}, '
    text += '"b": {"name": "white bowl", "position": [0.5, 0, 0.03]}}}'
    assert load_scene(write(tmp_path, text)).objects["a"].in_ == "b"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", 'must have a mapping "objects'),
        ("objects: [1, 2]", 'must have a mapping "objects'),
        ("objects: {a: {position: [0, 0", "not valid YAML"),
        ("objects: {a: 3}", '"a" must be a mapping'),
        ("objects: {a: {name: red cup}}", "position"),
        ("objects: {a: {position: [0, 0]}}", "position"),
        ("objects: {a: {position: [0, 0, .nan]}}", "finite"),
        ("objects: {a: {position: [0, 0, 0], size: [0, 1, 1]}}", "above 0"),
        ("objects: {a: {position: [0, 0, 0], colour: red}}", r'"colour" is not known; .*color'),
        ("objects: {a: {position: [0, 0, 0], on: b}}", 'on or in "b", which is none'),
        ("objects: {a: {position: [0, 0, 0], in: a}}", "itself"),
        ("objects: {}\nholding: cup_1", 'holding "cup_1" is none'),
        ("objects: {}\nrobot: panda", r'"robot" is not known; .*holding'),
    ],
)
def test_a_bad_scene_file_is_one_clear_error(tmp_path: Path, text: str, complaint: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SceneFileError, match=complaint) as caught:
        load_scene(path)
    assert str(path) in str(caught.value)


def test_a_missing_scene_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SceneFileError, match=r"none\.yaml: No such file"):
        load_scene(tmp_path / "none.yaml")
