terraform {
  required_providers {
    lakedr = {
      source = "registry.terraform.io/lakedr/lakedr"
    }
  }
}

# Apply the same configuration once per region, each into the control store of that region.
provider "lakedr" {
  region      = "eastus2"
  control_url = "abfss://control@eastdr.dfs.core.windows.net/lakedr"
}
