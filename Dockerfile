# CUDA comes with torch's own wheels: one image, with `docker run --gpus all` and without.
FROM python:3.12-slim AS build
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
# The largest first: it is fetched again only when its version changes.
COPY constraints.txt .
RUN pip install --constraint constraints.txt torch
COPY pyproject.toml .
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
        > requirements.txt \
    && pip install --constraint constraints.txt --requirement requirements.txt

FROM python:3.12-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin dynamicnet
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DYNAMICNET_HOST=0.0.0.0 DYNAMICNET_PORT=8000
WORKDIR /app
COPY weights weights
COPY static static
COPY templates templates
COPY dynamicnet dynamicnet
COPY server server
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from os import environ; from urllib.request import urlopen; \
urlopen('http://127.0.0.1:' + environ['DYNAMICNET_PORT'] + '/health', timeout=4)"]
CMD ["python", "-m", "server"]
