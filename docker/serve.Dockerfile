# The local server, for trying exported models; in production use TensorFlow Serving (export/tf_serving). From the
# repository's root:
#
#     docker build -f docker/serve.Dockerfile -t keras-gans-serve .
#     docker run --rm -p 127.0.0.1:8501:8501 -p 127.0.0.1:8500:8500 -v "$PWD/models:/models:ro" keras-gans-serve
#
# The server asks for no password: publish its ports to 127.0.0.1, or to a proxy of yours. A model is a program: serve those
# that you trust.
FROM python:3.11-slim

COPY setup.cfg setup.py pyproject.toml README.md LICENSE /src/
COPY keras_gans /src/keras_gans
COPY configs /src/configs
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir '/src[serving]' \
    && rm -rf /src

ENV PATH=/opt/venv/bin:$PATH TF_CPP_MIN_LOG_LEVEL=2
RUN useradd --uid 1000 --create-home keras
USER 1000
EXPOSE 8500 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8501/healthz', timeout=4)"]
ENTRYPOINT ["keras-gans", "serve", "--models=/models", "--host=0.0.0.0"]
