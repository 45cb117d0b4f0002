"""One function over all images of a collection, on all cores."""

import collections
import concurrent.futures
import contextlib
import os
import time

from keras_gans import progress
from keras_gans.data.picture_files import BadImage

PATIENCE = 2.0  # seconds before a progress bar appears


def for_all(function, collection, title):
    """Applies `function` to the numbers of a collection on all cores, with a progress bar if it takes long.

    Args:
        function: number -> anything; may raise `BadImage`.
        collection: a `Collection`.
        title: for the progress bar.

    Yields:
        (number, result or None, `BadImage` or None), in order.
    """

    def attempt(number):
        try:
            return number, function(number), None
        except BadImage as error:
            return number, None, error

    start, workers = time.monotonic(), os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(workers) as threads, contextlib.ExitStack() as stack:
        bar, waiting = None, collections.deque()
        for number in range(collection.count):
            waiting.append(threads.submit(attempt, number))
            if len(waiting) > 2 * workers:  # results may be large, so few of them wait
                yield waiting.popleft().result()
            if bar is None and time.monotonic() - start > PATIENCE:
                bar = stack.enter_context(progress.progress(title, collection.count, "images"))
            if bar and number % 16 == 0:
                bar.update(number)
        for found in waiting:
            yield found.result()
