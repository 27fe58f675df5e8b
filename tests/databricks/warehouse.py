"""Asks a SQL warehouse what lakedr asks it, with the SDK of its vendor, and holds that to what the answers should be.

    warehouse.py URL WAREHOUSE_ID  (DATABRICKS_TOKEN)
"""

import sys

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.sql import Disposition, Format, QueryFilter, QueryStatus, StatementState

HISTORY = (
    "SELECT version, operation, operationParameters['sourceVersion'] FROM (DESCRIBE HISTORY `cat`.`mart`.`gold`) "
    "WHERE operation NOT IN ('OPTIMIZE') ORDER BY version DESC LIMIT 5"
)


def ended(workspace, warehouse, text):
    sent = workspace.statement_execution.execute_statement(
        statement=text,
        warehouse_id=warehouse,
        wait_timeout="0s",
        disposition=Disposition.INLINE,
        format=Format.JSON_ARRAY,
    )
    return workspace.statement_execution.get_statement(sent.statement_id)


def queries(workspace, warehouse, status):
    """All pages; the SDK leaves them to its callers."""
    found, token = [], None
    wanted = QueryFilter(warehouse_ids=[warehouse], statuses=[status])
    while True:
        page = workspace.query_history.list(filter_by=wanted, max_results=100, page_token=token)
        found += page.res
        if not page.has_next_page:
            return found
        token = page.next_page_token


def main(url, warehouse):
    workspace = WorkspaceClient(host=url)
    told = ended(workspace, warehouse, HISTORY)
    assert told.status.state == StatementState.SUCCEEDED, told
    assert told.result.data_array == [["0", "CLONE", "0"]], told
    refused = ended(workspace, warehouse, "DROP TABLE x")
    assert refused.status.state == StatementState.FAILED, refused
    assert "PARSE_SYNTAX_ERROR" in refused.status.error.message, refused
    workspace.statement_execution.cancel_execution(told.statement_id)
    finished = queries(workspace, warehouse, QueryStatus.FINISHED)
    assert HISTORY in [query.query_text for query in finished], finished
    assert told.statement_id in [query.query_id for query in finished], finished
    assert not queries(workspace, warehouse, QueryStatus.RUNNING)
    print("understood")


main(*sys.argv[1:])
