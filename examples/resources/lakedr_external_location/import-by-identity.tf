import {
  to       = lakedr_external_location.east
  identity = { name = "east_sync" }
}
