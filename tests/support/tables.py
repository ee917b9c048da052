"""Tables of apps that tests install."""

from django.db import connection
from django.db.models import Model


def make_table(model: type[Model]) -> None:
    """Make the model's table, in the test's transaction if it has one, with which it goes."""
    if connection.vendor == "postgresql":
        with connection.schema_editor() as editor:
            editor.create_model(model)
        return
    statement, values = connection.SchemaEditorClass(connection).table_sql(model)  # SQLite migrates outside of any
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
