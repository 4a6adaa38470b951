"""FrameStream: newest frame wins, drops are counted, dead cameras are reported and revived."""

import contextlib
import queue
import threading

import numpy as np
import pytest
from handeye.perception.cameras import FrameStream
from handeye.perception.cameras.check import check_camera
from handeye.perception.errors import CameraError, EndOfStreamError
from handeye.perception.frame import Frame


class Fed:
    """A camera that gives what the test feeds it, and waits for more otherwise.

    Feed an exception and it is raised; feed None and the camera ends.
    """

    name = "fed"

    def __init__(self) -> None:
        self._feed: queue.Queue[Frame | Exception] = queue.Queue()
        self._reading = False
        self.closed = threading.Event()

    def feed(self, *items: Frame | Exception) -> None:
        """Feed, and wait until the stream has dealt with all of it."""
        for item in items:
            self._feed.put(item)
        self._feed.join()

    def read(self, max_age_s: float = 1.0) -> Frame:
        if self._reading:
            self._feed.task_done()  # whoever reads again has dealt with what came before
        self._reading = True
        item = self._feed.get()
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        self.closed.set()
        if self._reading:
            self._feed.task_done()
        self._reading = False


def frame(sequence: int, stamp_s: float = 0.0) -> Frame:
    return Frame(np.zeros((4, 4, 3), np.uint8), "fed", sequence, stamp_s)


def stop(stream: FrameStream, camera: Fed) -> None:
    """Close, waking the camera up first so that no thread is left behind."""
    stream.stop()
    camera._feed.put(EndOfStreamError("test over"))
    stream.close()


def test_the_newest_frame_wins_and_the_others_are_counted() -> None:
    camera = Fed()
    stream = FrameStream(camera, deadline_s=30.0).start()
    camera.feed(*(frame(i) for i in range(1, 11)))
    assert stream.read(max_age_s=30.0).sequence == 10
    assert (stream.received, stream.dropped) == (10, 9)
    camera.feed(frame(11))
    assert stream.read(max_age_s=30.0).sequence == 11
    assert (stream.received, stream.dropped) == (11, 9)
    stop(stream, camera)


def test_a_stale_frame_is_never_given() -> None:
    camera, now = Fed(), [10.0]
    stream = FrameStream(camera, deadline_s=30.0, clock=lambda: now[0]).start()
    camera.feed(frame(1, stamp_s=10.0))
    assert stream.read(max_age_s=0.5).sequence == 1
    now[0] = 11.0
    camera._feed.put(frame(2, stamp_s=10.9))  # comes while the reader waits, or just before
    assert stream.read(max_age_s=0.5).sequence == 2
    stop(stream, camera)


def test_a_frame_that_was_long_under_way_counts_from_when_it_was_taken() -> None:
    camera, now, asked = Fed(), [11.0], threading.Event()

    def clock() -> float:
        told_s = now[0]
        asked.set()
        return told_s

    stream = FrameStream(camera, deadline_s=30.0, clock=clock).start()
    camera.feed(frame(1, stamp_s=10.8))
    asked.clear()
    read: list[int] = []
    reader = threading.Thread(target=lambda: read.append(stream.read(max_age_s=0.1).sequence))
    reader.start()
    assert asked.wait(30.0)
    now[0] = 11.6
    camera._feed.put(frame(2, stamp_s=11.2))  # 0.4 s old by now, and taken after it was asked for
    reader.join()
    assert read == [2]
    stop(stream, camera)


def test_a_silent_camera_is_reported_within_its_deadline() -> None:
    camera = Fed()
    stream = FrameStream(camera, deadline_s=0.05).start()
    with pytest.raises(
        CameraError, match=r'"fed" has given nothing for 0\.\d s \(its deadline is 0\.05 s\)$'
    ):
        stream.read()
    assert not stream.alive
    camera.feed(frame(1))
    assert stream.read(max_age_s=30.0).sequence == 1  # it serves again
    stop(stream, camera)


def test_a_failing_camera_is_tried_again_and_its_reason_is_told() -> None:
    camera = Fed()
    stream = FrameStream(camera, deadline_s=0.05, longest_pause_s=0.002).start()
    camera.feed(frame(1), CameraError("cable out"), OSError("still out"))
    with pytest.raises(CameraError, match="still out"):
        stream.read(max_age_s=0.0)
    camera.feed(frame(2))
    assert stream.read(max_age_s=30.0).sequence == 2
    assert (stream.failures, stream.revived) == (2, 1)
    stop(stream, camera)


def test_a_camera_that_can_be_opened_again_is() -> None:
    first, second = Fed(), Fed()
    cameras = iter([first, second])
    stream = FrameStream(lambda: next(cameras), deadline_s=30.0, longest_pause_s=0.002).start()
    first.feed(frame(1), CameraError("cable out"))
    second.feed(frame(1))  # it counts from the beginning again; the stream goes on counting
    assert first.closed.is_set()
    assert stream.read(max_age_s=30.0).sequence == 2
    assert stream.revived == 1
    stop(stream, second)


def test_garbage_counts_as_a_failure_not_as_a_frame() -> None:
    camera = Fed()
    stream = FrameStream(camera, deadline_s=30.0, longest_pause_s=0.002).start()
    garbage = Frame(np.zeros((0, 0, 3), np.uint8), "fed", 1, 0.0)
    camera.feed(garbage, frame(2))
    assert stream.read(max_age_s=30.0).sequence == 2
    assert (stream.received, stream.failures) == (1, 1)
    stop(stream, camera)


def test_a_frozen_picture_is_no_news() -> None:
    camera = Fed()
    stream = FrameStream(camera, deadline_s=0.05).start()
    camera.feed(frame(1), frame(1), frame(1))
    assert stream.received == 1
    with pytest.raises(CameraError, match="nothing for"):
        stream.read(max_age_s=0.0)
    stop(stream, camera)


def test_the_last_frame_of_a_finite_camera_is_given_once_then_the_end_is_told() -> None:
    camera = Fed()
    stream = FrameStream(camera, deadline_s=30.0).start()
    camera.feed(frame(1), EndOfStreamError("over"))
    assert stream.read(max_age_s=30.0).sequence == 1
    with pytest.raises(EndOfStreamError):
        stream.read(max_age_s=30.0)
    stream.close()


def test_a_camera_that_shows_the_same_picture_for_too_long_is_frozen_and_reopened() -> None:
    first, second = Fed(), Fed()
    cameras = iter([first, second])
    stream = FrameStream(
        lambda: next(cameras), deadline_s=30.0, longest_pause_s=0.002, frozen_s=0.0
    ).start()
    still = [Frame(np.full((20, 20, 3), 7, np.uint8), "fed", k, 0.0) for k in (1, 2)]
    first.feed(*still)
    moved = Frame(still[0].rgb.copy(), "fed", 1, 0.0)
    moved.rgb[3, 5] = 8  # one pixel's noise is enough
    second.feed(moved)
    assert stream.read(max_age_s=30.0).sequence == 2
    assert first.closed.is_set()
    assert (stream.received, stream.failures, stream.revived) == (2, 1, 1)
    assert "is frozen: the very same picture" in stream.troubles[0]
    stop(stream, second)


def test_a_trouble_is_told_once_and_so_is_the_return(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handeye.perception.cameras.inbox._STEADY_S", 0.0)
    camera = Fed()
    stream = FrameStream(camera, deadline_s=30.0, longest_pause_s=0.002).start()
    camera.feed(frame(1))
    for seconds in ("10.1", "12.1", "14.2"):  # the same trouble, whatever numbers are in it
        camera.feed(CameraError(f"the very same picture for {seconds} s"), CameraError("no answer"))
    assert list(stream.troubles) == ["the very same picture for 10.1 s", "no answer"]
    camera.feed(frame(2), frame(3))
    assert list(stream.troubles)[2:] == ['camera "fed" is back']
    camera.feed(CameraError("no answer"))
    assert list(stream.troubles)[3:] == ["no answer"]
    stop(stream, camera)


def test_a_camera_that_flickers_is_told_of_once() -> None:
    camera = Fed()
    stream = FrameStream(camera, deadline_s=30.0, longest_pause_s=0.002).start()
    for k in range(5):
        camera.feed(frame(k), CameraError("a picture that breaks off"))
    assert list(stream.troubles) == ["a picture that breaks off"]
    assert (stream.failures, stream.revived) == (5, 4)
    stop(stream, camera)


def test_each_damaged_file_is_told_and_none_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handeye.perception.cameras.inbox._STEADY_S", 0.0)
    camera = Fed()
    stream = FrameStream(camera, deadline_s=30.0, longest_pause_s=0.002, every=True).start()
    damaged = [CameraError(f"00{k}.png is damaged") for k in (1, 2, 4)]
    # After the frame nothing is read until it was taken.
    for item in (*damaged[:2], frame(3), damaged[2], EndOfStreamError("over")):
        camera._feed.put(item)
    assert stream.read(max_age_s=30.0).sequence == 3
    with pytest.raises(EndOfStreamError):
        stream.read(max_age_s=0.0)
    assert [words[:3] for words in stream.troubles] == ["001", "002", "004"]
    stream.close()


def test_a_camera_whose_frames_always_come_too_old_is_reported() -> None:
    camera = Fed()
    stream = FrameStream(camera, deadline_s=0.1, clock=lambda: 100.0).start()
    camera.feed(frame(1, stamp_s=90.0))
    feeding = threading.Event()

    def feed() -> None:
        k = 2
        while not feeding.wait(0.01):
            camera._feed.put(frame(k, stamp_s=90.0))
            k += 1

    thread = threading.Thread(target=feed)
    thread.start()
    with pytest.raises(CameraError, match=r"come more than 1 s old"):
        stream.read(max_age_s=1.0)
    feeding.set()
    thread.join()
    stop(stream, camera)


def test_a_frame_is_taken_once_and_taking_never_waits() -> None:
    camera = Fed()
    stream = FrameStream(camera, deadline_s=30.0).start()
    assert stream.take() is None
    camera.feed(frame(1), frame(2))
    taken = stream.take()
    assert taken is not None
    assert taken.frame.sequence == 2
    assert 0 <= taken.age_s < 30
    assert stream.take() is None
    stop(stream, camera)


def test_frames_that_never_came_are_counted_by_the_cameras_own_count() -> None:
    camera = Fed()
    stream = FrameStream(camera, deadline_s=30.0).start()
    camera.feed(frame(1), frame(4), frame(5))
    stream.read(max_age_s=30.0)
    assert (stream.received, stream.taken, stream.dropped, stream.missed) == (3, 1, 2, 2)
    stop(stream, camera)


def test_where_every_frame_counts_none_is_dropped() -> None:
    class Ten:
        name = "ten"

        def __init__(self) -> None:
            self.sequence = 0

        def read(self, max_age_s: float = 1.0) -> Frame:
            if self.sequence == 10:
                raise EndOfStreamError("over")
            self.sequence += 1
            if self.sequence == 4:
                raise CameraError("damaged")
            return Frame(np.zeros((4, 4, 3), np.uint8), "ten", self.sequence, 0.0)

        def close(self) -> None: ...

    seen = []
    with (
        FrameStream(Ten(), deadline_s=30.0, every=True) as stream,
        contextlib.suppress(EndOfStreamError),
    ):
        while True:
            seen.append(stream.read(max_age_s=30.0).sequence)
    assert list(dict.fromkeys(seen)) == [1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert (stream.taken, stream.dropped, stream.missed, stream.failures) == (9, 0, 1, 1)


def test_no_frame_is_lost_uncounted_whoever_reads_when() -> None:
    class Many:
        name = "many"

        def __init__(self) -> None:
            self.sequence = 0

        def read(self, max_age_s: float = 1.0) -> Frame:
            if self.sequence >= 5000:
                raise EndOfStreamError("over")
            self.sequence += 2 if self.sequence % 7 == 3 else 1
            return Frame(np.zeros((4, 4, 3), np.uint8), "many", self.sequence, 0.0)

        def close(self) -> None: ...

    camera, given = Many(), 0
    with FrameStream(camera, deadline_s=30.0) as stream, contextlib.suppress(EndOfStreamError):
        while True:
            given += stream.take() is not None
    assert given == stream.taken
    assert stream.taken + stream.dropped + stream.missed == camera.sequence


def test_closing_ends_the_thread_and_closes_the_camera() -> None:
    camera = Fed()
    with FrameStream(camera, deadline_s=30.0) as stream:
        camera.feed(frame(1))
        camera._feed.put(frame(2))
        stream.stop()
    assert camera.closed.is_set()
    with pytest.raises(CameraError, match="closed"):
        stream.read()


def test_closing_wakes_a_waiting_reader() -> None:
    camera = Fed()
    stream = FrameStream(camera, deadline_s=30.0).start()
    told: list[Exception] = []

    def wait() -> None:
        try:
            stream.read()
        except CameraError as error:
            told.append(error)

    reader = threading.Thread(target=wait)
    reader.start()
    stop(stream, camera)
    reader.join(timeout=10.0)
    assert len(told) == 1


def test_a_stream_keeps_the_contract_of_a_camera() -> None:
    class Endless:
        name = "endless"

        def __init__(self) -> None:
            self.sequence = 0

        def read(self, max_age_s: float = 1.0) -> Frame:
            self.sequence += 1
            return Frame(np.zeros((4, 4, 3), np.uint8), self.name, self.sequence, self.sequence)

        def close(self) -> None:
            pass

    # Left open, it would go on reading through all the tests that follow.
    with FrameStream(Endless()) as stream:
        check_camera(stream)
