"""Steps of migrations on tables that may be large, as others go on reading and writing.

For migrations with `atomic = False`, which may be run again after an interruption.
"""

from typing import Any

from django.db import migrations


class AddIndexBeside(migrations.AddIndex):
    """An index that is built while others write; SQLite, which has one writer, builds it at once."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        if schema_editor.connection.vendor != "postgresql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        # Of a run that was interrupted: such an index is there, and serves nobody.
        schema_editor.execute(
            f"DROP INDEX CONCURRENTLY IF EXISTS {schema_editor.quote_name(self.index.name)}"
        )
        schema_editor.add_index(model, self.index, concurrently=True)
