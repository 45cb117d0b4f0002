"""The doctor's work in shards: every picture is decoded by the workers, and the findings are put together at the end."""

import dataclasses

from keras_gans.bulk import engine, pipeline
from keras_gans.data import doctor
from keras_gans.data.picture_files import BadImage


@dataclasses.dataclass(frozen=True)
class Examining(engine.Task):
    """Looks at pictures; see `keras_gans.data.doctor.look`."""

    title = "examining"

    def do(self, opened, shard):
        rows, bad = [], []
        for number in range(shard.start, shard.stop):
            try:
                rows.append(doctor.look(opened.collection, number))
            except BadImage as error:
                rows.append(str(error))
                bad.append([opened.collection.where(number), str(error)])
        return {"done": len(rows) - len(bad), "bad": bad, "rows": rows}


def examine(task, image_size, runner, words, shard_pictures):
    """Examines a collection with Beam; arguments and result as of `keras_gans.data.doctor.examine`.

    Args:
        task: an `Examining` without a side.
        image_size: the least shorter side, in pixels; None takes any.
        runner, words: see `pipeline.run`.
        shard_pictures: pictures in a shard.
    """
    whole = task.collection()

    def outcomes(side, collection):
        work = task
        if side is not None:
            letter = "ab"[side]
            work = dataclasses.replace(task, side=side, work=f"{task.work}/{letter}", bad=f"{task.bad}-{letter}")
        notes = pipeline.run(work, engine.shards(work, collection, shard_pictures), runner, words)
        for number, row in enumerate(row for note in notes for row in note["rows"]):
            yield (number, None, row) if isinstance(row, str) else (number, row, None)

    sides = list(enumerate(whole.sides)) or [(None, whole)]
    return doctor.conclude(whole, [doctor.findings(part, outcomes(side, part), image_size) for side, part in sides])
