// Terraform, built from source: the newest whose module can be had, with the command `query`, which it calls an experiment.
// A module of its own because Terraform keeps its backends in modules that are published nowhere: where one is replaced
// by a folder, the folder is made of `absent.go`. The tests keep every state in a local file and need none of them.
// It is built to test with, and is never part of what is released: its licence is BUSL-1.1.
module lakedr/tools/terraform

go 1.26

require github.com/hashicorp/terraform v1.13.3

replace (
	github.com/hashicorp/terraform/internal/backend/remote-state/azure => ./absent/azure
	github.com/hashicorp/terraform/internal/backend/remote-state/consul => ./absent/consul
	github.com/hashicorp/terraform/internal/backend/remote-state/cos => ./absent/cos
	github.com/hashicorp/terraform/internal/backend/remote-state/gcs => ./absent/gcs
	github.com/hashicorp/terraform/internal/backend/remote-state/kubernetes => ./absent/kubernetes
	github.com/hashicorp/terraform/internal/backend/remote-state/oci => ./absent/oci
	github.com/hashicorp/terraform/internal/backend/remote-state/oss => ./absent/oss
	github.com/hashicorp/terraform/internal/backend/remote-state/pg => ./absent/pg
	github.com/hashicorp/terraform/internal/backend/remote-state/s3 => ./absent/s3
	github.com/hashicorp/terraform/internal/legacy => ./absent/legacy
)
