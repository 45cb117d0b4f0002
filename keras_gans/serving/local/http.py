"""The REST side of the local server, and the page."""

import asyncio
import contextlib
import ipaddress
import json
import logging
import re
import socket
import time
import urllib.parse

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from google.protobuf import json_format

from keras_gans.errors import shown
from keras_gans.serving.errors import HTTP, ServingError, invalid, unexpected

# TensorFlow Serving's own patterns.
_MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_PREDICT = re.compile(_MODEL + ":predict", re.I)
_STATUS = re.compile(_MODEL + "(?P<metadata>/metadata)?", re.I)
# Threads of WebAssembly ask for the first two.
_PAGE_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


LOGGER = logging.getLogger("keras_gans.serving")
"""What aiohttp itself has to say: a line for each fault, nothing of requests that are no HTTP (answered with 400)."""


def _one_line(record):
    error = record.exc_info and record.exc_info[1]
    if error:
        record.msg, record.args, record.exc_info = f"{shown(record.getMessage())}: {shown(repr(error))}", (), None
    return not isinstance(error, HttpProcessingError | web.RequestPayloadError)


LOGGER.addFilter(_one_line)


class Http:
    """Handlers of aiohttp.

    Args:
        predictor: `keras_gans.serving.local.predictor.Predictor`.
        site: `keras_gans.serving.site.Site`, or None for no page.
        hosts: names that requests may give the server, beside addresses, localhost and the machine's own name.
        log: function that takes a line.
        cors: whether pages of any other site may read the answers of the API, as TensorFlow Serving's flag
            `rest_api_enable_cors_support` has it.
    """

    def __init__(self, predictor, site=None, hosts=(), log=print, cors=False):
        self._cors = cors
        self.predictor, self.site, self.ready, self._log = predictor, site, False, log
        self._hosts = {host.lower() for host in ("localhost", socket.gethostname(), *hosts)}
        self._held = 0  # bytes of all requests that are being read, wait or are computed

    def application(self):
        """Returns the `aiohttp.web.Application`."""
        application = web.Application(client_max_size=self.predictor.limits.body, middlewares=[self._errors])
        if self._cors:
            application.on_response_prepare.append(_allow_all)
        application.router.add_get("/healthz", self._health)
        application.router.add_route("*", "/v1/{path:.*}", self._api)
        if self.site:
            application.router.add_get("/{path:.*}", self._page)
        return application

    async def _health(self, request):
        models = self.predictor.models.names()
        well = self.ready and bool(models)
        return web.json_response({"ready": well, "models": models}, status=200 if well else 503)

    async def _api(self, request):
        path = request.rel_url.raw_path
        if request.method == "OPTIONS" and self._cors:  # what a browser asks before it posts JSON
            return web.Response(status=204)
        if request.method == "POST" and (found := _PREDICT.fullmatch(path)):
            return await self._predict(request, _spec(found))
        if request.method == "GET" and (found := _STATUS.fullmatch(path)):
            spec = _spec(found)
            return _json(self._metadata(spec) if found["metadata"] else self._states(spec))
        raise invalid(f"Malformed request: {request.method} {path}")

    async def _predict(self, request, spec):
        start, seconds = time.monotonic(), self.predictor.limits.seconds
        async with (
            self._body(request) as body,
            self.predictor.place(seconds - (time.monotonic() - start)) as call,
        ):
            answer = await call(self.predictor.predict_json, spec, body)
        return web.Response(body=answer, content_type="application/json")

    @contextlib.asynccontextmanager
    async def _body(self, request):
        """Reads a body, before it gets a place: a client that sends nothing keeps nobody from one."""
        limits, pieces, size = self.predictor.limits, [], 0
        try:
            if (request.content_length or 0) > limits.body:
                raise web.HTTPRequestEntityTooLarge(limits.body, request.content_length)
            async with asyncio.timeout(limits.seconds):
                async for piece in request.content.iter_any():
                    size += len(piece)
                    self._held += len(piece)
                    pieces.append(piece)
                    if size > limits.body:
                        raise web.HTTPRequestEntityTooLarge(limits.body, size)
                    if self._held > limits.bodies:
                        raise ServingError("UNAVAILABLE", "the server is busy: too much is being sent; try again later")
            yield b"".join(pieces)
        except TimeoutError as error:
            raise ServingError("DEADLINE_EXCEEDED", f"the request did not come within {limits.seconds:.3g} s") from error
        except web.RequestPayloadError as error:
            raise invalid("the body is not what its headers say (Content-Encoding, Transfer-Encoding)") from error
        finally:
            self._held -= size

    def _states(self, spec):
        return {
            "model_version_status": [
                {
                    "version": str(state.version),
                    "state": state.state,
                    "status": {"error_code": state.code, "error_message": state.message},
                }
                for state in self.predictor.models.states(*spec)
            ]
        }

    def _metadata(self, spec):
        with self.predictor.models.lease(*spec) as (number, servable):
            described = json_format.MessageToDict(
                servable.described, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            )
        return {
            "model_spec": {"name": spec[0], "signature_name": "", "version": str(number)},
            "metadata": {"signature_def": described},
        }

    async def _page(self, request):
        found = await asyncio.to_thread(self.site.find, request.match_info["path"])
        if found is None:
            raise web.HTTPNotFound
        if isinstance(found, bytes):
            return web.Response(body=found, content_type="application/json", headers=_PAGE_HEADERS)
        return web.FileResponse(found, headers=_PAGE_HEADERS)

    def _known(self, host):
        """Whether the server is asked under a name of its own.

        A page of any web site can make a browser ask this machine under that site's name (DNS rebinding), and would read the
        answer as its own.
        """
        name = urllib.parse.urlsplit(f"//{host}").hostname or ""
        with contextlib.suppress(ValueError):
            return bool(ipaddress.ip_address(name))
        return name in self._hosts

    @web.middleware
    async def _errors(self, request, handler):
        """Answers every failure with {"error": one line}."""
        try:
            if not self._known(request.headers.get("Host", "localhost")):
                raise ServingError(
                    "PERMISSION_DENIED", "this server is not called that; --allowed_host=NAME lets requests say that it is"
                )
            return await handler(request)
        except ServingError as error:
            answer = _json({"error": str(error)}, HTTP[error.code])
        except web.HTTPRequestEntityTooLarge:
            answer = _json({"error": f"the request has more than {request.client_max_size} bytes"}, 413)
        except web.HTTPException as error:
            answer = _json({"error": f"{error.reason}: {request.method} {request.path}"}, error.status)
        except ConnectionError:  # the client has gone and hears nothing
            answer = _json({"error": "the connection was closed"}, HTTP["CANCELLED"])
        except Exception as error:
            self._log(f"a request failed: {shown(repr(error))}")
            told = unexpected(error)
            answer = _json({"error": str(told)}, HTTP[told.code])
        if not request.content.at_eof():
            answer.force_close()  # the rest of it is not read
        return answer


async def _allow_all(request, answer):
    if request.path.startswith("/v1/"):
        answer.headers["Access-Control-Allow-Origin"] = "*"
        answer.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        answer.headers["Access-Control-Allow-Headers"] = "Content-Type, Content-Encoding"


def _spec(found):
    label = found["label"] and urllib.parse.unquote(found["label"])
    version = found["version"] and int(found["version"][:20])  # longer ones are no version either
    return urllib.parse.unquote(found["name"]), version, label


def _json(value, status=200):
    return web.Response(text=json.dumps(value, indent=2) + "\n", status=status, content_type="application/json")
