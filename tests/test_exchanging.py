"""Things that change places: names and sizes together outweigh the habit of believing places."""

import numpy as np
from handeye.perception.exchanging import exchange, exchanged
from handeye.perception.lifting import Lifted
from handeye.perception.track import Track
from handeye.perception.vlm.verbs import Detection

BALL, BOX, LEFT, RIGHT = 0.04, 0.12, 0.2, -0.2


def box(y: float, size: float) -> tuple[np.ndarray, np.ndarray]:
    middle = np.array([0.5, y, size / 2])
    return middle - size / 2, middle + size / 2


def track(identity: str, color: str, y: float, size: float) -> Track:
    found = Track(identity, *box(y, size))
    found.vote((color, identity[:-2]), 0.9)
    return found


def seen(words: str, y: float, size: float, score: float = 0.9) -> Lifted:
    color, category = words.split()
    detection = Detection(words, (0, 0, 1, 1), score, category, color)
    return Lifted(detection, "overview", np.zeros((0, 3), np.float32), *box(y, size), True)


def known() -> list[Track]:
    return [track("ball_1", "red", LEFT, BALL), track("box_1", "blue", RIGHT, BOX)]


def ids(pair: tuple[Track, Track] | None) -> set[str]:
    return {one.id for one in pair} if pair else set()


def test_two_things_that_are_seen_where_the_other_was_have_changed_places() -> None:
    tracks = known()
    pair = exchanged(tracks, [seen("blue box", LEFT, BOX), seen("red ball", RIGHT, BALL)])
    assert ids(pair) == {"ball_1", "box_1"}
    assert pair is not None
    exchange(*pair)
    assert tracks[0].center[1] == RIGHT
    assert tracks[0].name == ("red", "ball")


def test_what_stays_in_its_place_is_left_there() -> None:
    assert not exchanged(known(), [seen("red ball", LEFT, BALL), seen("blue box", RIGHT, BOX)])


def test_a_model_that_only_says_so_is_not_believed() -> None:
    # The names are taken for each other; what stands there has the old sizes.
    assert not exchanged(known(), [seen("blue box", LEFT, BALL), seen("red ball", RIGHT, BOX)])
    assert not exchanged(known(), [seen("blue box", LEFT, BOX, 0.3), seen("red ball", RIGHT, BALL)])


def test_one_of_them_is_enough_where_the_other_is_hidden_and_its_size_is_plain() -> None:
    assert ids(exchanged(known(), [seen("red ball", RIGHT, BALL)])) == {"ball_1", "box_1"}
    assert not exchanged(known(), [seen("red ball", RIGHT, 0.11)])


def test_furniture_changes_places_with_nothing() -> None:
    # A ball that was just let go into an open drawer is seen where the drawer's middle is, and
    # the model has taken the drawer for a box.
    drawer = track("drawer_1", "brown", LEFT, 0.3)
    ball = track("ball_1", "red", RIGHT, BALL)
    assert not exchanged([drawer, ball], [seen("red ball", LEFT, BALL)])
