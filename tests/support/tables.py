"""Tables of apps that tests install."""

from django.db import connection
from django.db.models import Model


def make_table(model: type[Model]) -> None:
    """Make the model's table in the test's transaction, with which it goes. (SQLite migrates outside of any.)"""
    statement, values = connection.SchemaEditorClass(connection).table_sql(model)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
