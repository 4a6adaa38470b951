"""FrameStream: newest frame wins, drops are counted, dead cameras are reported and revived."""

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


def test_a_silent_camera_is_reported_within_its_deadline() -> None:
    camera = Fed()
    stream = FrameStream(camera, deadline_s=0.05).start()
    with pytest.raises(CameraError, match='"fed" has given nothing for'):
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

    check_camera(FrameStream(Endless()))
