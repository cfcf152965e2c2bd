"""The registry, or a part of it, as files that people review: written, read, compared.

`record_form` turns entities into plain records and back. `yaml_form` and `line_forms` write and
read them. `folder_layout` says which record goes into which file. `registry_records` reads the
registry's. `comparison` says what files would change, `canary_changes` makes that hold for a group
of resolvers first, and `json_schema` says what a record may hold.
"""

__all__ = [
    "canary_changes",
    "comparison",
    "file_requests",
    "json_schema",
    "placed_record",
    "record_files",
    "record_form",
    "registry_records",
]
