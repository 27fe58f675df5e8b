terraform import lakedr_sync_group.etl etl
