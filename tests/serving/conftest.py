"""Servers that the tests share."""

import pytest

pytest.importorskip("aiohttp", reason="the serving extra is not installed")
pytest.importorskip("tensorflow_serving", reason="the serving extra is not installed")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder of models with version 2 of `tiny`, which multiplies by 2."""
    import served_models

    folder = tmp_path_factory.mktemp("models")
    served_models.write(folder / "tiny" / "2", 2)
    return folder


@pytest.fixture(scope="session")
def server(folder):
    """A running local server of `folder`."""
    import served_models

    with served_models.serving(folder) as running:
        yield running


@pytest.fixture(scope="session")
def url(server):
    return f"http://127.0.0.1:{server.rest_port}"


@pytest.fixture(scope="session", params=["rest", "grpc"])
def address(request, server):
    """The server's address, for each protocol."""
    return f"http://127.0.0.1:{server.rest_port}" if request.param == "rest" else f"grpc://127.0.0.1:{server.grpc_port}"
