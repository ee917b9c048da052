# One image for gateway, device workers, web and management commands. Needs nothing but a Python base image: Node.js for the
# pages' build comes from PyPI, and stays in the build stage.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_REQUIRE_HASHES=1
RUN python -m venv /opt/venv && python -m venv /opt/node
WORKDIR /app

COPY requirements/base.txt requirements/
RUN /opt/venv/bin/pip install --quiet -r requirements/base.txt

COPY requirements/node.txt requirements/
COPY scripts/link-node scripts/
RUN /opt/node/bin/pip install --quiet -r requirements/node.txt && sh scripts/link-node /opt/node/bin
COPY package.json package-lock.json ./
RUN PATH="/opt/node/bin:$PATH" npm ci --silent --omit=dev --no-audit --no-fund --ignore-scripts

COPY . .
RUN PATH="/opt/node/bin:$PATH" npm run --silent build
RUN SECRET_KEY=only-for-collectstatic /opt/venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && rm -rf node_modules var requirements package*.json \
    && /opt/venv/bin/python -m compileall -q . \
    && chmod -R a+rX,go-w .

FROM ${PYTHON_IMAGE}
# The folders that volumes are mounted on: a new volume takes over their owner.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /app --shell /usr/sbin/nologin causeway \
    && install -d -o causeway -g causeway /run/causeway /var/lib/causeway/mosquitto
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER causeway
EXPOSE 8000
CMD ["daphne", "--bind", "0.0.0.0", "--port", "8000", "config.asgi:application"]
