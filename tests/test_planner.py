"""What the embedded planner makes of sentences: utterance -> skill calls, question or refusal."""

import itertools
import math

import pytest
from handeye.agents.embedded_planner import EmbeddedPlanner
from handeye.agents.planner import Answered, Plan, Progress, Question, Refusal, Reply
from handeye.perception.scene import Scene, SceneObject
from handeye.skills import Pick, Place
from hypothesis import example, given, settings
from hypothesis import strategies as st

PLANNER = EmbeddedPlanner()


def calls(result: object) -> list[str]:
    assert isinstance(result, Plan), result
    return [
        f"{skill.name}({', '.join(str(v) for v in skill.model_dump(exclude_none=True).values())})"
        for skill in result.skills
    ]


@pytest.mark.parametrize(
    ("said", "done"),
    [
        ("grab the red cup", ["pick(cup_1)"]),
        ("Please could you pick up the red mug?", ["pick(cup_1)"]),
        ("GRAB RED CUP", ["pick(cup_1)"]),
        ("pick the gren blok up", ["pick(block_1)"]),
        ("grab the cup left of the blue cup", ["pick(cup_1)"]),
        ("grab the leftmost cup", ["pick(cup_1)"]),
        ("take the smallest cube on the table", ["pick(block_1)"]),
        ("grab the block on the plate", ["pick(block_3)"]),
        ("grab the block on the plate left of the red cup", ["pick(block_3)"]),
        ("put the red cup on the blue plate",
         ["pick(cup_1)", "place(on, plate_1, cup_1)"]),
        ("take the red cup and put it in the bowl",
         ["pick(cup_1)", "place(in, bowl_1, cup_1)"]),
        ("put the block on the plate in the bowl",
         ["pick(block_3)", "place(in, bowl_1, block_3)"]),
        ("put the green block to the left of the red ball",
         ["pick(block_1)", "place(left_of, ball_1, block_1)"]),
        ("place the red block between the blue cup and the bowl",
         ["pick(block_2)", "place(between, cup_2, bowl_1, block_2)"]),
        ("put the red cup 10 cm to the left",
         ["pick(cup_1)", "place(at, (0.5, 0.2), cup_1)"]),
        ("put the red ball in the middle of the table",
         ["pick(ball_1)", "place(at, middle, ball_1)"]),
        ("stack the green block on the red block",
         ["pick(block_1)", "place(on, block_2, block_1)"]),
        ("push the red ball to the left by 5 cm", ["push(ball_1, left, 0.05)"]),
        ("put the red cup on the blue plate, then push the ball away",
         ["pick(cup_1)", "place(on, plate_1, cup_1)", "push(ball_1, away, 0.1)"]),
        ("go home", ["home()"]),
        # What lies on it is dealt with first.
        ("grab the plate",
         ["pick(block_3)", "place(on, table, block_3)", "pick(plate_1)"]),
    ],
)  # fmt: skip
def test_sentences_become_skill_calls(said: str, done: list[str], table: Scene) -> None:
    assert calls(PLANNER.plan(said, table, Progress())) == done


def test_a_full_gripper_is_emptied_first(table: Scene) -> None:
    holding = table.model_copy(update={"holding": "ball_1"})
    assert calls(PLANNER.plan("grab the red cup", holding, Progress())) == [
        "place(on, table, ball_1)",
        "pick(cup_1)",
    ]


def test_an_ambiguous_phrase_becomes_a_question_with_its_candidates(table: Scene) -> None:
    result = PLANNER.plan("grab the cup", table, Progress())
    assert isinstance(result, Question)
    assert result.candidates == ("cup_1", "cup_2")
    assert "red cup" in result.text


@pytest.mark.parametrize(
    "answer",
    ["the red one", "red!", "the left one", "on the left", "the cup near the bowl", "cup_1"],
)
def test_the_answer_to_a_question_decides(answer: str, table: Scene) -> None:
    result = PLANNER.plan("grab the cup", table, Progress(answers=(Answered(text=answer),)))
    assert calls(result) == ["pick(cup_1)"]


def test_an_answer_decides_only_what_was_asked(table: Scene) -> None:
    cup = Answered(text="the red one", candidates=("cup_1", "cup_2"))
    asked = PLANNER.plan("put the cup on the block", table, Progress(answers=(cup,)))
    assert isinstance(asked, Question)
    assert asked.candidates == ("block_1", "block_2", "block_3")
    block = Answered(text="the green one", candidates=asked.candidates)
    result = PLANNER.plan("put the cup on the block", table, Progress(answers=(cup, block)))
    assert calls(result) == ["pick(cup_1)", "place(on, block_1, cup_1)"]


@pytest.mark.parametrize(
    ("said", "answer", "done"),
    [
        ("put the red cup", "on the plate", ["pick(cup_1)", "place(on, plate_1, cup_1)"]),
        ("put the red cup", "grab the ball", ["pick(ball_1)"]),
        ("the red cup", "grab it", ["pick(cup_1)"]),
        ("grab the cup", "I don't care", ["pick(cup_1)"]),
    ],
)
def test_what_was_missing_can_be_said_later(
    said: str, answer: str, done: list[str], table: Scene
) -> None:
    assert isinstance(PLANNER.plan(said, table, Progress()), Question)
    answers = (Answered(text=answer),)
    assert calls(PLANNER.plan(said, table, Progress(answers=answers))) == done


def test_never_mind_ends_it(table: Scene) -> None:
    result = PLANNER.plan("grab the cup", table, Progress(answers=(Answered(text="Never mind."),)))
    assert isinstance(result, Refusal)


def test_things_go_by_the_names_that_the_scene_gives_them() -> None:
    scene = Scene.model_validate(
        {
            "objects": {
                "mug_1": {"name": "Bob", "category": "mug", "color": "crimson",
                          "position": (0.5, 0, 0.05)},
                "tool": {"name": "silver screwdriver", "category": "screwdriver",
                         "color": "silver", "position": (0.5, 0.2, 0.02)},
            }
        }
    )  # fmt: skip
    for said in ("grab Bob", "grab the red cup", "grab mug_1"):
        assert calls(PLANNER.plan(said, scene, Progress())) == ["pick(mug_1)"]
    for said in ("grab the screwdriver", "grab the silver thing"):
        assert calls(PLANNER.plan(said, scene, Progress())) == ["pick(tool)"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("grab the moon", 'nothing here matches "moon"; in view: red cup'),
        ("grab the pink duck", 'nothing here matches "pink duck"'),
        ("", "empty"),
        ("   ", "empty"),
        ("asdf qwer", 'do not understand "asdf", "qwer"'),
        ("put the red block on the ball", "round"),
        ("put the plate in the red cup", "does not fit"),
        ("put the red cup in the green block", "no container"),
        ("grab the red cup and the blue cup", "one gripper"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(said: str, why: str, table: Scene) -> None:
    result = PLANNER.plan(said, table, Progress())
    assert isinstance(result, Refusal)
    assert why in result.text


def test_it_carries_over_from_what_was_done_before(table: Scene) -> None:
    result = PLANNER.plan("put it on the plate", table, Progress(mentioned="cup_1"))
    assert calls(result) == ["pick(cup_1)", "place(on, plate_1, cup_1)"]


def test_what_slipped_is_picked_up_again(table: Scene) -> None:
    left = (Place(relation="on", reference="plate_1", target="cup_1"),)
    result = PLANNER.plan("…", table, Progress(remaining=left, failure="it fell"))
    assert isinstance(result, Plan)
    assert result.skills == (Pick(target="cup_1"), *left)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400))
@example("ignore")  # what not to do, and nothing else
@example("COUN/")  # a question, with a slip, about what no word is known for
def test_no_text_makes_it_crash(text: str) -> None:
    result = PLANNER.plan(text, Scene(), Progress())
    assert isinstance(result, Plan | Question | Refusal | Reply)


def test_a_very_long_line_is_answered(table: Scene) -> None:
    result = PLANNER.plan("grab the red cup and " * 500, table, Progress())
    assert isinstance(result, Plan | Question | Refusal)


def test_a_hand_that_is_free_is_not_freed_again(table: Scene) -> None:
    left = (Place(relation="on", reference="table"), Pick(target="cup_1"))
    result = PLANNER.plan("…", table, Progress(remaining=left, failure="nothing is held"))
    assert isinstance(result, Plan)
    assert result.skills == (Pick(target="cup_1"),)


def test_what_was_lost_is_planned_anew_under_its_new_id(table: Scene) -> None:
    objects = dict(table.objects)
    objects["block_9"] = objects.pop("block_3")
    left = (Pick(target="block_3"),)
    progress = Progress(remaining=left, failure="block_3 is not in view")
    result = PLANNER.plan("grab the yellow block", Scene(objects=objects), progress)
    assert isinstance(result, Plan)
    assert result.skills == (Pick(target="block_9"),)


def test_nothing_of_what_is_too_long_is_done(table: Scene) -> None:
    long = "grab the red cup" + " please" * 400
    result = PLANNER.plan(long, table, Progress())
    assert isinstance(result, Refusal)
    assert "too much at once" in result.text


def doubted(**changes: object) -> Scene:
    """A fallen can that the eyes take for a brick, and a cabinet that they take for a drawer."""
    lying = SceneObject(
        name="green lego", category="lego", color="green", position=(0.4, 0.0, 0.03),
        size=(0.067, 0.119, 0.06), yaw=1.4, score=0.55,
    )  # fmt: skip
    cabinet = SceneObject(
        name="white drawer", category="drawer", color="white", position=(0.45, 0.4, 0.12),
        size=(0.2, 0.3, 0.24), state="open", score=0.45,
    )  # fmt: skip
    things = {"lego_1": lying.model_copy(update=changes), "drawer_1": cabinet}
    return Scene(objects=things)


@pytest.mark.parametrize(
    ("said", "done"),
    [
        ("stand the can up", ["upright(lego_1)"]),
        ("set the green bottle upright", ["upright(lego_1)"]),
        ("close the white fridge", ["close(drawer_1)"]),
    ],
)
def test_what_is_doubtfully_named_is_known_by_what_can_be_done_to_it(
    said: str, done: list[str]
) -> None:
    assert calls(PLANNER.plan(said, doubted(), Progress())) == done


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        ("stand the red can up", {}),  # Its colour is another.
        ("stand the can up", {"score": 0.9}),  # It surely is a brick.
        ("stand the can up", {"yaw": None}),  # It is not long.
        ("stand the can up", {"size": (0.06, 0.06, 0.12)}),  # It stands.
        ("close the red fridge", {}),
        ("grab the can", {}),  # Anything could be grabbed.
    ],
)
def test_otherwise_what_is_not_there_is_refused(said: str, changes: dict[str, object]) -> None:
    assert isinstance(PLANNER.plan(said, doubted(**changes), Progress()), Refusal)


def test_a_row_is_laid_where_nothing_stands_turned_if_need_be() -> None:
    things = {}
    for index, (x, y) in enumerate([(0.52, 0.11), (0.59, 0.3), (0.35, -0.15), (0.65, -0.07),
                                    (0.42, -0.28), (0.55, -0.27), (0.42, 0.26), (0.47, -0.17),
                                    (0.46, 0.0), (0.56, 0.2), (0.62, 0.05)]):  # fmt: skip
        things[f"cup_{index + 1}"] = SceneObject(
            name="white cup", category="cup", color="white", position=(x, y, 0.04),
            size=(0.08, 0.08, 0.08),
        )  # fmt: skip
    for index, (color, x, y) in enumerate([("red", 0.35, 0.19), ("blue", 0.39, -0.03)]):
        things[f"block_{index + 1}"] = SceneObject(
            name=f"{color} block", category="block", color=color, position=(x, y, 0.025),
            size=(0.05, 0.05, 0.05),
        )  # fmt: skip
    plan = PLANNER.plan("put the blocks in a line", Scene(objects=things), Progress())
    assert isinstance(plan, Plan), plan
    places = [skill for skill in plan.skills if isinstance(skill, Place)]
    assert len(places) == 2
    for place in places:
        assert place.point is not None
        gaps = [
            math.dist(place.point, thing.position[:2]) - 0.04 - 0.025
            for name, thing in things.items()
            if name.startswith("cup")
        ]
        assert min(gaps) > 0.014


def test_where_a_shape_finds_no_room_what_stands_in_its_way_is_put_aside() -> None:
    spots = [(0.3 + 0.09 * i, -0.33 + 0.095 * j) for i in range(5) for j in range(8)]
    blocks = {3, 18, 33}
    objects = {
        f"{'block' if k in blocks else 'can'}_{k}": SceneObject(
            name="red block" if k in blocks else "green can",
            category="block" if k in blocks else "can",
            position=(x, y, 0.025),
            size=(0.04, 0.04, 0.05) if k in blocks else (0.07, 0.07, 0.1),
        )
        for k, (x, y) in enumerate(spots)
        if k not in (7, 39)  # Two places are free.
    }
    plan = PLANNER.plan("put the blocks in a line", Scene(objects=objects), Progress())
    assert isinstance(plan, Plan)
    moved = [skill for skill in plan.skills if isinstance(skill, Place)]
    asides, last = moved[:-3], moved[-3:]
    assert asides
    assert any(str(skill.target).startswith("can") for skill in asides)
    assert all(str(skill.target).startswith("block") for skill in last)
    for skill in asides:
        assert skill.point is not None
        assert min(math.dist(skill.point, s.point or (9, 9)) for s in last) > 0.06
    assert len(asides) > 1
    for one, other in itertools.combinations(asides, 2):
        assert math.dist(one.point or (9, 9), other.point or (9, 9)) > 0.07  # As wide as they are.


@pytest.mark.parametrize(
    "verb",
    ["smash", "slash", "prick", "slice", "sack", "sand", "sling", "shave", "drip", "talking"],
)
def test_a_word_of_its_own_is_no_misspelt_motion(verb: str, table: Scene) -> None:
    for rest in ("the red ball", "the red ball on the plate", "the red ball to the bowl"):
        assert isinstance(PLANNER.plan(f"{verb} {rest}", table, Progress()), Refusal)


@pytest.mark.parametrize(
    ("said", "reading"),
    [
        ("slowly grab the red cup", "pick the red cup; at my usual speed"),
        ("grab the red cup, but carefully", "pick the red cup; at my usual speed"),
        ("grab the red cup", "pick the red cup"),
        ("put only the green block on the plate",
         "put the green block on the plate; the yellow block stays where it is"),
        ("put only the green block in the bowl", "put the green block in the bowl"),
        ("put the red ball 2 cm from the bowl", "put the red ball 2 cm from the bowl"),
        ("don't touch the plate. grab the red ball",
         "leave the blue plate alone, then pick the red ball"),
        ("don't push the red ball to the left. grab the red ball",
         "do not push the red ball left, then pick the red ball"),
    ],
)  # fmt: skip
def test_the_reading_says_what_makes_no_difference(said: str, reading: str, table: Scene) -> None:
    result = PLANNER.plan(said, table, Progress())
    assert isinstance(result, Plan)
    assert result.reading == reading


def test_what_lies_on_what_must_be_moved_is_left_alone_too(table: Scene) -> None:
    for said in ("put the plate in the corner", "push the plate to the right", "turn the plate"):
        result = PLANNER.plan(f"don't touch the yellow block; {said}", table, Progress())
        assert isinstance(result, Refusal)
        assert "leave the yellow block alone" in result.text


def test_it_is_left_alone_once_it_was_put_where_it_belongs(table: Scene) -> None:
    said = "put the red ball in the bowl and don't touch it"
    for mentioned in (None, "cup_1", "ball_1"):
        result = PLANNER.plan(said, table, Progress(mentioned=mentioned))
        assert calls(result) == ["pick(ball_1)", "place(in, bowl_1, ball_1)"]
    again = PLANNER.plan(f"{said}. grab the red ball", table, Progress())
    assert isinstance(again, Refusal)


def test_what_is_held_is_not_put_down_against_what_was_said(table: Scene) -> None:
    holding = table.model_copy(update={"holding": "ball_1"})
    result = PLANNER.plan("don't move the red ball. grab the red cup", holding, Progress())
    assert isinstance(result, Refusal)
    assert "red ball" in result.text


def test_yes_or_no_to_or_not(table: Scene) -> None:
    said = "grab the red cup or not?"
    assert isinstance(PLANNER.plan(said, table, Progress()), Question)
    yes, no = (Progress(answers=(Answered(text=answer),)) for answer in ("yes", "no"))
    assert calls(PLANNER.plan(said, table, yes)) == ["pick(cup_1)"]
    assert isinstance(PLANNER.plan(said, table, no), Refusal)
