// OpenTofu, built from source: the tests run the provider under it beside Terraform.
// A module of its own because OpenTofu replaces a dependency, which `go install` refuses;
// the replacement below is the one in the go.mod of the required version.
module lakedr/tools/tofu

go 1.26.6

require github.com/opentofu/opentofu v1.12.6

replace github.com/hashicorp/hcl/v2 v2.20.1 => github.com/opentofu/hcl/v2 v2.20.2-0.20251021132045-587d123c2828
