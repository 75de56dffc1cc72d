# What runs the networks, in three targets:
#   repository   1/model.pt of every model from its snapshot, for the machine that will run them
#   engine       the embedded engine with those models, for CPUs
#   triton       NVIDIA Triton with those models, for GPUs
# TORCH_INDEX: address of a package index with torch's CPU builds. Without it pip takes what its own index has, which
# for x86-64 brings gigabytes of CUDA along.
ARG BUILD_IMAGE=python:3.11-slim-bookworm
ARG TRITON_IMAGE=nvcr.io/nvidia/tritonserver:26.10-py3

FROM ${BUILD_IMAGE} AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
ARG TORCH_INDEX=
WORKDIR /build
RUN ["python3", "-m", "venv", "/opt/venv"]
COPY pyproject.toml constraints.txt ./
COPY docker/requirements.py docker/
RUN /opt/venv/bin/python -m pip install --quiet --no-compile --constraint constraints.txt ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch \
 && /opt/venv/bin/python docker/requirements.py engine > requirements.txt \
 && /opt/venv/bin/python -m pip install --quiet --no-compile --only-binary :all: --constraint constraints.txt -r requirements.txt \
 && /opt/venv/bin/python docker/requirements.py --metadata /opt/venv/lib/python3.11/site-packages \
 && /opt/venv/bin/python -c "import torch; print('torch', torch.__version__, 'for', torch.version.cuda or 'CPUs alone')"

FROM packages AS exporter
# float32, bfloat16 (CPUs with units for it), float16 (GPUs), or auto: by what the building machine has.
ARG MODELS_PRECISION=bfloat16
RUN /opt/venv/bin/python docker/requirements.py training > training.txt \
 && /opt/venv/bin/python -m pip install --quiet --no-compile --only-binary :all: --constraint constraints.txt -r training.txt
COPY training training
COPY service/unshipped.py service/unshipped.py
COPY model_repository model_repository
# A model that nobody has trained yet is left out: Triton would not start over it.
RUN /opt/venv/bin/python -m training.export --repository model_repository --precision "${MODELS_PRECISION}" \
 && /opt/venv/bin/python -c "import shutil, service.unshipped as u; [shutil.rmtree(f'model_repository/{n}') for n in u.unshipped(u.Path('model_repository'))]" \
 && rm -f model_repository/*/snapshot.safetensors

FROM scratch AS repository
COPY --from=exporter /build/model_repository /models

FROM packages AS gathered
COPY docker/root.py docker/
COPY service /root-of-image/app/service
RUN rm -rf /root-of-image/app/service/api /root-of-image/app/service/client /root-of-image/app/service/web \
 && /opt/venv/bin/python docker/root.py /root-of-image service.embedded.__main__ service.embedded.process service.health

FROM scratch AS engine
COPY --from=gathered /root-of-image /
COPY --from=repository /models /models
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="face-inpainting engine" \
      org.opencontainers.image.description="KServe v2 engine for CPUs, with the models of the face inpainting service" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0 AND CC-BY-NC-SA-4.0"
# Memory of large tensors is kept from forward to forward, as under the Procfile.
ENV PATH=/opt/venv/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824
WORKDIR /app
USER 10001:10001
EXPOSE 8001
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/venv/bin/python", "-m"]
CMD ["service.embedded", "--repository", "/models", "--host", "0.0.0.0", "--port", "8001"]
HEALTHCHECK --interval=10s --timeout=10s --start-period=180s --retries=3 CMD ["/opt/venv/bin/python", "-m", "service.health", "engine"]

FROM ${TRITON_IMAGE} AS triton
COPY --from=repository /models /models
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="face-inpainting Triton" \
      org.opencontainers.image.description="NVIDIA Triton with the models of the face inpainting service" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="BSD-3-Clause AND CC-BY-NC-SA-4.0"
USER 10001:10001
EXPOSE 8001 8002
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/tritonserver/bin/tritonserver"]
# http stays on for the health check alone, within the container; metrics would follow its address. Connections end
# after five minutes, in which requests under way have two: then clients look the name up again, and find new engines.
CMD ["--model-repository=/models", "--grpc-address=0.0.0.0", "--grpc-port=8001", "--grpc-max-connection-age=300000", "--grpc-max-connection-age-grace=120000", "--http-address=127.0.0.1", "--http-port=8000", "--metrics-address=0.0.0.0", "--metrics-port=8002", "--exit-timeout-secs=30", "--disable-auto-complete-config", "--model-control-mode=none", "--log-verbose=0"]
HEALTHCHECK --interval=10s --timeout=10s --start-period=300s --retries=3 CMD ["python3", "-c", "import urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:8000/v2/health/ready', timeout=4)"]
