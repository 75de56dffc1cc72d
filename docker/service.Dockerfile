# The API and the workers: one image, three commands (service, service.worker inpaint, service.worker webhooks).
# BUILD_IMAGE has Python 3.11 and pip; only what docker/root.py gathers of it is shipped.
ARG BUILD_IMAGE=python:3.11-slim-bookworm

FROM ${BUILD_IMAGE} AS packages
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /build
RUN ["python3", "-m", "venv", "/opt/venv"]
COPY pyproject.toml constraints.txt ./
COPY docker/requirements.py docker/
RUN /opt/venv/bin/python docker/requirements.py service otel > requirements.txt \
 && /opt/venv/bin/python -m pip install --quiet --no-compile --only-binary :all: --constraint constraints.txt -r requirements.txt \
 && /opt/venv/bin/python docker/requirements.py --metadata /opt/venv/lib/python3.11/site-packages
COPY docker/root.py docker/
COPY service /root-of-image/app/service
COPY model_repository /root-of-image/app/model_repository
RUN rm -rf /root-of-image/app/service/embedded /root-of-image/app/service/client \
 && rm -f /root-of-image/app/model_repository/*/snapshot.safetensors \
 && /opt/venv/bin/python docker/root.py /root-of-image service.app service.__main__ service.worker service.jobs.tasks service.jobs.deliveries service.health

FROM scratch AS service
COPY --from=packages /root-of-image /
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="face-inpainting service" \
      org.opencontainers.image.description="REST API and workers of the face inpainting service" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/venv/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000
WORKDIR /app
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/venv/bin/python", "-m"]
CMD ["service"]
HEALTHCHECK --interval=10s --timeout=10s --start-period=150s --retries=3 CMD ["/opt/venv/bin/python", "-m", "service.health", "api"]
