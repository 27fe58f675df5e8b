"""Asks a workspace's catalog and secret scopes what lakedr asks them, with the SDK of its vendor, and prints what that makes
of the answers.

    catalog.py URL TABLE SCOPE KEY  (DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET)
"""

import base64
import json
import sys

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service.catalog import PathOperation, TableOperation


def refusal(ask):
    try:
        ask()
    except DatabricksError as error:
        return type(error).__name__
    return None


def lent(answer):
    keys = answer.aws_temp_credentials
    return [keys.access_key_id, keys.secret_access_key, keys.session_token, answer.expiration_time]


def location(info):
    return [info.credential_name, info.url, info.comment, info.read_only]


def main(url, name, scope, key):
    workspace = WorkspaceClient(host=url)
    locations = workspace.external_locations
    table = workspace.tables.get(name)
    secret = workspace.secrets.get_secret(scope, key)
    of_table = workspace.temporary_table_credentials.generate_temporary_table_credentials(
        table_id=table.table_id, operation=TableOperation.READ_WRITE
    )
    of_path = workspace.temporary_path_credentials.generate_temporary_path_credentials(
        url="s3://dr/west", operation=PathOperation.PATH_READ
    )
    locations.create("west", "s3://dr/west", "dr", comment="landing", skip_validation=True)
    made = location(locations.get("west"))
    locations.update("west", credential_name="other", read_only=True)
    changed = location(locations.get("west"))
    locations.delete("west")
    found = {
        "auth": workspace.config.auth_type,
        "secret": base64.b64decode(secret.value).decode(),
        "table": [
            table.table_type.value,
            table.data_source_format.value,
            table.storage_location,
            table.table_id,
        ],
        "no_table": refusal(lambda: workspace.tables.get("cat.raw.nothing")),
        "no_secret": refusal(lambda: workspace.secrets.get_secret(scope, "nothing")),
        "lent": [lent(of_table), lent(of_path)],
        "location": made,
        "changed": changed,
        "no_location": refusal(lambda: locations.get("west")),
    }
    print(json.dumps(found))


main(*sys.argv[1:])
