"""benchmarks/results.py: when a run ends, that a stop loses nothing, and what is kept of a run whose weights are not."""

import json
import shutil
import threading

import helpers
import pytest

if not (helpers.ROOT / "benchmarks").is_dir():
    pytest.skip("benchmarks/ is in the repository alone", allow_module_level=True)
TINY = [
    "--data=embedded:fashion",
    "--generator=dcgan:width=2",
    "--discriminator=dcgan:width=2",
    "--batch_size=8",
    "--score_kimg=0",
    "--sample_kimg=0.016",
    "--log_kimg=0.008",
]


@pytest.fixture
def results():
    with helpers.benchmark("results") as module:
        yield module


@pytest.mark.parametrize(
    "scores, ended",
    [
        ([], False),
        ([3.0, 3.0, 3.0], False),  # nothing stands before the last three
        ([1.0, 2.0, 3.0, 2.5], True),
        ([1.0, 1.0, 1.0, 1.0], True),
        ([1.0, 2.0, 3.0, 1.5], False),  # they fall
        ([1.0, 2.0, 0.9, 2.5], False),  # one of them is the best
        ([9.0, 1.0, 2.0, 2.0, 2.0], True),
    ],
)
def test_a_run_ends_when_its_scores_neither_fall_nor_better_the_best(results, scores, ended):
    assert results.plateau(scores) is ended


@pytest.mark.skipif(not shutil.which("taskset"), reason="taskset (Linux) is missing")
def test_a_stopped_run_goes_on_and_what_is_kept_of_it(results, tmp_path):
    work, kept = tmp_path / "work", tmp_path / "kept"
    work.mkdir()
    run = results.Run("tiny", "zoo", [*TINY, "--kimg=0.048"], 30, None, ship=False)
    state, stop = results.State(work / "state.json"), threading.Event()
    stop.set()
    assert not results.train(run, 0, work, state, stop)
    assert state["tiny"]["ended"] is None
    again = results.State(work / "state.json")  # as the next start reads it
    assert results.train(run, 0, work, again, threading.Event())
    assert again["tiny"]["ended"] == "its own end" and again["tiny"]["core_seconds"] > 0
    row = results.keep(run, work, kept, again)
    assert row["kimg"] == pytest.approx(0.048) and row["scores"] == {}
    assert {path.name for path in (kept / "tiny").iterdir()} == {"result.json", "samples.png"}
    assert results.rows(kept, "zoo") == {"tiny": json.loads(json.dumps(row))} and results.rows(kept, "few") == {}


@pytest.mark.skipif(not shutil.which("taskset"), reason="taskset (Linux) is missing")
def test_a_run_that_fails_is_not_kept_as_done(results, tmp_path, capsys):
    state = results.State(tmp_path / "state.json")
    run = results.Run("wrong", "zoo", [*TINY, "--kimg=0.048", "--loss=none_such"], 30)
    assert not results.train(run, 0, tmp_path, state, threading.Event())
    assert state["wrong"]["ended"] == "failed" and "wrong failed, see" in capsys.readouterr().out
    assert "none_such" in (tmp_path / "wrong.log").read_text()


@pytest.mark.skipif(not shutil.which("taskset"), reason="taskset (Linux) is missing")
def test_samples_that_may_not_be_shown_stay_behind(results, tmp_path):
    pytest.importorskip("safetensors", reason="the hub extra is not installed")
    work, state = tmp_path / "work", results.State(tmp_path / "state.json")
    work.mkdir()
    run = results.Run("tiny", "zoo", [*TINY, "--kimg=0.016"], 30, license="MIT", shown=False)
    assert results.train(run, 0, work, state, threading.Event())
    results.keep(run, work, tmp_path / "kept", state)
    kept = tmp_path / "kept/tiny"
    assert {path.name for path in kept.iterdir()} == {"README.md", "model.safetensors", "result.json", "run.json"}
    card = (kept / "README.md").read_text()
    assert "samples.png" not in card and "![" not in card and "for 2 steps.\n\n## Use" in card


def test_a_run_that_was_trained_and_not_kept_is_not_done(results, tmp_path):
    state, run = results.State(tmp_path / "state.json"), results.Run("tiny", "zoo", [], 1)
    assert not results.settled(run, state, tmp_path)
    state.write("tiny", ended="its own end")
    assert not results.settled(run, state, tmp_path)
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny/result.json").write_text("{}")
    assert results.settled(run, state, tmp_path)
    assert not results.settled(run._replace(name="other"), state, tmp_path)
    state.write("other", ended="failed")
    assert results.settled(run._replace(name="other"), state, tmp_path)
