# What docker-compose.yml takes from public images, as Debian packages.
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN apt-get update && apt-get install --yes --no-install-recommends redis-server prometheus nginx-light curl \
 && rm -rf /var/lib/apt/lists/* \
 && mkdir -p /data /prometheus && chown 999:999 /data && chown 65534:65534 /prometheus
