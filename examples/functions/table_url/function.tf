locals {
  lake = "abfss://lake@west.dfs.core.windows.net/"
}

# abfss://lake@west.dfs.core.windows.net/cat/raw/bronze
output "bronze" {
  value = provider::lakedr::table_url(local.lake, "cat.raw.bronze")
}
