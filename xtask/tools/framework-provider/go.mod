// The peer of the bench row `many-groups`: a provider of Terraform's own framework that keeps each resource in a local file.
module lakedr/tools/framework-provider

go 1.25.0

require (
	github.com/hashicorp/terraform-plugin-framework v1.19.0
	github.com/hashicorp/terraform-plugin-go v0.31.0
)
