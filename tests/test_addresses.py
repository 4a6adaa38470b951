"""Addresses: what of them is told, and what in them stays a secret."""

from pathlib import Path

import pytest
from handeye.perception.addresses import redacted, secrets_of, without

from handeye.episode import EpisodeResult
from handeye.evaluation.manifest import make_manifest
from handeye.evaluation.plan import Job, Setting
from handeye.evaluation.store import RESULTS, Store

URL = "http://bob:PASSWORD1@127.0.0.1:9/v1?api_key=TOKEN1#m?most_tokens=4000"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("rtsp://me:secret@cam.local:554/live?token=x", "rtsp://cam.local:554/live?token=…"),
        ("rtsp://me:p@ss@10.0.0.1/s", "rtsp://10.0.0.1/s"),
        ("rtsp://me:p/ss#1@10.0.0.1/s", "rtsp://10.0.0.1/s"),
        ("http://h/v?user=me&PWD=a/b?c&channel=2", "http://h/v?user=…&PWD=…&channel=2"),
        ("rtsp://h/user=me_password=x_channel=1_stream=0", "rtsp://h/user=…_password=…_channel=1_stream=0"),
        ("srt://h:90?passphrase=long&latency=2", "srt://h:90?passphrase=…&latency=2"),
        ("http://h:80/@door?channel=1&subtype=0", "http://h:80/@door?channel=1&subtype=0"),
        ("rtsp://[fe80::1]:554/s", "rtsp://[fe80::1]:554/s"),
    ],
)  # fmt: skip
def test_secrets_stay_out_of_names_and_messages(address: str, name: str) -> None:
    assert redacted(address) == name


def test_a_limit_of_tokens_is_no_secret() -> None:
    assert redacted(URL) == "http://127.0.0.1:9/v1?api_key=…#m?most_tokens=4000"


@pytest.mark.parametrize("name", ["embedded", "openai:gpt-5-mini", "Qwen/Qwen2.5-VL-3B-Instruct"])
def test_what_is_no_address_is_told_as_it_is(name: str) -> None:
    assert redacted(name) == name
    assert secrets_of(name) == ()


@pytest.mark.parametrize(
    "said",
    ["bad key TOKEN1", "no user bob:PASSWORD1", "wrong: PASSWORD1", "Basic Ym9iOlBBU1NXT1JEMQ=="],
)
def test_what_a_server_repeats_is_struck_out(said: str) -> None:
    told = without(said, secrets_of(URL))
    assert told.endswith("***")
    assert not any(secret in told for secret in ("TOKEN1", "PASSWORD1", "Ym9iOlBB"))


def test_a_password_is_struck_out_as_it_was_written_and_as_it_was_meant() -> None:
    secrets = secrets_of("https://me:p%40ssword@host/v1")
    assert without("p%40ssword is p@ssword", secrets) == "*** is ***"


def test_an_evaluation_keeps_no_secrets_and_can_be_resumed(tmp_path: Path) -> None:
    job = Job("grab", 0, Setting(vlm=URL, planner=URL))
    result = EpisodeResult(
        task="grab", instruction="", status="failed", judged=False, seconds={"all": 0.0}
    )
    store = Store(tmp_path)
    store.add(job, result)
    store.close()
    kept = (tmp_path / RESULTS).read_text() + str(make_manifest([job], {})) + str(job.setting)
    assert redacted(URL) in kept
    assert "TOKEN1" not in kept
    assert "PASSWORD1" not in kept
    resumed = Store(tmp_path, resume=True)
    assert [one.setting for one, _ in resumed.finished] == [job.setting]
    resumed.close()
