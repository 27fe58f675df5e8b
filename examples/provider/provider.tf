terraform {
  required_providers {
    lakedr = {
      source  = "registry.terraform.io/lakedr/lakedr"
      version = "~> 0.1"
    }
  }
}

# Apply the same configuration once per region, each time with the control store of that region.
provider "lakedr" {
  region      = "eastus2"
  control_url = "abfss://control@eastdr.dfs.core.windows.net/lakedr"
}
