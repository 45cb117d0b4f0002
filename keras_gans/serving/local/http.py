"""The REST side of the local server, and the page."""

import asyncio
import json
import re
import urllib.parse

from aiohttp import web
from google.protobuf import json_format

from keras_gans.serving.errors import HTTP, ServingError, invalid

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


class Http:
    """Handlers of aiohttp.

    Args:
        predictor: `keras_gans.serving.local.predictor.Predictor`.
        site: `keras_gans.serving.site.Site`, or None for no page.
    """

    def __init__(self, predictor, site=None):
        self.predictor, self.site, self.ready = predictor, site, False

    def application(self):
        """Returns the `aiohttp.web.Application`."""
        application = web.Application(client_max_size=self.predictor.limits.body, middlewares=[_errors])
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
        if request.method == "POST" and (found := _PREDICT.fullmatch(path)):
            return await self._predict(request, _spec(found))
        if request.method == "GET" and (found := _STATUS.fullmatch(path)):
            spec = _spec(found)
            return _json(self._metadata(spec) if found["metadata"] else self._states(spec))
        raise invalid(f"Malformed request: {request.method} {path}")

    async def _predict(self, request, spec):
        limit = self.predictor.limits.body
        if (request.content_length or 0) > limit:
            raise web.HTTPRequestEntityTooLarge(limit, request.content_length)
        async with self.predictor.place() as call:
            answer = await call(self.predictor.predict_json, spec, await request.read())
        return web.Response(body=answer, content_type="application/json")

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


@web.middleware
async def _errors(request, handler):
    """Answers every failure with {"error": one line}."""
    try:
        return await handler(request)
    except ServingError as error:
        return _json({"error": str(error)}, HTTP[error.code])
    except web.HTTPRequestEntityTooLarge:
        answer = _json({"error": f"the request has more than {request.client_max_size} bytes"}, 413)
        answer.force_close()  # the rest of it is not read
        return answer
    except web.HTTPException as error:
        return _json({"error": f"{error.reason}: {request.method} {request.path}"}, error.status)


def _spec(found):
    label = found["label"] and urllib.parse.unquote(found["label"])
    version = found["version"] and int(found["version"][:20])  # longer ones are no version either
    return urllib.parse.unquote(found["name"]), version, label


def _json(value, status=200):
    return web.Response(text=json.dumps(value, indent=2) + "\n", status=status, content_type="application/json")
