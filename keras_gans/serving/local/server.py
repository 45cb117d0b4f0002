"""The local server as a whole: it starts, watches its folder, and stops."""

import asyncio
import contextlib
import signal
import threading

from aiohttp import web

from keras_gans.errors import UserError
from keras_gans.serving.local import grpc as grpc_side
from keras_gans.serving.local.http import LOGGER, Http
from keras_gans.serving.local.models import Models
from keras_gans.serving.local.predictor import Predictor
from keras_gans.serving.local.servable import Servable

_POLL = 1.0  # seconds between two looks at the folder


class Server:
    """Serves the models of a folder over REST and gRPC.

    Attributes:
        rest_port, grpc_port: the ports, once it is up.

    Args:
        folder: of the models, `FOLDER/MODEL/VERSION/`.
        limits: `keras_gans.serving.local.limits.Limits`.
        host: address to listen on. Text. Default 127.0.0.1.
        rest_port, grpc_port: 0 takes a free one. Default 8501 and 8500.
        site: `keras_gans.serving.site.Site`, or None for no page.
        log: function that takes a line of what happens.
        allowed_hosts: names that REST requests may give the server, beside addresses, localhost, `host` and the machine's
            own name.
        cors: whether pages of other sites may read the answers.
    """

    def __init__(
        self,
        folder,
        limits,
        host="127.0.0.1",
        rest_port=8501,
        grpc_port=8500,
        site=None,
        log=print,
        allowed_hosts=(),
        cors=False,
    ):
        self.host, self.rest_port, self.grpc_port, self._log = host, rest_port, grpc_port, log
        self._models = Models(folder, Servable, log)
        self._predictor = Predictor(self._models, limits)
        self._http = Http(self._predictor, site, (host, *allowed_hosts), log, cors)
        self._limits = limits

    async def serve(self, stop, up=lambda: None):
        """Serves until the `asyncio.Event` `stop` is set; requests that run then are answered first.

        Args:
            stop: the event.
            up: is called when the models are loaded and both ports answer.

        Raises:
            UserError: a port is taken.
        """
        runner = web.AppRunner(
            self._http.application(),
            access_log=None,
            logger=LOGGER,
            shutdown_timeout=self._limits.seconds,
            keepalive_timeout=min(75, self._limits.seconds),  # the time for a head, too
            lingering_time=2,
        )
        await runner.setup()
        remote = grpc_side.server(self._predictor, self._log)
        watching = None
        try:
            await self._open(runner, remote)
            await asyncio.to_thread(self._models.scan)
            watching = asyncio.create_task(self._watch())
            self._http.ready = True
            up()
            await stop.wait()
            self._log("stopping: requests that are running are answered first")
        finally:
            self._http.ready = False
            if watching:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            await asyncio.gather(remote.stop(self._limits.seconds), runner.cleanup())
            await asyncio.to_thread(self._predictor.close)
            self._models.close()

    async def _open(self, runner, remote):
        site = web.TCPSite(runner, self.host, self.rest_port)
        try:
            await site.start()
            self.rest_port = runner.addresses[0][1]
        except OSError as error:
            raise UserError(f"cannot listen on {self.host}:{self.rest_port}: {error.strerror}; name another port") from error
        try:
            self.grpc_port = remote.add_insecure_port(f"{self.host}:{self.grpc_port}")
        except RuntimeError as error:
            raise UserError(f"cannot listen on {self.host}:{self.grpc_port}; name another port") from error
        await remote.start()

    async def _watch(self):
        while True:
            await asyncio.sleep(_POLL)
            try:
                await asyncio.to_thread(self._models.scan)
            except Exception as error:  # the next look may find a folder that can be read
                self._log(f"looking for new versions failed: {type(error).__name__}: {error}")


def serve_until_signal(server, up):
    """Serves until SIGTERM or SIGINT; a second one ends the process at once."""

    async def main():
        stop, loop = asyncio.Event(), asyncio.get_running_loop()

        def stopping():
            stop.set()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping)
        await server.serve(stop, up)

    asyncio.run(main())


@contextlib.contextmanager
def running(server):
    """Serves in a thread meanwhile, for tests and benchmarks; gives the server when it is up."""
    ready, failed, loop, stop = threading.Event(), [], asyncio.new_event_loop(), asyncio.Event()

    def work():
        try:
            loop.run_until_complete(server.serve(stop, ready.set))
        except BaseException as error:  # is raised where the server is used
            failed.append(error)
        finally:
            ready.set()
            loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait()
    try:
        if not failed:
            yield server
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(stop.set)
        thread.join()
    if failed:
        raise failed[0]
