// s5cmd, a peer of the benches, built from source. A module of its own: `go install` asks for the newest version too,
// which a module proxy may not serve.
module lakedr/tools/s5cmd

go 1.24.0

require github.com/peak/s5cmd/v2 v2.3.0
