//! Harness of the lakedr stories.
