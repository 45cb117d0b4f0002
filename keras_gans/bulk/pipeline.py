"""The one Beam pipeline: shards in, what is noted of them and what was bad out."""

import contextlib
import json
import re
import threading

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.utils.shared import Shared

from keras_gans.bulk import engine, storage
from keras_gans.errors import UserError
from keras_gans.progress import progress

LOOKING = 2.0  # seconds between two looks at how many shards are finished
NAMESPACE = "keras_gans"
COUNTERS = ("pictures", "bad pictures", "shards", "shards passed over")
_OUR_ERROR = re.compile(r"UserError: ([^\n]+?)(?: \[while running|\\n|\n|$)")


class _Worker(beam.DoFn):
    """Works off shards; what is expensive is opened once in each process.

    Args:
        task: a `Task`.
    """

    def __init__(self, task):
        self._task, self._shared = task, Shared()
        self._counters = [Metrics.counter(NAMESPACE, name) for name in COUNTERS]

    def setup(self):
        self._opened = self._shared.acquire(lambda: engine.Opened(self._task))

    def process(self, shard):
        note, passed = engine.work_off(self._task, self._opened, shard)
        for counter, count in zip(self._counters, (note["done"], len(note["bad"]), 1, int(passed))):
            counter.inc(count)
        for where, reason in note["bad"]:
            yield beam.pvalue.TaggedOutput("bad", {"where": where, "reason": reason})


def run(task, cut, runner, words):
    """Works off shards with Beam; those that are finished are passed over.

    Args:
        task: a `Task`.
        cut: list of `Shard`s.
        runner: direct, flink, spark or dataflow.
        words: further options of Beam, a list of text.

    Returns:
        List of what is noted of each shard, in order.

    Raises:
        UserError: what the task raises; a runner that cannot be had.
    """
    storage.folder(task.work)
    before = sum(engine.finished(task, shard) is not None for shard in cut)
    if before:
        print(f"{task.title}: {before} of {len(cut)} shards are finished already", flush=True)
    if before < len(cut):
        with _watched(task, len(cut), before):
            counters = _run(task, cut, runner, words)
        print(f"{task.title}: {', '.join(f'{name} {value:,}' for name, value in counters.items())}", flush=True)
    notes = [engine.finished(task, shard) for shard in cut]
    if None in notes:
        raise UserError(f"shard {notes.index(None)} of {task.spec} is not finished; start the same command again")
    return notes


@contextlib.contextmanager
def _watched(task, total, before):
    """Shows how many shards are finished, by what is noted, wherever the workers are."""
    over = threading.Event()
    with progress(task.title, total, "shards", before) as bar:

        def look():
            while not over.wait(LOOKING):
                with contextlib.suppress(Exception):  # a look that fails costs a line of progress
                    bar.update(len(storage.names(f"{task.work}/*-of-{total:05d}.json")))

        watch = threading.Thread(target=look, daemon=True)
        watch.start()
        try:
            yield
        finally:
            over.set()
            watch.join()


def _run(task, cut, runner, words):
    """Runs the pipeline to its end; what is bad is listed in `task.bad` + `.jsonl`.

    Args:
        task, cut, runner, words: see `run`.

    Returns:
        {name: value} of Beam's counters.

    Raises:
        UserError: of a worker, or of a runner that cannot be had.
    """
    # "DirectRunner" would look for a program on GitHub first; this is the one that it takes in the end.
    chosen = FnApiRunner() if runner == "direct" else f"{runner.capitalize()}Runner"
    try:
        pipeline = beam.Pipeline(runner=chosen, options=PipelineOptions(list(words)))
        found = pipeline | beam.Create(cut) | beam.Reshuffle() | beam.ParDo(_Worker(task)).with_outputs("bad")
        lines = found.bad | beam.Map(json.dumps)
        lines | beam.io.WriteToText(task.bad, file_name_suffix=".jsonl", shard_name_template="")
        result = pipeline.run()
        result.wait_until_finish()
    except Exception as error:  # what runners raise is as different as they are
        ours = error if isinstance(error, UserError) else _OUR_ERROR.search(str(error))
        if ours:
            raise UserError(ours[1] if isinstance(ours, re.Match) else str(ours)) from error
        if runner == "direct":
            raise
        line = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise UserError(f"--runner={runner} cannot be had here: {line[:300]}") from error
    counters = {counter.key.metric.name: counter.committed for counter in result.metrics().query()["counters"]}
    return {name: counters.get(name, 0) for name in COUNTERS}
