"""The `handeye` command. Heavy imports happen inside the sub-commands."""

import json
import math
import sys
from typing import Any

import click

from . import __version__
from .exit_codes import BAD_INPUT, BROKEN, EXIT_CODES

_EPILOG = """\b
Exit codes:
  0  succeeded
  1  failed: it was tried, or refused with a reason
  2  bad input: unknown names, broken files, wrong options
  3  needs input: the answer to a question
  4  stopped
  5  a robot, camera or model is broken"""


class _Group(click.Group):
    """Turns errors into one line, or one JSON value, and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        from handeye.perception.errors import HandeyeError, UserError

        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            if "--json" in sys.argv:
                _print_failure("UsageError", error.format_message())
            raise
        except HandeyeError as error:
            self._end(ctx, BAD_INPUT if isinstance(error, UserError) else BROKEN, error, str(error))
        except BrokenPipeError:
            raise
        except (OSError, UnicodeError) as error:
            self._end(ctx, BAD_INPUT, error, _told(error))
        except KeyboardInterrupt:
            # What watches is ended so, and has printed its values.
            if "--json" in sys.argv and ctx.invoked_subcommand != "watch":
                click.echo(json.dumps({"status": "stopped", "reason": "stopped by Ctrl-C"}))
            click.echo("handeye: stopped by Ctrl-C", err=True)
            ctx.exit(EXIT_CODES["stopped"])

    @staticmethod
    def _end(ctx: click.Context, code: int, error: Exception, reason: str) -> None:
        if "--json" in sys.argv:
            _print_failure(type(error).__name__, reason)
        else:
            click.echo(f"handeye: {reason}", err=True)
        ctx.exit(code)


def _print_failure(kind: str, reason: str) -> None:
    click.echo(json.dumps({"status": "failed", "reason": reason, "error": kind}))


def _told(error: OSError | UnicodeError) -> str:
    """What is wrong with a file or a text, in words."""
    if isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename else ""
        return f"{named}{error.strerror or error}"
    return f"not UTF-8 text: {error}"


class _Finite(click.FloatRange):
    """A range of numbers, of which nan and infinity are none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


@click.group(cls=_Group, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="handeye")
def main() -> None:
    """Language in, motion out, the camera in the loop."""


_JSON = click.option("--json", "as_json", is_flag=True, help="print JSON only")
_VLM = click.option("--vlm", default="embedded", show_default=True, help="name or folder")
_PLANNER = click.option("--planner", default="embedded", show_default=True)
_RENDERERS = click.option(
    "--jobs", default=2, show_default=True, type=click.IntRange(1), help="rendering processes"
)


@main.command()
@click.argument("instruction", required=False)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="another seed, another scene",
)
@click.option("--task", help="build the scene of this task (see `handeye tasks`) or task file")
@click.option("--scene", type=click.Path(), help="build the scene of this scene file")
@click.option("--robot", default="sim", show_default=True)
@_VLM
@_PLANNER
@click.option("--approve", is_flag=True, help="ask before every motion")
@click.option("--resume", metavar="THREAD", help="go on with a thread of an earlier run")
@click.option("--out", type=click.Path(), help="folder of the recording  [default: runs/…]")
@click.option("--video/--no-video", default=True, show_default=True)
@click.option(
    "--explain/--no-explain",
    default=None,
    help="record where the VLM saw what it acts on  [default: with the embedded VLM]",
)
@_JSON
@click.pass_context
def run(context: click.Context, /, **options: Any) -> None:
    """Carry out INSTRUCTION (or a task's own) with a robot, and record the episode."""
    if options["resume"] is not None:
        for name in ("seed", "task", "scene", "robot"):
            if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
                raise click.UsageError(
                    f"--resume goes on where the earlier run was; it takes no --{name}"
                )
    from .commands.run import run as command

    sys.exit(command(**options))


@main.command()
@click.argument("instruction")
@click.option("--scene", required=True, type=click.Path(), help="scene file")
@_PLANNER
@_JSON
def plan(instruction: str, scene: str, planner: str, as_json: bool) -> None:
    """Plan INSTRUCTION (or each line of a .jsonl file) for a scene file; nothing moves."""
    from .commands.plan import plan as command

    sys.exit(command(instruction, scene, planner, as_json))


@main.command()
@click.argument("image", type=click.Path())
@_VLM
@click.option("--save", type=click.Path(), help="write the picture with boxes here")
@_JSON
def parse(image: str, vlm: str, save: str | None, as_json: bool) -> None:
    """Find every object in IMAGE."""
    from .commands.look import parse as command

    command(image, vlm, save, as_json)


@main.command()
@click.argument("image", type=click.Path())
@click.argument("phrase")
@_VLM
@click.option("--save", type=click.Path(), help="write the picture with boxes here")
@click.option("--explain", type=click.Path(), help="write the picture with a heat map here")
@_JSON
def ground(**options: Any) -> None:
    """Find what PHRASE refers to in IMAGE; nothing, if it is not there."""
    from .commands.look import ground as command

    command(**options)


@main.command()
@click.argument("image", type=click.Path())
@click.argument("question")
@_VLM
@_JSON
def ask(image: str, question: str, vlm: str, as_json: bool) -> None:
    """Answer QUESTION about IMAGE."""
    from .commands.look import ask as command

    command(image, question, vlm, as_json)


@main.command()
@click.argument("images", nargs=-1, required=True, type=click.Path())
@_JSON
@click.option("--csv", "as_csv", is_flag=True, help="comma-separated rows")
@click.option("--ask", "question", metavar="QUESTION", help="answer a question about it instead")
@click.option("--out", type=click.Path(), help="write to a file instead of the terminal")
def chart(**options: Any) -> None:
    """Read charts in IMAGES (files or folders) into tables, also photographed ones."""
    from .commands.chart import chart as command

    sys.exit(1 if command(**options) else 0)


@main.command("watch")
@click.argument("sources", nargs=-1, required=True, metavar='SOURCE… ["QUESTION OR PHRASE"]')
@click.option(
    "--query",
    "-q",
    "queries",
    multiple=True,
    help='a question ("is the cup there?") or a phrase ("the red cup"); may be given several times',
)
@click.option("--every", default=0.0, type=_Finite(min=0), help="seconds between looks")
@_VLM
@click.option("--changes", is_flag=True, help="skip frames in which nothing moved")
@click.option("--realtime", is_flag=True, help="play videos at their own pace, newest frame first")
@click.option(
    "--view",
    type=click.Path(),
    help="picture file: the latest frames with what was found, kept up to date",
)
@_JSON
def watch(**options: Any) -> None:
    """Put questions to SOURCES: webcams (0), rtsp:// and http:// streams, videos, folders.

    Without a question or phrase, it is told what happens: what appears, moves, vanishes.
    """
    from .commands.watch import run as command

    command(**options)


@main.command("search")
@click.argument("source", type=click.Path())
@click.argument("phrase")
@click.option("--first", is_flag=True, help="only when it was so first")
@click.option("--last", is_flag=True, help="only when it was so last")
@click.option("--top", default=6, show_default=True, type=click.IntRange(min=1), help="at most")
@click.option("--every", default=0.0, type=_Finite(min=0), help="seconds between looks")
@click.option("--least", type=_Finite(), help="score from which on it counts  [default: 0.5]")
@_VLM
@click.option("--out", default="search.png", show_default=True, type=click.Path())
@_JSON
def search(**options: Any) -> None:
    """Tell when PHRASE is to be seen in SOURCE: a video, a folder of images, an episode.

    PHRASE may be a question: "when did the red cup last stand on the plate?"
    """
    from .commands.search import search as command

    sys.exit(0 if command(**options) else 1)


@main.command()
@_JSON
def skills(as_json: bool) -> None:
    """List the skills and their arguments."""
    from .commands.listing import skills as command

    command(as_json)


@main.command()
@_JSON
def tasks(as_json: bool) -> None:
    """List the simulated tasks."""
    from .commands.listing import tasks as command

    command(as_json)


@main.command()
@_JSON
def doctor(as_json: bool) -> None:
    """Check the installation: versions, weights, renderer, a frame, a model call."""
    from .commands.doctor import doctor as command

    sys.exit(command(as_json))


@main.command("eval")
@click.argument("tasks", nargs=-1, required=True)
@click.option("--episodes", type=click.IntRange(1), help="of each task  [default: 20]")
@click.option(
    "--jobs",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="worker processes; 0 runs in this one",
)
@click.option("--ray", metavar="ADDRESS", help='run on a Ray cluster: "auto" or host:port')
@click.option("--entropy", type=click.IntRange(min=0), help="seeds the episodes")
@click.option("--vlm", help="name or folder  [default: embedded]")
@click.option("--planner", help="[default: embedded]")
@click.option("--split", multiple=True, help="seen, dark, …; several with commas  [default: all]")
@click.option("--baselines", is_flag=True, help="also perfect eyes, open loop, and chance")
@click.option("--out", type=click.Path(), help="folder for the results and the report")
@click.option("--resume", is_flag=True, help="go on with what --out holds")
@click.option("--record", is_flag=True, help="record every episode into --out")
@_JSON
def evaluate(**options: Any) -> None:
    """Measure success rates on TASKS: names, task files, families of `handeye tasks`, "all", or
    one suite.yaml.

    "--vlm perfect-eyes" shows what perception costs.
    """
    from .commands.evaluate import evaluate as command

    sys.exit(command(**options))


@main.command("compare")
@click.argument("first")
@click.argument("second")
@_JSON
def compare(first: str, second: str, as_json: bool) -> None:
    """Compare two folders of `eval --out` on the same seeds (McNemar's exact test).

    FOLDER:AGENT compares another agent than the first, such as "runs/a:open loop".
    """
    from .commands.compare import compare as command

    command(first, second, as_json)


@main.command()
@click.option("--data", default="data/train", show_default=True, type=click.Path())
@click.option("--out", default="data/run", show_default=True, type=click.Path())
@click.option(
    "--shards",
    default=125,
    show_default=True,
    type=click.IntRange(1),
    help="render until there are so many",
)
@click.option("--steps", type=click.IntRange(1), help="optimiser steps  [default: the recipe's]")
@_RENDERERS
@click.option("--start-from", type=click.Path(), help="checkpoint folder to begin with")
@click.option("--device", help="cpu or cuda  [default: cuda where there is one]")
def train(**options: Any) -> None:
    """Render training scenes and train the embedded VLM; goes on where it was left."""
    from .commands.train import train as command

    command(**options)


@main.command()
@_VLM
@click.option(
    "--data", multiple=True, required=True, type=click.Path(), help="shards, or recorded episodes"
)
@click.option("--held-out", type=click.Path(), help="shards to measure on  [default: a tenth]")
@click.option("--out", required=True, type=click.Path(), help="folder of the adapter and curves")
@click.option("--steps", type=click.IntRange(1), help="optimiser steps  [default: 300]")
@click.option("--rank", type=click.IntRange(1), help="of the adapter's matrices  [default: 8]")
@click.option("--learning-rate", type=_Finite(min=0, min_open=True), help="peak  [default: 0.001]")
@click.option("--device", default="auto", show_default=True)
def tune(**options: Any) -> None:
    """Teach a VLM new words with LoRA; goes on where it was left."""
    from .commands.tune import tune as command

    command(**options)


@main.command("bench-vlm")
@_VLM
@click.option(
    "--images", default=300, show_default=True, type=click.IntRange(1), help="of each split"
)
@click.option("--data", default="data/bench", show_default=True, type=click.Path())
@_RENDERERS
@click.option("--worst", type=click.Path(), help="folder for pictures of the worst images")
@click.option("--without-depth", is_flag=True, help="as cameras see that have no depth sensor")
@click.option("--card", is_flag=True, help="write the table into the checkpoint's model card")
@_JSON
def bench_vlm(**options: Any) -> None:
    """Measure a VLM on held-out scenes, by split, with intervals."""
    from .commands.train import bench as command

    command(**options)


if __name__ == "__main__":
    main()
