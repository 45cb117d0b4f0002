# Training, on NVIDIA GPUs or without. From the repository's root:
#
#     docker build -f docker/train.Dockerfile -t keras-gans-train .
#     docker run --rm --gpus all -v "$PWD/runs:/work/runs" -v "$HOME/photos:/photos:ro" keras-gans-train \
#         --recipe=dcgan --data=folder:/photos --channels=3 --run_dir=runs/mine
#
# --gpus needs the NVIDIA Container Toolkit; CUDA and cuDNN come with TensorFlow's own packages. On a machine of several users
# add --user "$(id -u):$(id -g)", so that the runs are yours.
FROM python:3.11-slim

# The versions of the packages are those that setup.cfg allows. One of them, promise, is a source distribution.
COPY setup.cfg setup.py pyproject.toml README.md LICENSE /src/
COPY keras_gans /src/keras_gans
COPY configs /src/configs
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir 'tensorflow[and-cuda] >= 2.21, < 3' '/src[hub,video]' \
    && rm -rf /src

ENV PATH=/opt/venv/bin:$PATH TF_CPP_MIN_LOG_LEVEL=2 HOME=/work
RUN useradd --uid 1000 --create-home --home-dir /work keras && chmod 777 /work
USER 1000
WORKDIR /work
ENTRYPOINT ["keras-gans", "train"]
CMD ["--help"]
