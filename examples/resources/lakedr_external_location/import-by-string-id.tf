import {
  to = lakedr_external_location.east
  id = "east_sync"
}
