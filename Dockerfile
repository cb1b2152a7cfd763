# syntax=docker/dockerfile:1
# The gateway (as it starts by default), the page and the command line in one image; docs/how-to/containers.md.
ARG PYTHON=3.13

# with compilers, as not every package has a wheel for every kind of processor
FROM python:${PYTHON}-bookworm AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY src src
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir -c constraints.txt build \
    && /opt/build/bin/python -m build --wheel --outdir /dist
# any of those in pyproject.toml, for example "postgres,web,plot"
ARG EXTRAS=postgres,web
RUN python -m venv /opt/liebig \
    && /opt/liebig/bin/pip install --no-cache-dir -c constraints.txt "$(echo /dist/*.whl)[${EXTRAS}]"

FROM python:${PYTHON}-slim-bookworm
# LightGBM leaves OpenMP to the system
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/liebig /opt/liebig
COPY tools/healthcheck.py /opt/liebig/healthcheck.py
RUN useradd --uid 10001 --home-dir /var/lib/liebig --create-home --shell /usr/sbin/nologin liebig
ENV PATH=/opt/liebig/bin:$PATH
WORKDIR /var/lib/liebig
USER 10001
EXPOSE 8080 8765
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "/opt/liebig/healthcheck.py", "http://127.0.0.1:8080/healthz"]
ENTRYPOINT ["liebig"]
CMD ["route", "serve", "/etc/liebig/gateway.toml"]
