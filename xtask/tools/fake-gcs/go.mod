// fake-gcs-server behind a front that lets it be written to through the XML API.
module lakedr/tools/fake-gcs

go 1.26.0

require github.com/fsouza/fake-gcs-server v1.56.1
