# Managed by the configuration of another team.
data "lakedr_external_location" "west" {
  name = "west_sync"
}

output "copies_go_to" {
  value = "${data.lakedr_external_location.west.url} in ${data.lakedr_external_location.west.region}"
}
