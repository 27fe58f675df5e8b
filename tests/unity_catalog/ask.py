"""Asks a catalog what lakedr asks it, with the client that the makers of Unity Catalog publish, and prints what that makes of
the answers.

    ask.py URL TABLE  (UNITY_CATALOG_TOKEN)

The commits of a managed table are left out: they are asked for by a GET with a body, and this client sends none.
"""

import asyncio
import json
import os
import sys

from unitycatalog.client import (
    ApiClient,
    ApiException,
    Configuration,
    CreateExternalLocation,
    ExternalLocationsApi,
    GenerateTemporaryPathCredential,
    GenerateTemporaryTableCredential,
    TablesApi,
    TemporaryCredentialsApi,
    UpdateExternalLocation,
)


async def refusal(asked):
    try:
        await asked
    except ApiException as error:
        return [error.status, json.loads(error.body)["error_code"]]
    return None


def lent(answer):
    keys = answer.aws_temp_credentials
    return [keys.access_key_id, keys.secret_access_key, keys.session_token, answer.expiration_time]


def location(info):
    return [info.credential_name, info.url, info.comment]


async def ask(client, name):
    tables, lending, locations = TablesApi(client), TemporaryCredentialsApi(client), ExternalLocationsApi(client)
    table = await tables.get_table(name)
    of_table = GenerateTemporaryTableCredential(table_id=table.table_id, operation="READ_WRITE")
    of_path = GenerateTemporaryPathCredential(url="s3://dr/west", operation="PATH_READ")
    await locations.create_external_location(
        CreateExternalLocation(name="west", url="s3://dr/west", credential_name="dr", comment="landing")
    )
    made = location(await locations.get_external_location("west"))
    await locations.update_external_location("west", UpdateExternalLocation(credential_name="other"))
    changed = location(await locations.get_external_location("west"))
    await locations.delete_external_location("west")
    return {
        "table": [table.table_type.value, table.data_source_format.value, table.storage_location, table.table_id],
        "no_table": await refusal(tables.get_table("cat.raw.nothing")),
        "lent": [
            lent(await lending.generate_temporary_table_credentials(of_table)),
            lent(await lending.generate_temporary_path_credentials(of_path)),
        ],
        "location": made,
        "changed": changed,
        "no_location": await refusal(locations.get_external_location("west")),
    }


async def main(url, name):
    async with ApiClient(Configuration(host=f"{url}/api/2.1/unity-catalog")) as client:
        client.set_default_header("Authorization", f"Bearer {os.environ['UNITY_CATALOG_TOKEN']}")
        print(json.dumps(await ask(client, name)))


asyncio.run(main(*sys.argv[1:]))
