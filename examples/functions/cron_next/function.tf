# 2026-11-22T03:00:00Z
output "next_snapshot" {
  value = provider::lakedr::cron_next("0 3 * * 0", "UTC", "2026-11-20T08:00:00Z")
}
