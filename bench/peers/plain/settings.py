"""Settings: no database and no users, so none of what they need."""

import os

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["channels"]
ROOT_URLCONF = "bench.peers.plain.urls"
ASGI_APPLICATION = "bench.peers.plain.app.application"
# The layer is channels_redis.core.RedisChannelLayer or …pubsub.RedisPubSubChannelLayer.
CHANNEL_LAYERS = {
    "default": {"BACKEND": os.environ["CHANNEL_LAYER"], "CONFIG": {"hosts": [os.environ["REDIS_URL"]]}},
}
USE_TZ = True
