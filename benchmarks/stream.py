"""What the streams cost and what they are worth: ratios against baselines of the same run.

    python benchmarks/stream.py [--rounds 5] [--seconds 3] [--frames 100000]

stream over bare   frames a second of `watch` over those of the bare model on the same frames
age of an answer   of `watch` and of the naive loop that reads and infers, on the same camera
two over one       frames a second of two cameras together over those of one
most of that       passes a second of two processes, a core each, over those of one on all cores
memory             of the streams' own code, with a model that does nothing
lost uncounted     frames that left the camera and are in no count

What is compared is measured in turns, so that all see the same machine; medians of the turns. The
camera serves motion JPEG on loopback at 30 frames a second from a process of its own; each picture
carries its number in black and white blocks, so that the age is known from the sender's clock.
"""

import argparse
import http.server
import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.sharedctypes import Synchronized
from typing import Any

import numpy as np
import torch
from handeye.perception.cameras import FrameStream, open_camera
from handeye.perception.errors import EndOfStreamError
from handeye.perception.frame import Frame, Image
from handeye.perception.perception import Perception
from handeye.perception.vlm.embedded import EmbeddedVLM
from handeye.perception.vlm.verbs import Answer
from handeye.perception.watching import rounds, watch

FPS = 30
QUESTION = "is there a red cup?"
_BITS = 24
_BLOCK = 8
_MOST_SENT = 1 << 16


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="turns of each measurement")
    parser.add_argument("--looks", type=int, default=16, help="of a turn of throughput")
    parser.add_argument("--seconds", type=float, default=3.0, help="of a turn with a live camera")
    parser.add_argument("--frames", type=int, default=100_000, help="for memory and counts")
    options = parser.parse_args()
    picture = table_top()
    model = EmbeddedVLM()
    model.ask(Frame(picture, "warm", 0, 0.0), QUESTION)
    print(f"{torch.get_num_threads()} threads, 320×240, {options.rounds} turns")
    row("what", "measured", "baseline", "ratio", "goal")
    endurance(options.frames)
    throughput(model, picture, options.rounds, options.looks)
    most(model, picture, options.rounds, options.looks)
    ages(model, picture, options.rounds, options.seconds)


def row(what: str, measured: str, baseline: str = "", ratio: str = "", goal: str = "") -> None:
    """Print one row of the table, as soon as it is known."""
    print(f"{what:46} {measured:>9} {baseline:>9} {ratio:>18}  {goal}", flush=True)


# --- throughput ----------------------------------------------------------------------------------


class Pictures:
    """A camera that always has a next picture, of many objects like those before it."""

    def __init__(self, name: str, picture: Image, count: int) -> None:
        self.name = name
        self._picture, self._left, self._sequence = picture, count, 0

    def read(self, max_age_s: float = 1.0) -> Frame:  # noqa: ARG002
        if self._sequence == self._left:
            raise EndOfStreamError("all were read")
        self._sequence += 1
        return Frame(self._picture.copy(), self.name, self._sequence, float(self._sequence))

    def close(self) -> None: ...


def throughput(model: EmbeddedVLM, picture: Image, turns: int, count: int) -> None:
    """Bare model, one camera, two cameras: frames a second, in turns."""
    rates: dict[str, list[float]] = {"bare": [], "one": [], "two": []}

    def bare() -> int:
        camera = Pictures("bare", picture, count)
        for _ in range(count):
            model.ask(camera.read(), QUESTION)
        return count

    def streamed(cameras: int) -> int:
        streams = [
            FrameStream(Pictures(f"c{k}", picture, count), every=True) for k in range(cameras)
        ]
        return sum(1 for _ in watch(rounds(streams), Perception.of(model), [QUESTION]))

    work: dict[str, Callable[[], int]] = {
        "bare": bare,
        "one": lambda: streamed(1),
        "two": lambda: streamed(2),
    }
    for turn in range(turns + 1):
        for name, call in work.items():
            model._kept.clear()
            began = time.perf_counter()
            frames = call()
            if turn:
                rates[name].append(frames / (time.perf_counter() - began))
    compared("stream over bare model, frames/s", rates["one"], rates["bare"], "≥ 0.95")
    compared("two cameras over one, frames/s", rates["two"], rates["one"], "≥ 1.6")


def most(model: EmbeddedVLM, picture: Image, turns: int, count: int) -> None:
    """What the machine allows two cameras: two processes, a core each, over one on both."""
    context = multiprocessing.get_context("spawn")
    start, end = context.Barrier(3), context.Barrier(3)
    both = [
        context.Process(target=alone, args=(picture, turns + 1, count, start, end), daemon=True)
        for _ in range(2)
    ]
    for process in both:
        process.start()
    rates: dict[str, list[float]] = {"one": [], "two": []}
    for turn in range(turns + 1):
        began = time.perf_counter()
        for _ in range(count):
            model._looker.look(Frame(picture, "bare", 0, 0.0))
        one_s = time.perf_counter() - began
        start.wait()
        began = time.perf_counter()
        end.wait()
        if turn:
            rates["one"].append(count / one_s)
            rates["two"].append(2 * count / (time.perf_counter() - began))
    for process in both:
        process.join()
    compared("two processes over one, passes/s", rates["two"], rates["one"], "the most of that")


def alone(picture: Image, turns: int, count: int, start: Any, end: Any) -> None:
    """Look at a picture on one core, so many times in each turn."""
    torch.set_num_threads(1)
    model = EmbeddedVLM()
    model._looker.look(Frame(picture, "bare", 0, 0.0))
    for _ in range(turns):
        start.wait()
        for _ in range(count):
            model._looker.look(Frame(picture, "bare", 0, 0.0))
        end.wait()


def compared(what: str, a: list[float], b: list[float], goal: str) -> None:
    """A row: medians, and the median of the ratios of each turn, with their range."""
    ratios = [x / y for x, y in zip(a, b, strict=True)]
    spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
    row(what, f"{statistics.median(a):.1f}", f"{statistics.median(b):.1f}", spread, goal)


# --- age -----------------------------------------------------------------------------------------


class Server:
    """A camera on the network, in a process of its own, that keeps its pace whoever reads.

    Attributes:
        url: where it is.
        sent: when each picture was taken, on this machine's monotonic clock.
    """

    def __init__(self, picture: Image) -> None:
        context = multiprocessing.get_context("spawn")
        self.sent = context.Array("d", _MOST_SENT)
        port = context.Value("i", 0)
        self._process = context.Process(target=serve, args=(picture, self.sent, port), daemon=True)
        self._process.start()
        while not port.value:
            time.sleep(0.05)
        self.url = f"http://127.0.0.1:{port.value}/"

    def age_s(self, rgb: Image) -> float:
        """How old a picture is now, by its sender's clock."""
        return time.monotonic() - self.sent[number_in(rgb)]

    def close(self) -> None:
        self._process.terminate()


def serve(picture: Image, sent: Any, port: "Synchronized[int]") -> None:
    """Serve motion JPEG, FPS pictures a second, for ever."""
    import cv2

    class Camera(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            began, k = time.monotonic(), 0
            while True:
                wait_s = began + k / FPS - time.monotonic()
                time.sleep(max(wait_s, 0.0))
                k = max(k, int((time.monotonic() - began) * FPS))  # a camera waits for nobody
                number = next(numbers)
                sent[number] = time.monotonic()
                data = cv2.imencode(".jpg", numbered(picture, number)[:, :, ::-1])[1].tobytes()
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                try:
                    self.wfile.write(head.encode() + data + b"\r\n")
                except OSError:
                    return
                k += 1

        def log_message(self, format: str, *args: object) -> None: ...

    numbers = iter(range(1, _MOST_SENT))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    port.value = server.server_address[1]
    server.serve_forever()


def numbered(picture: Image, number: int) -> Image:
    """The picture with a number in blocks along its upper edge."""
    image = picture.copy()
    for bit in range(_BITS):
        image[:_BLOCK, bit * _BLOCK : (bit + 1) * _BLOCK] = 255 * (number >> bit & 1)
    return image


def number_in(rgb: Image) -> int:
    """The number that `numbered` wrote."""
    half = _BLOCK // 2
    return sum(int(rgb[half, bit * _BLOCK + half, 1] > 127) << bit for bit in range(_BITS))


def ages(model: EmbeddedVLM, picture: Image, turns: int, seconds: float) -> None:
    """Age of the answers of the stream and of the naive loop, at p50 and p99, in turns."""
    server = Server(picture)
    streamed: list[float] = []
    naive: list[float] = []
    looks: list[float] = []
    errors: list[float] = []
    for _ in range(turns):
        streamed += stream_ages(server, model, seconds, looks, errors)
        naive += naive_ages(server, model, seconds)
    server.close()
    for share in (50, 99):
        a, b = (1000 * float(np.percentile(x, share)) for x in (streamed, naive))
        limit = 1000 / FPS + 1000 * float(np.percentile(looks, share))
        goal = f"≤ {limit:.0f} (period + inference)"
        row(f"age of the answer at p{share}, ms", f"{a:.0f}", f"{b:.0f}", f"{a / b:.2f}", goal)
    bound = float(np.mean([a <= 1 / FPS + look for a, look in zip(streamed, looks, strict=True)]))
    what = "answers within a period + their own inference"
    row(what, f"{100 * bound:.0f} %", f"n = {len(streamed)}", "", "100 %")
    told = 1000 * float(np.percentile(np.abs(errors), 99))
    row("told age against the sender's clock, p99, ms", f"{told:.0f}")


def stream_ages(
    server: Server, model: EmbeddedVLM, seconds: float, looks: list[float], errors: list[float]
) -> list[float]:
    class Timed:
        def ask(self, frame: Frame, question: str) -> Answer:
            began = time.monotonic()
            answer = model.ask(frame, question)
            looks.append(time.monotonic() - began)
            return answer

    news = rounds([open_camera(server.url)])
    found, until = [], None
    for sighting in watch(news, Perception.of(Timed()), [QUESTION]):
        until = until or time.monotonic() + seconds
        age_s = server.age_s(sighting.frame.rgb)
        found.append(age_s)
        errors.append(age_s - sighting.age_s)
        if time.monotonic() > until:
            break
    news.close()
    return found


def naive_ages(server: Server, model: EmbeddedVLM, seconds: float) -> list[float]:
    import cv2

    capture = cv2.VideoCapture(server.url, cv2.CAP_FFMPEG)
    found, until = [], None
    while until is None or time.monotonic() < until:
        _, bgr = capture.read()
        until = until or time.monotonic() + seconds
        rgb = np.ascontiguousarray(bgr[:, :, ::-1])
        model.ask(Frame(rgb, "naive", len(found), 0.0), QUESTION)
        found.append(server.age_s(rgb))
    capture.release()
    return found


# --- endurance -----------------------------------------------------------------------------------


class Endless:
    """Small pictures as fast as they are read; some numbers are left out, as if lost on the way."""

    name = "endless"

    def __init__(self, count: int) -> None:
        self._count, self._sequence = count, 0

    def read(self, max_age_s: float = 1.0) -> Frame:  # noqa: ARG002
        if self._sequence >= self._count:
            raise EndOfStreamError("all were read")
        self._sequence += 2 if self._sequence % 1000 == 500 else 1
        rgb = np.full((48, 64, 3), self._sequence % 251, np.uint8)
        return Frame(rgb, self.name, self._sequence, time.monotonic())

    def close(self) -> None: ...


class Trivial:
    """A model that does nothing."""

    def ask(self, frame: Frame, question: str) -> Answer:  # noqa: ARG002
        return Answer("yes", 1.0)


def endurance(frames: int) -> None:
    """Memory after the first tenth of the frames and at their end; frames that no count has."""
    stream = FrameStream(Endless(frames), deadline_s=60.0)
    early_mb, asked = 0.0, 0
    for sighting in watch(rounds([stream]), Perception.of(Trivial()), [QUESTION]):
        asked += 1
        if not early_mb and sighting.frame.sequence > frames // 10:
            early_mb = resident_mb()
    late_mb = resident_mb()
    what = f"memory after {frames} frames over after a tenth, MB"
    row(what, f"{late_mb:.1f}", f"{early_mb:.1f}", f"{late_mb / early_mb:.3f}", "flat")
    counted = asked + stream.dropped + stream.missed
    sorts = f"{asked} asked, {stream.dropped} dropped, {stream.missed} missed"
    row("frames lost uncounted", str(frames - counted), "", "", f"0; {sorts}")


def resident_mb() -> float:
    """Memory that this process has now, MB."""
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[1])
    return pages * 4096 / 2**20


def table_top() -> Image:
    """What the simulated camera sees."""
    from handeye.sims.simulation import simulate
    from handeye.sims.tasks import get_task

    with simulate(get_task("grab_red_cup"), 3) as simulation:
        return simulation.robot.cameras["overview"].read().rgb


if __name__ == "__main__":
    main()
