"""``manage.py run_gateway`` and ``manage.py simulate``."""
