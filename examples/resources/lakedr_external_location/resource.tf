resource "lakedr_external_location" "east" {
  name    = "east_sync"
  region  = "eastus2"
  url     = "abfss://dr-sync@eastdr.dfs.core.windows.net/"
  comment = "Copies, group logs and metadata while eastus2 is the standby region"
}

# A location on Amazon S3, with credentials of its own. The executor resolves the secret references at run time:
# neither the configuration nor the state contains the secrets.
resource "lakedr_external_location" "west" {
  name   = "west_sync"
  region = "westus2"
  url    = "s3://dr-sync-west/lakedr"

  storage_options = {
    aws_region = "us-west-2"
  }
  secret_options = {
    aws_access_key_id     = "env://WEST_ACCESS_KEY_ID"
    aws_secret_access_key = "file:///run/secrets/west_secret_access_key"
  }

  # Terraform does not have access to this store.
  skip_validation = true
}
